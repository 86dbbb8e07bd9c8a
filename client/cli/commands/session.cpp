#include "client/cli/commands/session.h"

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "client/cli/class_view.h"
#include "client/cli/report.h"
#include "client/lib/authority.h"
#include "client/lib/login.h"

namespace trainyard::client {

absl::StatusOr<std::string> FindAuthority(const std::string& address,
                                          const std::string& fingerprint) {
  if (!fingerprint.empty()) return FetchAuthority(address, fingerprint);
  return IsLoopback(address) ? "" : kSystemAuthorities;
}

int SignIn(Context& context, const Endpoint& endpoint) {
  Connection connection(endpoint);
  v1::GetUserRequest request;
  request.set_name("users/me");
  v1::User user;
  const grpc::Status status = connection.Call(&v1::AdminService::Stub::GetUser, request, &user);
  if (!status.ok()) {
    const int code = ReportError(context, status);
    if (code == kUnreachable && endpoint.authority == kSystemAuthorities) {
      context.err() << "hint: a class with a certificate of its own is known by its fingerprint: "
                       "--fingerprint, as lines to join by have it behind #\n";
    }
    return code;
  }
  auto logins = ReadLogins();
  if (!logins.ok()) return ReportError(context, logins.status());
  logins->current = endpoint.address;
  logins->servers[endpoint.address] = {endpoint.token, endpoint.authority, user.name()};
  if (auto written = WriteLogins(*logins); !written.ok()) return ReportError(context, written);
  if (context.json) {
    PrintJson(context, user);
    return kDone;
  }
  context.out() << "signed in at " << endpoint.address << " as " << user.name() << ", "
                << RoleWord(user.role()) << "\n"
                << "try: trainyard train --preset notebook --watch\n";
  return kDone;
}

}  // namespace trainyard::client
