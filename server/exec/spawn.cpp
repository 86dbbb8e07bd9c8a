#include "server/exec/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include <cstring>

#include "absl/status/status.h"

// Where the C library keeps the environment; POSIX declares it nowhere.
extern char** environ;

namespace trainyard::server {
namespace {

// The two things that posix_spawn is told, freed together.
struct Settings {
  Settings() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  ~Settings() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  Settings(const Settings&) = delete;
  Settings& operator=(const Settings&) = delete;

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

void Redirect(Settings& settings, const std::string& log_file) {
  ::posix_spawn_file_actions_addopen(&settings.actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&settings.actions, STDOUT_FILENO, log_file.c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::posix_spawn_file_actions_adddup2(&settings.actions, STDOUT_FILENO, STDERR_FILENO);
  // Ours are close-on-exec; those that we inherited ourselves may not be.
  ::posix_spawn_file_actions_addclosefrom_np(&settings.actions, STDERR_FILENO + 1);
}

void ResetSignals(Settings& settings) {
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&settings.attributes, &none);
  ::posix_spawnattr_setsigdefault(&settings.attributes, &all);
  ::posix_spawnattr_setflags(
      &settings.attributes,
      static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID));
}

}  // namespace

absl::StatusOr<pid_t> Spawn(const std::vector<std::string>& arguments,
                            const std::filesystem::path& log_file) {
  Settings settings;
  Redirect(settings, log_file.string());
  ResetSignals(settings);
  std::vector<char*> argv;
  // posix_spawn's signature takes char*, and does not write through it.
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int error =
      ::posix_spawn(&pid, argv[0], &settings.actions, &settings.attributes, argv.data(), environ);
  if (error == 0) return pid;
  const std::string message = "cannot start " + arguments[0] + ": " + std::strerror(error);
  if (error == EAGAIN || error == ENOMEM) return absl::ResourceExhaustedError(message);
  return absl::InternalError(message);
}

}  // namespace trainyard::server
