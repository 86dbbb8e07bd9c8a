// trainyard class invite | invitations | withdraw

#include <google/protobuf/empty.pb.h>

#include <ctime>
#include <fstream>
#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client/cli/choices.h"
#include "client/cli/class_view.h"
#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/report.h"
#include "client/lib/login.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

struct InviteOptions {
  std::vector<std::string> ids;
  std::string roster;
  int shared = 0;
  int days = 14;
  std::string role = "student";
  std::string address;
};
struct NoOptions {};

// As spreadsheets write it: in quotes where it has a comma, with quotes doubled.
std::string Unquoted(absl::string_view cell) {
  cell = absl::StripAsciiWhitespace(cell);
  if (cell.size() < 2 || cell.front() != '"' || cell.back() != '"') return std::string(cell);
  return absl::StrReplaceAll(cell.substr(1, cell.size() - 2), {{"\"\"", "\""}});
}

// A roster has a line for each person: id, and behind a comma their name. A first
// line that says what the columns are is passed over, and so are blank lines.
absl::StatusOr<std::vector<v1::Invitation>> ReadRoster(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) return absl::NotFoundError(absl::StrCat("cannot read ", file));
  std::vector<v1::Invitation> invitations;
  std::map<std::string, int> lines;
  std::string line;
  for (int number = 1; std::getline(stream, line); ++number) {
    absl::string_view text = line;
    if (number == 1) absl::ConsumePrefix(&text, "\xEF\xBB\xBF");
    const std::pair<absl::string_view, absl::string_view> columns =
        absl::StrSplit(absl::StripAsciiWhitespace(text), absl::MaxSplits(',', 1));
    const std::string id = Unquoted(columns.first);
    if (id.empty() || (number == 1 && (id == "id" || id == "user" || id == "user_id"))) continue;
    if (const auto [other, fresh] = lines.emplace(id, number); !fresh) {
      return absl::InvalidArgumentError(absl::StrCat(file, ", line ", number, ": ", id,
                                                     " is in line ", other->second, " already"));
    }
    v1::Invitation& invitation = invitations.emplace_back();
    invitation.set_user_id(id);
    invitation.set_display_name(Unquoted(columns.second));
  }
  if (invitations.empty()) return absl::InvalidArgumentError(absl::StrCat(file, " names nobody"));
  return invitations;
}

absl::StatusOr<std::vector<v1::Invitation>> WhomToInvite(const InviteOptions& options) {
  std::vector<v1::Invitation> invitations;
  if (!options.roster.empty()) {
    auto roster = ReadRoster(options.roster);
    if (!roster.ok()) return roster.status();
    invitations = *std::move(roster);
  }
  for (const std::string& id : options.ids) invitations.emplace_back().set_user_id(id);
  if (options.shared > 0) invitations.emplace_back().set_max_uses(options.shared);
  if (invitations.empty()) {
    return absl::InvalidArgumentError("whom? name ids, a --roster, or --shared N for one code");
  }
  return invitations;
}

grpc::Status Invite(Context& context, bool dry_run, v1::Invitation& invitation) {
  v1::CreateInvitationRequest request;
  *request.mutable_invitation() = invitation;
  request.set_validate_only(dry_run);
  v1::Invitation answer;
  const grpc::Status status =
      context.connection().Call(&v1::AdminService::Stub::CreateInvitation, request, &answer);
  if (status.ok() && !dry_run) invitation = answer;
  return status;
}

int RunInvite(Context& context, const InviteOptions& options) {
  auto invitations = WhomToInvite(options);
  if (!invitations.ok()) return ReportUsage(context, invitations.status());
  const std::string address =
      options.address.empty() ? context.connection().address() : options.address;
  for (v1::Invitation& invitation : *invitations) {
    invitation.set_role(ParseRole(options.role));
    invitation.mutable_expire_time()->set_seconds(std::time(nullptr) +
                                                  std::time_t{86'400} * options.days);
  }
  // All are checked before one is made, so that a roster is not half invited.
  for (const bool dry_run : {true, false}) {
    for (v1::Invitation& invitation : *invitations) {
      if (const grpc::Status status = Invite(context, dry_run, invitation); !status.ok()) {
        return ReportError(context, status);
      }
      if (dry_run) continue;
      if (context.json) {
        PrintJson(context, invitation);
      } else {
        const std::string whom =
            invitation.user_id().empty() ? "" : absl::StrCat(invitation.user_id(), "\t");
        context.out() << whom << JoinLine(address, invitation) << "\n";
      }
    }
  }
  if (IsLoopback(address) && !context.json) {
    context.err() << "hint: " << address
                  << " is reached from this machine only; --address HOST:PORT says what others "
                     "call\n";
  }
  return kDone;
}

int RunInvitations(Context& context, const NoOptions&) {
  v1::ListInvitationsResponse invitations;
  const grpc::Status status =
      ListAll(context.connection(), &v1::AdminService::Stub::ListInvitations,
              v1::ListInvitationsRequest(), &invitations);
  if (!status.ok()) return ReportError(context, status);
  PrintInvitations(context, invitations);
  return kDone;
}

int RunWithdraw(Context& context, const NameOptions& options) {
  v1::DeleteInvitationRequest request;
  request.set_name(absl::StrCat("invitations/", BareId(options.name)));
  request.set_request_id(NewRequestId());
  google::protobuf::Empty nothing;
  const grpc::Status status =
      context.connection().Call(&v1::AdminService::Stub::DeleteInvitation, request, &nothing);
  if (!status.ok()) return ReportError(context, status);
  PrintDeleted(context, "invitation", BareId(options.name));
  return kDone;
}

}  // namespace

void AddClassInvite(CLI::App& group, Context& context) {
  auto [invite, options] = AddCommand<InviteOptions>(
      group, context, "invite", "Make the lines by which people join, and print them", RunInvite);
  invite.add_option("ID", options.ids, "Ids of people to invite");
  invite.add_option("--roster", options.roster, "File with a line for each: id,name")
      ->type_name("FILE");
  invite
      .add_option("--shared", options.shared, "One line for so many people, who choose their ids")
      ->check(CLI::Range(1, 10'000));
  invite.add_option("--days", options.days, "Days that the lines are good for")
      ->check(CLI::Range(1, 365))
      ->capture_default_str();
  invite.add_option("--role", options.role, "What they may do")
      ->check(Choices({"student", "instructor", "admin"}))
      ->capture_default_str();
  invite.add_option("--address", options.address,
                    "HOST:PORT that they call (default: the one that this call is made to)");
  AddCommand<NoOptions>(group, context, "invitations", "List invitations", RunInvitations);
  AddNamedCommand(group, context, "withdraw", "Withdraw an invitation", RunWithdraw);
}

}  // namespace trainyard::client
