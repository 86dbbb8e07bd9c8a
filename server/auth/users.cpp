// Who there is, and what may be changed of them.
#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_join.h"
#include "core/base/error.h"
#include "core/base/text.h"
#include "server/auth/admin_service.h"
#include "server/auth/records.h"
#include "server/auth/tokens.h"
#include "server/resources/clock.h"
#include "server/resources/quota.h"
#include "server/resources/request.h"

namespace trainyard::server {
namespace {

constexpr int kAll = 1 << 30;

// What is stored of a user: the rest is filled in for each answer.
std::string StoredForm(v1::User user) {
  user.clear_effective_quota();
  user.clear_usage();
  return user.SerializeAsString();
}

absl::Status CheckQuota(const v1::Quota& quota) {
  const bool negative = quota.dataset_bytes() < 0 || quota.checkpoint_bytes() < 0 ||
                        quota.queued_jobs() < 0 || quota.running_jobs() < 0 ||
                        quota.streams() < 0 || quota.calls_per_second() < 0 ||
                        quota.cpu_seconds_per_day() < 0;
  if (!std::isfinite(quota.calls_per_second()) || !std::isfinite(quota.cpu_seconds_per_day())) {
    return FieldError("quota", "NOT_FINITE", "a quota is not finite; leave it unset for no bound");
  }
  if (!negative) return absl::OkStatus();
  return FieldError("quota", "NEGATIVE", "a quota is negative; leave it unset for no bound");
}

absl::Status NotYours(const std::string& message) {
  return MakeError(absl::StatusCode::kPermissionDenied, {"ROLE_NOT_ALLOWED", "", {}}, message);
}

// Names of those who are not disabled.
absl::StatusOr<std::vector<std::string>> Administrators(Reader& reader) {
  auto rows = reader.ListAll(ResourceKind::kUser, 0, kAll);
  if (!rows.ok()) return rows.status();
  std::vector<std::string> names;
  for (const ResourceRow& row : *rows) {
    v1::User user;
    user.ParseFromString(row.body);
    if (user.role() == v1::ADMIN && !user.disabled()) names.push_back(user.name());
  }
  return names;
}

// The one that `id` says, or the only one.
absl::StatusOr<std::string> PickAdministrator(const std::vector<std::string>& names,
                                              const std::string& id) {
  if (names.empty()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, {"NOT_INITIALIZED", "", {}},
                     "this directory has no users; `trainyard-server init` makes a class of it");
  }
  const std::string all = absl::StrJoin(names, ", ");
  if (id.empty() && names.size() > 1) {
    return MakeError(absl::StatusCode::kFailedPrecondition, {"SEVERAL_ADMINISTRATORS", "", {}},
                     StrCat("say with --admin which of the administrators: ", all));
  }
  const std::string name = id.empty() ? names.front() : StrCat("users/", id);
  if (std::ranges::count(names, name) > 0) return name;
  return MakeError(absl::StatusCode::kNotFound, {"NOT_FOUND", "--admin", {}},
                   StrCat("there is no administrator ", id, "; there is ", all));
}

// A single-user server's one user has no row.
v1::User LocalUser() {
  v1::User user;
  user.set_name(std::string(kLocalUser));
  user.set_role(v1::ADMIN);
  return user;
}

}  // namespace

absl::Status AdminService::FillUsage(Reader& reader, v1::User& user) const {
  *user.mutable_effective_quota() = accounts_.QuotaOf(user.name());
  v1::Usage& usage = *user.mutable_usage();
  auto bytes = DatasetBytesOf(reader, user.name());
  if (!bytes.ok()) return bytes.status();
  usage.set_dataset_bytes(*bytes);
  if (checkpoint_bytes_of_) {
    bytes = checkpoint_bytes_of_(reader, user.name());
    if (!bytes.ok()) return bytes.status();
    usage.set_checkpoint_bytes(*bytes);
  }
  auto jobs = JobCountsOf(reader, user.name());
  if (!jobs.ok()) return jobs.status();
  usage.set_queued_jobs(jobs->queued);
  usage.set_running_jobs(jobs->running);
  usage.set_streams(limits_.StreamsOf(user.name()));
  if (cpu_seconds_of_) usage.set_cpu_seconds_today(cpu_seconds_of_(user.name()));
  return absl::OkStatus();
}

