// trainyard login | logout | whoami

#include "client/lib/login.h"

#include <termios.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/cli/class_view.h"
#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/commands/session.h"
#include "client/cli/report.h"

namespace trainyard::client {
namespace {

struct LoginOptions {
  std::string fingerprint;
};
struct NoOptions {};

// TRAINYARD_TOKEN, or a line of standard input, unseen where it is typed. Never an
// option: command lines are seen by everybody on the machine.
std::string ReadToken(Context& context) {
  if (const char* token = std::getenv("TRAINYARD_TOKEN"); token != nullptr) return token;
  termios shown{};
  const bool terminal = ::isatty(STDIN_FILENO) == 1 && ::tcgetattr(STDIN_FILENO, &shown) == 0;
  if (terminal) {
    context.err() << "token: " << std::flush;
    termios hidden = shown;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &hidden);
  }
  std::string line;
  std::getline(std::cin, line);
  if (terminal) {
    ::tcsetattr(STDIN_FILENO, TCSANOW, &shown);
    context.err() << "\n";
  }
  return std::string(absl::StripAsciiWhitespace(line));
}

int LogIn(Context& context, const LoginOptions& options) {
  if (context.server.empty()) {
    return ReportUsage(context, absl::InvalidArgumentError("login needs --server HOST:PORT"));
  }
  auto authority = FindAuthority(context.server, options.fingerprint);
  if (!authority.ok()) return ReportNotSignedIn(context, authority.status());
  const std::string token = ReadToken(context);
  if (token.empty()) {
    return ReportUsage(context,
                       absl::InvalidArgumentError("login reads a token from standard input"));
  }
  return SignIn(context, {context.server, token, *authority});
}

int LogOut(Context& context, const NoOptions&) {
  auto logins = ReadLogins();
  if (!logins.ok()) return ReportError(context, logins.status());
  const std::string address = context.server.empty() ? logins->current : context.server;
  const auto known = logins->servers.find(address);
  if (known == logins->servers.end()) {
    return ReportError(context, absl::NotFoundError("not signed in"));
  }
  Connection connection(Endpoint{address, known->second.token, known->second.authority});
  v1::DeleteTokenRequest request;
  request.set_name("users/me/tokens/me");
  google::protobuf::Empty nothing;
  const grpc::Status revoked =
      connection.Call(&v1::AdminService::Stub::DeleteToken, request, &nothing);
  // One that the server does not know any more need not be revoked.
  const bool spent = revoked.ok() || revoked.error_code() == grpc::StatusCode::UNAUTHENTICATED;
  if (!spent) return ReportError(context, revoked);
  logins->servers.erase(known);
  if (logins->current == address) {
    logins->current = logins->servers.empty() ? "" : logins->servers.begin()->first;
  }
  if (auto written = WriteLogins(*logins); !written.ok()) return ReportError(context, written);
  if (!context.json) context.out() << "signed out of " << address << "; its token is revoked\n";
  return kDone;
}

int WhoAmI(Context& context, const NoOptions&) {
  v1::GetUserRequest request;
  request.set_name("users/me");
  v1::User user;
  const grpc::Status status =
      context.connection().Call(&v1::AdminService::Stub::GetUser, request, &user);
  if (!status.ok()) return ReportError(context, status);
  PrintUser(context, user);
  return kDone;
}

}  // namespace

void AddLogin(CLI::App& app, Context& context) {
  auto [login, options] = AddCommand<LoginOptions>(
      app, context, "login", "Sign in at a server with a token, read from standard input", LogIn);
  login.add_option("--fingerprint", options.fingerprint,
                   "SHA-256 of the certificate of the server's authority (default: trust those "
                   "that this machine trusts)");
  login.preparse_callback([&context](std::size_t) { context.finds_server = true; });
  auto [logout, none] = AddCommand<NoOptions>(app, context, "logout",
                                              "Revoke this machine's token and forget it", LogOut);
  logout.preparse_callback([&context](std::size_t) { context.finds_server = true; });
  AddCommand<NoOptions>(app, context, "whoami", "Show who you are, and what you use and may use",
                        WhoAmI);
}

}  // namespace trainyard::client
