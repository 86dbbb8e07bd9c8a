#include "server/exec/confine.h"

#include <seccomp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "core/base/text.h"

namespace trainyard::server {
namespace {

constexpr std::uint32_t kDeny = SCMP_ACT_ERRNO(EPERM);

// io_uring opens sockets past the rule for socket().
constexpr std::array kDenied = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(bpf),
    SCMP_SYS(userfaultfd),
};

absl::Status Unavailable(int error) {
  return absl::UnavailableError(StrCat("seccomp: ", std::strerror(error)));
}

int AddRules(scmp_filter_ctx filter) {
  for (const int call : kDenied) {
    if (const int failed = seccomp_rule_add(filter, kDeny, call, 0); failed != 0) return failed;
  }
  // SCMP_A0 is C alone.
  constexpr scmp_arg_cmp kNotUnix = {0, SCMP_CMP_NE, AF_UNIX, 0};
  return seccomp_rule_add_array(filter, kDeny, SCMP_SYS(socket), 1, &kNotUnix);
}

}  // namespace

absl::Status CanConfine() { return seccomp_api_get() > 0 ? absl::OkStatus() : Unavailable(ENOSYS); }

absl::Status ConfineProcess() {
  const std::unique_ptr<void, void (*)(scmp_filter_ctx)> filter(seccomp_init(SCMP_ACT_ALLOW),
                                                                seccomp_release);
  if (filter == nullptr) return Unavailable(ENOMEM);
  int failed = AddRules(filter.get());
  if (failed == 0) failed = seccomp_load(filter.get());
  return failed == 0 ? absl::OkStatus() : Unavailable(-failed);
}

}  // namespace trainyard::server