absl::StatusOr<v1::User> AdminService::GetUser(const Caller& caller,
                                               const v1::GetUserRequest& request) {
  auto name = ResolveUser(caller, "name", request.name());
  if (!name.ok()) return name.status();
  v1::User user;
  const auto status = store_.Read([&](Reader& reader) -> absl::Status {
    if (accounts_.single_user() && *name == kLocalUser) {
      user = LocalUser();
      return FillUsage(reader, user);
    }
    auto row = reader.Get(ResourceKind::kUser, *name);
    if (!row.ok()) return row.status();
    user.ParseFromString(row->body);
    return FillUsage(reader, user);
  });
  if (!status.ok()) return status;
  return user;
}

absl::StatusOr<v1::ListUsersResponse> AdminService::ListUsers(const Caller&,
                                                              const v1::ListUsersRequest& request) {
  auto page = ParsePage(request.page_size(), request.page_token());
  if (!page.ok()) return page.status();
  v1::ListUsersResponse response;
  const auto status = store_.Read([&](Reader& reader) -> absl::Status {
    if (accounts_.single_user()) {
      *response.add_users() = LocalUser();
    } else {
      auto next = ListPage(
          reader, ResourceKind::kUser, kEverybody, *page, [](const ResourceRow&) { return true; },
          [&](const ResourceRow& row) { response.add_users()->ParseFromString(row.body); });
      if (!next.ok()) return next.status();
      response.set_next_page_token(*next);
    }
    for (v1::User& user : *response.mutable_users()) {
      if (auto filled = FillUsage(reader, user); !filled.ok()) return filled;
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return response;
}

absl::Status AdminService::CheckChange(Transaction& transaction, const Caller& caller,
                                       const v1::User& before, const v1::User& after) const {
  if (!v1::Role_IsValid(after.role()) || after.role() == v1::ROLE_UNSPECIFIED) {
    return FieldError("user.role", "INVALID_ROLE", "a role is STUDENT, INSTRUCTOR or ADMIN");
  }
  if (auto quota = CheckQuota(after.quota()); !quota.ok()) return quota;
  if (caller.role != v1::ADMIN) {
    if (before.role() != v1::STUDENT) {
      return NotYours(
          StrCat(before.name(), " is not a student: only an administrator changes them"));
    }
    if (after.role() != before.role()) {
      return NotYours("only an administrator changes roles");
    }
  }
  const bool was_administrator = before.role() == v1::ADMIN && !before.disabled();
  const bool is_administrator = after.role() == v1::ADMIN && !after.disabled();
  if (!was_administrator || is_administrator) return absl::OkStatus();
  auto administrators = Administrators(transaction);
  if (!administrators.ok() || administrators->size() > 1) return administrators.status();
  return MakeError(
      absl::StatusCode::kFailedPrecondition, {"LAST_ADMINISTRATOR", "", {}},
      StrCat(before.name(), " is the only administrator; make somebody else one first"));
}

absl::StatusOr<v1::User> AdminService::UpdateUser(const Caller& caller,
                                                  const v1::UpdateUserRequest& request) {
  auto name = ResolveUser(caller, "user.name", request.user().name());
  if (!name.ok()) return name.status();
  v1::User response;
  auto status = Once(store_, {caller, "UpdateUser", request, request.request_id()}, response,
                     [&](Transaction& transaction) -> absl::Status {
                       auto row = transaction.Get(ResourceKind::kUser, *name);
                       if (!row.ok()) return row.status();
                       v1::User before;
                       before.ParseFromString(row->body);
                       response = before;
                       auto applied = ApplyMask(request.update_mask(),
                                                {"display_name", "role", "disabled", "quota"},
                                                request.user(), response);
                       if (applied.ok())
                         applied = CheckChange(transaction, caller, before, response);
                       if (!applied.ok()) return applied;
                       row->body = StoredForm(response);
                       return transaction.Update(*row);
                     });
  if (status.ok()) status = ReadAgain(*name);
  if (!status.ok()) return status;
  v1::GetUserRequest get;
  get.set_name(*name);
  return GetUser(caller, get);
}

// An answer that is given again may be older than what somebody has changed since: who
// was an administrator once does not become one by asking again.
absl::Status AdminService::ReadAgain(const std::string& name) {
  const std::lock_guard lock(telling_);
  return store_.Read([&](Reader& reader) -> absl::Status {
    auto row = reader.Get(ResourceKind::kUser, name);
    if (!row.ok()) return row.status();
    v1::User user;
    user.ParseFromString(row->body);
    accounts_.PutUser(user);
    return absl::OkStatus();
  });
}

absl::StatusOr<v1::ClassSettings> AdminService::GetClassSettings(
    const Caller&, const v1::GetClassSettingsRequest&) {
  v1::ClassSettings settings;
  *settings.mutable_quota() = accounts_.class_quota();
  return settings;
}

absl::StatusOr<v1::ClassSettings> AdminService::UpdateClassSettings(
    const Caller& caller, const v1::UpdateClassSettingsRequest& request) {
  v1::ClassSettings response;
  auto status = Once(store_, {caller, "UpdateClassSettings", request, request.request_id()},
                     response, [&](Transaction& transaction) -> absl::Status {
                       auto settings = ReadClassSettings(transaction);
                       if (!settings.ok()) return settings.status();
                       response = *std::move(settings);
                       auto applied = ApplyMask(request.update_mask(), {"quota"},
                                                request.settings(), response);
                       if (applied.ok()) applied = CheckQuota(response.quota());
                       if (!applied.ok()) return applied;
                       return WriteClassSettings(transaction, response);
                     });
  if (status.ok()) {
    const std::lock_guard lock(telling_);
    status = store_.Read([&](Reader& reader) -> absl::Status {
      auto settings = ReadClassSettings(reader);
      if (settings.ok()) accounts_.set_class_quota(settings->quota());
      return settings.status();
    });
  }
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<v1::ListAuditEntriesResponse> AdminService::ListAuditEntries(
    const Caller& caller, const v1::ListAuditEntriesRequest& request) {
  auto page = ParsePage(request.page_size(), request.page_token());
  if (!page.ok()) return page.status();
  std::string user;
  if (!request.user().empty()) {
    auto resolved = ResolveUser(caller, "user", request.user());
    if (!resolved.ok()) return resolved.status();
    user = *std::move(resolved);
  }
  const std::int64_t before =
      page->after_id == 0 ? std::numeric_limits<std::int64_t>::max() : page->after_id;
  v1::ListAuditEntriesResponse response;
  auto status = store_.Read([&](Reader& reader) -> absl::Status {
    auto rows = reader.Audit(user, before, page->size + 1);
    if (!rows.ok()) return rows.status();
    const bool more = static_cast<int>(rows->size()) > page->size;
    if (more) rows->pop_back();
    for (const AuditRow& row : *rows) {
      v1::AuditEntry& entry = *response.add_entries();
      entry.set_id(row.id);
      entry.mutable_time()->set_seconds(row.time / 1'000'000);
      entry.mutable_time()->set_nanos(static_cast<int>(row.time % 1'000'000) * 1'000);
      entry.set_user(row.user);
      entry.set_method(row.method);
      entry.set_resource(row.resource);
      entry.set_token(row.token);
    }
    if (more) response.set_next_page_token(PageToken(rows->back().id));
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<std::string> MakeFirstAdministrator(Store& store, const std::string& id) {
  if (auto status = CheckUserId("--admin", id); !status.ok()) return status;
  v1::User user;
  user.set_name(StrCat("users/", id));
  user.set_role(v1::ADMIN);
  *user.mutable_create_time() = Now();
  v1::Token asked;
  asked.set_display_name("made by trainyard-server init");
  const store::v1::TokenRecord record = NewToken(user.name(), asked);
  const auto status = store.Commit([&](Transaction& transaction) -> absl::Status {
    auto rows = transaction.ListAll(ResourceKind::kUser, 0, 1);
    if (!rows.ok()) return rows.status();
    if (!rows->empty()) {
      return MakeError(absl::StatusCode::kFailedPrecondition, {"ALREADY_INITIALIZED", "", {}},
                       StrCat("this directory has users already: ", rows->front().name,
                              " is the first; start the server and log in"));
    }
    auto inserted = InsertUser(transaction, user);
    return inserted.ok() ? InsertToken(transaction, record) : inserted;
  });
  if (!status.ok()) return status;
  return record.token().secret();
}

absl::StatusOr<v1::Token> MakeAdministratorToken(Store& store, const std::string& id) {
  v1::Token asked;
  asked.set_display_name("made by trainyard-server token");
  store::v1::TokenRecord record;
  const auto status = store.Commit([&](Transaction& transaction) -> absl::Status {
    auto names = Administrators(transaction);
    if (!names.ok()) return names.status();
    auto name = PickAdministrator(*names, id);
    if (!name.ok()) return name.status();
    record = NewToken(*name, asked);
    AuditRow row{0, MicrosecondsNow(), *name, "", "trainyard-server token", record.token().name()};
    if (auto recorded = transaction.AppendAudit(row); !recorded.ok()) return recorded;
    return InsertToken(transaction, record);
  });
  if (!status.ok()) return status;
  return record.token();
}

}  // namespace trainyard::server
