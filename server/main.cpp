// trainyard-server: options, signals, and the one line that says it is ready.
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <thread>

#include "absl/strings/numbers.h"
#include "core/base/file.h"
#include "server/admin/backup.h"
#include "server/admin/check.h"
#include "server/admin/init.h"
#include "server/app.h"
#include "server/log.h"

namespace {

// The worker binary is beside this one.
std::filesystem::path WorkerBinary() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return self.parent_path() / "trainyard-worker";
}

// Blocks the signals that end the server or have it read its configuration again, in every thread
// to come, so that one sigwait hears them.
sigset_t BlockSignals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  ::sigaddset(&signals, SIGHUP);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return signals;
}

// Nothing that was acknowledged is in danger: what could not be made durable was
// not acknowledged, and the next start begins from what is on disk.
void EndAtOnce(const absl::Status& error) {
  spdlog::critical(
      "{}: the disk may be failing; this server ends, and goes on when it is started "
      "again",
      std::string(error.message()));
  ::_exit(1);
}

int Fail(const absl::Status& status) {
  std::cerr << "trainyard-server: " << status.message() << std::endl;
  return 1;
}

// Prints what is wrong, a line each; 0 where nothing is.
int Check(const std::filesystem::path& data_dir) {
  const auto report = trainyard::server::CheckDirectory(
      trainyard::server::Layout(std::filesystem::absolute(data_dir)));
  if (!report.ok()) return Fail(report.status());
  for (const std::string& fault : report->faults) std::cout << "FAULT " << fault << "\n";
  for (const std::string& path : report->leftovers) std::cout << "unused " << path << "\n";
  std::cout << report->datasets << " datasets, " << report->jobs << " jobs, " << report->events
            << " events, " << report->checkpoints << " checkpoints: "
            << (report->faults.empty() ? std::string("all is well")
                                       : std::to_string(report->faults.size()) + " faults")
            << std::endl;
  return report->faults.empty() ? 0 : 1;
}

int BackUp(const std::filesystem::path& data_dir, const std::filesystem::path& to) {
  const auto status = trainyard::server::BackUpDirectory(
      trainyard::server::Layout(std::filesystem::absolute(data_dir)),
      std::filesystem::absolute(to));
  if (!status.ok()) return Fail(status);
  std::cout << "backed up to " << to.string() << "; start a server with that --data-dir to restore"
            << std::endl;
  return 0;
}

// What may change without a restart. Certificates are read again by themselves, and
// quotas and users are no configuration.
void ReadLogLevelAgain(CLI::App& cli, int argc, char** argv) {
  try {
    cli.clear();
    cli.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    spdlog::error("SIGHUP: the configuration is not read: {}", error.what());
    return;
  }
  const std::string level = cli.get_option("--log-level")->as<std::string>();
  trainyard::server::SetLogLevel(level);
  spdlog::info("SIGHUP: log level {}", level);
}

// After what was made; returns the process's exit status.
int PrintToken(const trainyard::server::Initialized& made) {
  std::cout << "\n\nfingerprint  " << made.fingerprint << "\ntoken        " << made.token
            << "\n\nKeep the token: it is not shown again. Start the server, then log in with it:\n"
            << "  trainyard login --server HOST:PORT --fingerprint " << made.fingerprint
            << std::endl;
  return 0;
}

int Init(const std::filesystem::path& data_dir, const trainyard::server::InitOptions& options) {
  const auto made = trainyard::server::InitDirectory(
      trainyard::server::Layout(std::filesystem::absolute(data_dir)), options);
  if (!made.ok()) return Fail(made.status());
  std::cout << "made " << made->admin << ", the first administrator, and certificates for";
  for (const std::string& name : made->names) std::cout << " " << name;
  return PrintToken(*made);
}

int NewToken(const std::filesystem::path& data_dir, const std::string& admin) {
  const auto made = trainyard::server::NewAdministratorToken(
      trainyard::server::Layout(std::filesystem::absolute(data_dir)), admin);
  if (!made.ok()) return Fail(made.status());
  std::cout << "made a token for " << made->admin << ", whose others stay as they are";
  return PrintToken(*made);
}

int Renew(const std::filesystem::path& data_dir, const std::vector<std::string>& names) {
  const auto renewed = trainyard::server::RenewCertificate(
      trainyard::server::Layout(std::filesystem::absolute(data_dir)), names);
  if (!renewed.ok()) return Fail(renewed.status());
  std::cout << "new certificate for";
  for (const std::string& name : *renewed) std::cout << " " << name;
  std::cout << "; a server that runs takes it within seconds" << std::endl;
  return 0;
}

// CLI::Range lets NaN through.
CLI::Validator FiniteIn(double low, double high) {
  const auto check = [=](const std::string& text) {
    double value = 0;
    const bool within = absl::SimpleAtod(text, &value) && value >= low && value <= high;
    return within ? std::string() : fmt::format("Value {} not in range {} to {}", text, low, high);
  };
  return {check, "", "FiniteIn"};
}

}  // namespace

