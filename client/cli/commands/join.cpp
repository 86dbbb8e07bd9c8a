// trainyard join LINE

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/commands/session.h"
#include "client/cli/report.h"
#include "client/lib/login.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

struct Options {
  std::string line;
  std::string user;
  std::string name;
};

struct Invited {
  std::string address;
  std::string code;
  std::string fingerprint;
};

// trainyard://HOST:PORT/CODE#FINGERPRINT
absl::StatusOr<Invited> ParseLine(absl::string_view line) {
  constexpr absl::string_view kScheme = "trainyard://";
  const absl::Status bad = absl::InvalidArgumentError(
      "this is not a line to join by: trainyard://HOST:PORT/CODE#FINGERPRINT, in quotes");
  if (!absl::StartsWith(line, kScheme)) return bad;
  const std::pair<std::string, std::string> pinned =
      absl::StrSplit(line.substr(kScheme.size()), absl::MaxSplits('#', 1));
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(pinned.first, absl::MaxSplits('/', 1));
  if (parts.second.empty() || !absl::StrContains(parts.first, ':')) return bad;
  if (!pinned.second.empty() && pinned.second.size() != 64) {
    return absl::InvalidArgumentError(
        "the fingerprint, behind #, has 64 letters and digits: part of the line is missing");
  }
  return Invited{parts.first, parts.second, pinned.second};
}

int ReportNotJoined(Context& context, const grpc::Status& status) {
  const int code = ReportError(context, status);
  if (status.error_code() == grpc::StatusCode::ALREADY_EXISTS ||
      status.error_code() == grpc::StatusCode::INVALID_ARGUMENT) {
    context.err() << "hint: by a line for several people you choose your id: --user ID\n";
  }
  return code;
}

int Run(Context& context, const Options& options) {
  auto invited = ParseLine(options.line);
  if (!invited.ok()) return ReportUsage(context, invited.status());
  // Before the code is used up: its token could not be kept.
  if (auto logins = ReadLogins(); !logins.ok()) return ReportError(context, logins.status());
  auto authority = FindAuthority(invited->address, invited->fingerprint);
  if (!authority.ok()) return ReportNotSignedIn(context, authority.status());
  Endpoint endpoint{invited->address, "", *authority};
  Connection connection(endpoint);
  v1::JoinClassRequest request;
  request.set_code(invited->code);
  request.set_user_id(options.user);
  request.set_display_name(options.name);
  request.set_request_id(NewRequestId());
  v1::JoinClassResponse joined;
  const grpc::Status status = connection.Call(&v1::AdminService::Stub::JoinClass, request, &joined);
  if (!status.ok()) return ReportNotJoined(context, status);
  endpoint.token = joined.token().secret();
  return SignIn(context, endpoint);
}

}  // namespace

void AddJoin(CLI::App& app, Context& context) {
  auto [command, options] = AddCommand<Options>(
      app, context, "join", "Join a class, once, by the line that its instructor gave", Run);
  command.add_option("LINE", options.line, "trainyard://HOST:PORT/CODE#FINGERPRINT, in quotes")
      ->required();
  command.add_option("--user", options.user, "Your id, where the line is not for you alone");
  command.add_option("--name", options.name, "Your name, where the line is not for you alone");
  command.preparse_callback([&context](std::size_t) { context.finds_server = true; });
}

}  // namespace trainyard::client
