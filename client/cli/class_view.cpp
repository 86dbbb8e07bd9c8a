#include "client/cli/class_view.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/report.h"
#include "client/cli/term/format.h"
#include "client/cli/term/table.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

constexpr std::array<std::pair<v1::Role, const char*>, 3> kRoles = {
    {{v1::STUDENT, "student"}, {v1::INSTRUCTOR, "instructor"}, {v1::ADMIN, "admin"}}};

// "3 of 100", or "3" without a bound.
std::string Of(std::string used, bool bounded, std::string bound) {
  return bounded ? absl::StrCat(used, " of ", bound) : std::move(used);
}

Properties QuotaLines(const v1::Quota& quota) {
  Properties lines;
  const auto text = [](bool set, std::string value) { return set ? value : "no bound"; };
  lines.Add("dataset_bytes", text(quota.has_dataset_bytes(), Bytes(quota.dataset_bytes())));
  lines.Add("checkpoint_bytes",
            text(quota.has_checkpoint_bytes(), Bytes(quota.checkpoint_bytes())));
  lines.Add("queued_jobs", text(quota.has_queued_jobs(), absl::StrCat(quota.queued_jobs())));
  lines.Add("running_jobs", text(quota.has_running_jobs(), absl::StrCat(quota.running_jobs())));
  lines.Add("streams", text(quota.has_streams(), absl::StrCat(quota.streams())));
  lines.Add("calls_per_second",
            text(quota.has_calls_per_second(), absl::StrCat(quota.calls_per_second())));
  lines.Add("cpu_seconds_per_day",
            text(quota.has_cpu_seconds_per_day(), absl::StrCat(quota.cpu_seconds_per_day())));
  return lines;
}

}  // namespace

std::string RoleWord(v1::Role role) {
  for (const auto& [value, word] : kRoles) {
    if (value == role) return word;
  }
  return "unknown";
}

v1::Role ParseRole(absl::string_view word) {
  for (const auto& [value, known] : kRoles) {
    if (word == known) return value;
  }
  return v1::ROLE_UNSPECIFIED;
}

std::string JoinLine(const std::string& address, const v1::Invitation& invitation) {
  const std::string pin =
      invitation.fingerprint().empty() ? "" : absl::StrCat("#", invitation.fingerprint());
  return absl::StrCat("trainyard join 'trainyard://", address, "/", invitation.code(), pin, "'");
}

void PrintUser(Context& context, const v1::User& user) {
  if (context.json) return PrintJson(context, user);
  const v1::Quota& quota = user.effective_quota();
  const v1::Usage& usage = user.usage();
  Properties lines;
  lines.Add("user", user.name());
  lines.Add("called", user.display_name());
  lines.Add("role", absl::StrCat(RoleWord(user.role()), user.disabled() ? ", disabled" : ""));
  lines.Add("datasets", Of(Bytes(usage.dataset_bytes()), quota.has_dataset_bytes(),
                           Bytes(quota.dataset_bytes())));
  lines.Add("checkpoints", Of(Bytes(usage.checkpoint_bytes()), quota.has_checkpoint_bytes(),
                              Bytes(quota.checkpoint_bytes())));
  lines.Add("waiting jobs", Of(absl::StrCat(usage.queued_jobs()), quota.has_queued_jobs(),
                               absl::StrCat(quota.queued_jobs())));
  lines.Add("running jobs", Of(absl::StrCat(usage.running_jobs()), quota.has_running_jobs(),
                               absl::StrCat(quota.running_jobs())));
  lines.Add("streams",
            Of(absl::StrCat(usage.streams()), quota.has_streams(), absl::StrCat(quota.streams())));
  lines.Add("CPU seconds today",
            Of(absl::StrCat(usage.cpu_seconds_today()), quota.has_cpu_seconds_per_day(),
               absl::StrCat(quota.cpu_seconds_per_day())));
  lines.Add("last seen", LocalTime(user.last_use_time()));
  context.out() << lines.Render(context.look());
}

void PrintUsers(Context& context, const v1::ListUsersResponse& users) {
  if (context.json) return PrintJson(context, users);
  Table table({{"USER"},
               {"NAME"},
               {"ROLE"},
               {"DATASETS", Align::kRight},
               {"WAITING", Align::kRight},
               {"RUNNING", Align::kRight},
               {"LAST SEEN"}});
  for (const v1::User& user : users.users()) {
    table.AddRow({BareId(user.name()), user.display_name(),
                  absl::StrCat(RoleWord(user.role()), user.disabled() ? ", disabled" : ""),
                  Bytes(user.usage().dataset_bytes()), absl::StrCat(user.usage().queued_jobs()),
                  absl::StrCat(user.usage().running_jobs()), LocalTime(user.last_use_time())});
  }
  context.out() << table.Render(context.look());
}

void PrintInvitations(Context& context, const v1::ListInvitationsResponse& invitations) {
  if (context.json) return PrintJson(context, invitations);
  Table table({{"INVITATION"}, {"FOR"}, {"NAME"}, {"ROLE"}, {"USED"}, {"UNTIL"}});
  for (const v1::Invitation& invitation : invitations.invitations()) {
    table.AddRow({BareId(invitation.name()),
                  invitation.user_id().empty() ? "anybody" : invitation.user_id(),
                  invitation.display_name(), RoleWord(invitation.role()),
                  absl::StrCat(invitation.uses(), " of ", invitation.max_uses()),
                  LocalTime(invitation.expire_time())});
  }
  context.out() << (table.empty() ? "no invitations; make some with: trainyard class invite\n"
                                  : table.Render(context.look()));
}

void PrintTokens(Context& context, const v1::ListTokensResponse& tokens) {
  if (context.json) return PrintJson(context, tokens);
  Table table({{"TOKEN"}, {"FOR"}, {"MAY"}, {"UNTIL"}, {"LAST USED"}});
  for (const v1::Token& token : tokens.tokens()) {
    table.AddRow({BareId(token.name()), token.display_name(),
                  token.scope() == v1::READ ? "read" : "all",
                  token.has_expire_time() ? LocalTime(token.expire_time()) : "it is revoked",
                  LocalTime(token.last_use_time())});
  }
  context.out() << table.Render(context.look());
}

void PrintSettings(Context& context, const v1::ClassSettings& settings) {
  if (context.json) return PrintJson(context, settings);
  context.out() << "quota of a student who has no other:\n"
                << QuotaLines(settings.quota()).Render(context.look());
}

void PrintAudit(Context& context, const v1::ListAuditEntriesResponse& entries) {
  if (context.json) return PrintJson(context, entries);
  Table table({{"TIME"}, {"USER"}, {"METHOD"}, {"RESOURCE"}});
  for (const v1::AuditEntry& entry : entries.entries()) {
    table.AddRow({LocalTime(entry.time()), BareId(entry.user()), entry.method(), entry.resource()});
  }
  context.out() << table.Render(context.look());
}

}  // namespace trainyard::client