int main(int argc, char** argv) {
  // gRPC's own log repeats what our errors say, in its words.
  ::setenv("GRPC_VERBOSITY", "NONE", 0);
  trainyard::server::AppOptions options;
  options.slots = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  options.worker = WorkerBinary();
  CLI::App cli("Trainyard's server: owns datasets and training jobs");
  cli.set_version_flag("--version", "trainyard-server " TRAINYARD_VERSION);
  cli.add_option("--data-dir", options.data_dir, "Directory that holds everything; made if missing")
      ->required();
  cli.add_option("--listen", options.listen, "HOST:PORT for gRPC; port 0 picks a free one")
      ->capture_default_str();
  cli.add_option("--http", options.http,
                 "HOST:PORT for the API as JSON over HTTP, and the dashboard (default: off)");
  cli.add_option("--http-allow-origin", options.http_allow_origins,
                 "Origin whose pages may call over HTTP, as https://example.org; repeatable")
      ->type_name("ORIGIN");
  cli.add_option("--http-url", options.http_url,
                 "Where people reach that, if another program is in front: https://lab.example.edu")
      ->type_name("URL");
  cli.add_flag("--insecure", options.insecure,
               "Take tokens in plaintext: only behind something that encrypts, such as nginx");
  cli.add_option("--slots", options.slots, "Jobs that run at once (default: the cores)")
      ->check(CLI::Range(1, 1024));
  cli.add_option("--quantum", options.quantum,
                 "Seconds after which a job gives way, at the end of its epoch, to jobs that are "
                 "before it in the queue; after as many again within the epoch")
      ->check(FiniteIn(0.01, 86400.0))
      ->type_name("SECONDS")
      ->capture_default_str();
  cli.add_option("--keep-events", options.keep_events,
                 "Newest events kept of each job's log, 1000 or more (default: 0, all of them)")
      ->check(CLI::Range(std::int64_t{1000}, std::int64_t{1} << 40) | CLI::IsMember({"0"}));
  cli.add_option("--keep-audit", options.keep_audit_days,
                 "Days for which the audit log is kept (0: for ever)")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{36500}))
      ->type_name("DAYS")
      ->capture_default_str();
  cli.add_option("--watts-per-core", options.watts_per_core,
                 "Power of a busy core, for energy where it cannot be measured")
      ->check(FiniteIn(0.0, 1000.0))
      ->type_name("WATTS")
      ->capture_default_str();
  trainyard::server::LogOptions log;
  cli.add_option("--log-format", log.format, "How the log on standard error is written")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  cli.add_option("--log-level", log.level, "What the log tells; read again at SIGHUP")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->capture_default_str();
  cli.allow_config_extras(CLI::config_extras_mode::error);
  cli.set_config("--config", "", "File with these options, a line each: data-dir = \"/srv/lab\"")
      ->type_name("FILE");
  auto* check = cli.add_subcommand("check", "Verify a directory whose server is stopped");
  auto* backup = cli.add_subcommand("backup", "Copy a directory; its server may run");
  std::filesystem::path to;
  backup->add_option("--to", to, "Empty or new directory")->required();
  auto* init = cli.add_subcommand("init",
                                  "Make a class of a directory: certificates, and the "
                                  "first administrator's token");
  trainyard::server::InitOptions init_options;
  init->add_option("--name", init_options.names,
                   "Name or address by which the server is reached (default: this machine's)");
  init->add_option("--admin", init_options.admin, "Id of the administrator");
  auto* renew = cli.add_subcommand("renew", "Issue another certificate by the same authority");
  std::vector<std::string> renewed_names;
  renew->add_option("--name", renewed_names,
                    "Name or address by which the server is reached (default: this machine's)");
  auto* token = cli.add_subcommand("token",
                                   "Make another token for an administrator who has lost "
                                   "theirs; the server is stopped");
  std::string token_admin;
  token->add_option("--admin", token_admin, "Id of the administrator, if there are several");
  for (auto* command : {check, backup, init, renew, token}) command->fallthrough();
  try {
    cli.parse(argc, argv);
  } catch (const CLI::ConfigError& error) {
    std::cerr << cli.get_config_ptr()->as<std::string>() << ": " << error.what()
              << ": what it may say are the options of --help\n";
    return 2;
  } catch (const CLI::ParseError& error) {
    return cli.exit(error) == 0 ? 0 : 2;
  }

  ::umask(077);
  if (*check) return Check(options.data_dir);
  if (*backup) return BackUp(options.data_dir, to);
  if (*init) return Init(options.data_dir, init_options);
  if (*renew) return Renew(options.data_dir, renewed_names);
  if (*token) return NewToken(options.data_dir, token_admin);
  trainyard::server::StartLog(log);
  trainyard::SetSyncFailureHandler(EndAtOnce);
  const sigset_t signals = BlockSignals();
  auto app = trainyard::server::App::Start(options);
  if (!app.ok()) {
    spdlog::error("{}", std::string(app.status().message()));
    return 1;
  }
  std::cout << "listening grpc=" << (*app)->address();
  if (!options.http.empty()) std::cout << " http=" << (*app)->http_address();
  std::cout << std::endl;
  spdlog::info("serving {} with {} slots", options.data_dir.string(), options.slots);
  int signal = 0;
  while (::sigwait(&signals, &signal) == 0 && signal == SIGHUP) ReadLogLevelAgain(cli, argc, argv);
  spdlog::info("signal {}: draining", signal);
  (*app)->Drain();
  return 0;
}
