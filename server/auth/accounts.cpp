#include "server/auth/accounts.h"

#include <optional>

#include "core/base/error.h"
#include "core/base/text.h"
#include "server/auth/records.h"
#include "server/auth/secret.h"
#include "server/resources/names.h"

namespace trainyard::server {
namespace {

constexpr int kAll = 1 << 30;

absl::Status Unauthenticated(std::string_view reason, std::string_view message) {
  return MakeError(absl::StatusCode::kUnauthenticated, {std::string(reason), "", {}}, message);
}

std::string IdOf(std::string_view name) { return std::string(name.substr(name.rfind('/') + 1)); }

}  // namespace

absl::StatusOr<std::unique_ptr<Accounts>> Accounts::Open(Store& store) {
  std::vector<v1::User> users;
  std::vector<store::v1::TokenRecord> tokens;
  v1::ClassSettings settings;
  const auto status = store.Read([&](Reader& reader) -> absl::Status {
    auto user_rows = reader.ListAll(ResourceKind::kUser, 0, kAll);
    if (!user_rows.ok()) return user_rows.status();
    for (const ResourceRow& row : *user_rows) users.emplace_back().ParseFromString(row.body);
    auto token_rows = reader.ListAll(ResourceKind::kToken, 0, kAll);
    if (!token_rows.ok()) return token_rows.status();
    for (const ResourceRow& row : *token_rows) tokens.emplace_back().ParseFromString(row.body);
    auto found = ReadClassSettings(reader);
    if (!found.ok()) return found.status();
    settings = *std::move(found);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  std::unique_ptr<Accounts> accounts(new Accounts(users.empty()));
  for (const auto& user : users) accounts->PutUser(user);
  for (const auto& token : tokens) accounts->PutToken(token);
  accounts->set_class_quota(settings.quota());
  return accounts;
}

absl::StatusOr<Identity> Accounts::Authenticate(std::string_view token, std::int64_t now) {
  const std::optional<std::string> id = TokenId(token);
  if (!id) {
    return Unauthenticated("TOKEN_MALFORMED",
                           "this is not a token of a Trainyard server: part of it is missing or "
                           "mistyped");
  }
  const std::lock_guard lock(mutex_);
  const auto found = tokens_.find(*id);
  // The hash is computed and compared also where there is nothing to compare it
  // with.
  const std::string hash = HashSecret(token);
  const std::string& stored = found == tokens_.end() ? hash : found->second.record.secret_hash();
  if (!EqualHashes(hash, stored) || found == tokens_.end()) {
    return Unauthenticated("TOKEN_UNKNOWN",
                           "this token is not known here: it was revoked, or is another server's; "
                           "join or log in again");
  }
  TokenEntry& entry = found->second;
  const v1::Token& public_token = entry.record.token();
  if (public_token.has_expire_time() && public_token.expire_time().seconds() <= now) {
    return Unauthenticated("TOKEN_EXPIRED", "this token has expired; log in with another");
  }
  const auto user = users_.find(entry.user);
  if (user == users_.end() || user->second.disabled()) {
    return Unauthenticated("USER_DISABLED", StrCat(entry.user, " is disabled; ask an instructor"));
  }
  entry.last_use = now;
  entry.used = true;
  return Identity{entry.user, user->second.role(), public_token.scope(), public_token.name(),
                  entry.revoked};
}

void Accounts::Revoke(TokenEntry& entry) {
  entry.revoked->store(true);
  entry.revoked = std::make_shared<std::atomic<bool>>(false);
}

void Accounts::PutUser(const v1::User& user) {
  const std::lock_guard lock(mutex_);
  v1::User& known = users_[user.name()];
  const bool may_less = user.disabled() || user.role() < known.role();
  known = user;
  if (!may_less) return;
  for (auto& [id, entry] : tokens_) {
    if (entry.user == user.name()) Revoke(entry);
  }
}

void Accounts::PutToken(const store::v1::TokenRecord& record) {
  const std::lock_guard lock(mutex_);
  TokenEntry& entry = tokens_[IdOf(record.token().name())];
  entry.record = record;
  entry.user = OwnerOf(record.token().name());
}

void Accounts::RemoveToken(std::string_view name) {
  const std::lock_guard lock(mutex_);
  const auto found = tokens_.find(IdOf(name));
  if (found == tokens_.end()) return;
  found->second.revoked->store(true);
  tokens_.erase(found);
}

v1::Quota Accounts::QuotaOf(std::string_view user) const {
  const std::lock_guard lock(mutex_);
  const auto found = users_.find(std::string(user));
  if (found == users_.end()) return {};
  v1::Quota quota;
  if (found->second.role() == v1::STUDENT) quota = class_quota_;
  quota.MergeFrom(found->second.quota());
  return quota;
}

v1::Quota Accounts::class_quota() const {
  const std::lock_guard lock(mutex_);
  return class_quota_;
}

void Accounts::set_class_quota(const v1::Quota& quota) {
  const std::lock_guard lock(mutex_);
  class_quota_ = quota;
}

void Accounts::EndExpired(std::int64_t now) {
  const std::lock_guard lock(mutex_);
  for (auto& [id, entry] : tokens_) {
    const v1::Token& token = entry.record.token();
    if (token.has_expire_time() && token.expire_time().seconds() <= now) entry.revoked->store(true);
  }
}

std::vector<std::pair<std::string, std::int64_t>> Accounts::TakeUses() {
  std::vector<std::pair<std::string, std::int64_t>> uses;
  const std::lock_guard lock(mutex_);
  for (auto& [id, entry] : tokens_) {
    if (!entry.used) continue;
    entry.used = false;
    uses.emplace_back(entry.record.token().name(), entry.last_use);
  }
  return uses;
}

}  // namespace trainyard::server
