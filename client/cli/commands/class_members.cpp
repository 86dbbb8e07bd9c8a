// trainyard class list | set | settings | audit

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/choices.h"
#include "client/cli/class_view.h"
#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/report.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

struct NoOptions {};
struct SetOptions {
  std::string user;
  std::string role;
  bool disable = false;
  bool enable = false;
  std::vector<std::string> quota;
};
struct SettingsOptions {
  std::vector<std::string> quota;
};
struct AuditOptions {
  std::string user;
  int limit = 50;
};

std::string UserName(absl::string_view id) {
  return absl::StartsWith(id, "users/") ? std::string(id) : absl::StrCat("users/", id);
}

// Whether a field has room for the number as it is. Whole numbers beyond 2^53 are not
// told from their neighbours.
bool Holds(const google::protobuf::FieldDescriptor& field, double value) {
  using Field = google::protobuf::FieldDescriptor;
  if (!std::isfinite(value)) return false;
  if (field.cpp_type() == Field::CPPTYPE_DOUBLE) return true;
  const double most = field.cpp_type() == Field::CPPTYPE_INT32
                          ? std::numeric_limits<std::int32_t>::max()
                          : static_cast<double>(std::int64_t{1} << 53);
  return value == std::trunc(value) && std::abs(value) <= most;
}

// FIELD=VALUE, or FIELD=none for no bound, into a quota and the paths of a mask.
absl::Status ApplyQuota(const std::string& assignment, v1::Quota* quota,
                        google::protobuf::FieldMask* mask) {
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(assignment, absl::MaxSplits('=', 1));
  const auto* field = v1::Quota::descriptor()->FindFieldByName(parts.first);
  double value = 0;
  if (field == nullptr || (parts.second != "none" && !absl::SimpleAtod(parts.second, &value))) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", assignment,
                     "' is not FIELD=NUMBER or FIELD=none, with FIELD one of dataset_bytes, "
                     "checkpoint_bytes, queued_jobs, running_jobs, streams, calls_per_second, "
                     "cpu_seconds_per_day"));
  }
  if (!Holds(*field, value)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "'", assignment, "': ", parts.second, " is no number that ", parts.first, " can be",
        field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_DOUBLE
            ? ""
            : "; it is a whole number"));
  }
  mask->add_paths(absl::StrCat("quota.", parts.first));
  if (parts.second == "none") return absl::OkStatus();
  const auto* reflection = quota->GetReflection();
  using Field = google::protobuf::FieldDescriptor;
  switch (field->cpp_type()) {
    case Field::CPPTYPE_INT32:
      reflection->SetInt32(quota, field, static_cast<std::int32_t>(value));
      break;
    case Field::CPPTYPE_INT64:
      reflection->SetInt64(quota, field, static_cast<std::int64_t>(value));
      break;
    default:
      reflection->SetDouble(quota, field, value);
  }
  return absl::OkStatus();
}

int RunList(Context& context, const NoOptions&) {
  v1::ListUsersResponse users;
  const grpc::Status status = ListAll(context.connection(), &v1::AdminService::Stub::ListUsers,
                                      v1::ListUsersRequest(), &users);
  if (!status.ok()) return ReportError(context, status);
  PrintUsers(context, users);
  return kDone;
}

int RunSet(Context& context, const SetOptions& options) {
  v1::UpdateUserRequest request;
  v1::User& user = *request.mutable_user();
  google::protobuf::FieldMask& mask = *request.mutable_update_mask();
  user.set_name(UserName(options.user));
  if (!options.role.empty()) {
    user.set_role(ParseRole(options.role));
    mask.add_paths("role");
  }
  if (options.disable || options.enable) {
    user.set_disabled(options.disable);
    mask.add_paths("disabled");
  }
  for (const std::string& assignment : options.quota) {
    auto applied = ApplyQuota(assignment, user.mutable_quota(), &mask);
    if (!applied.ok()) return ReportUsage(context, applied);
  }
  request.set_request_id(NewRequestId());
  v1::User changed;
  const grpc::Status status =
      context.connection().Call(&v1::AdminService::Stub::UpdateUser, request, &changed);
  if (!status.ok()) return ReportError(context, status);
  PrintUser(context, changed);
  return kDone;
}

int RunSettings(Context& context, const SettingsOptions& options) {
  v1::ClassSettings settings;
  grpc::Status status;
  if (options.quota.empty()) {
    status = context.connection().Call(&v1::AdminService::Stub::GetClassSettings,
                                       v1::GetClassSettingsRequest(), &settings);
  } else {
    v1::UpdateClassSettingsRequest request;
    for (const std::string& assignment : options.quota) {
      auto applied = ApplyQuota(assignment, request.mutable_settings()->mutable_quota(),
                                request.mutable_update_mask());
      if (!applied.ok()) return ReportUsage(context, applied);
    }
    request.set_request_id(NewRequestId());
    status =
        context.connection().Call(&v1::AdminService::Stub::UpdateClassSettings, request, &settings);
  }
  if (!status.ok()) return ReportError(context, status);
  PrintSettings(context, settings);
  return kDone;
}

int RunAudit(Context& context, const AuditOptions& options) {
  v1::ListAuditEntriesRequest request;
  if (!options.user.empty()) request.set_user(UserName(options.user));
  request.set_page_size(options.limit);
  v1::ListAuditEntriesResponse entries;
  const grpc::Status status =
      context.connection().Call(&v1::AdminService::Stub::ListAuditEntries, request, &entries);
  if (!status.ok()) return ReportError(context, status);
  PrintAudit(context, entries);
  return kDone;
}

}  // namespace

void AddClassMembers(CLI::App& group, Context& context) {
  AddCommand<NoOptions>(group, context, "list", "List the class", RunList);
  auto [set, options] = AddCommand<SetOptions>(
      group, context, "set", "Change somebody's role or quota, or disable them", RunSet);
  set.add_option("USER", options.user, "Id of the user")->required();
  set.add_option("--role", options.role, "What they may do")
      ->check(Choices({"student", "instructor", "admin"}));
  auto* disable = set.add_flag("--disable", options.disable, "Refuse their tokens");
  set.add_flag("--enable", options.enable, "Take their tokens again")->excludes(disable);
  set.add_option("--quota", options.quota, "FIELD=NUMBER, or FIELD=none for no bound; repeatable");
  auto [settings, values] = AddCommand<SettingsOptions>(
      group, context, "settings", "Show or change the quota of every student", RunSettings);
  settings.add_option("--quota", values.quota,
                      "FIELD=NUMBER, or FIELD=none for no bound; repeatable");
  auto [audit, which] = AddCommand<AuditOptions>(
      group, context, "audit", "List what was changed, by whom, newest first", RunAudit);
  audit.add_option("--user", which.user, "Only what this user did");
  audit.add_option("--limit", which.limit, "At most so many")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
}

}  // namespace trainyard::client
