#include "server/auth/tokens.h"

#include <spdlog/spdlog.h>

#include <optional>

#include "core/base/error.h"
#include "core/base/text.h"
#include "server/auth/admin_service.h"
#include "server/auth/secret.h"
#include "server/resources/clock.h"
#include "server/resources/request.h"

namespace trainyard::server {
namespace {

absl::Status CheckExpiry(const v1::Token& token) {
  if (!token.has_expire_time() || token.expire_time().seconds() > Now().seconds()) {
    return absl::OkStatus();
  }
  return FieldError("token.expire_time", "IN_THE_PAST", "expire_time is in the past");
}

}  // namespace

store::v1::TokenRecord NewToken(const std::string& user, const v1::Token& asked) {
  NewSecret secret = MakeToken();
  store::v1::TokenRecord record;
  v1::Token& token = *record.mutable_token();
  token.set_name(StrCat(user, "/tokens/", secret.id));
  token.set_display_name(asked.display_name());
  token.set_scope(asked.scope() == v1::SCOPE_UNSPECIFIED ? v1::FULL : asked.scope());
  if (asked.has_expire_time()) *token.mutable_expire_time() = asked.expire_time();
  *token.mutable_create_time() = Now();
  record.set_secret_hash(HashSecret(secret.text));
  token.set_secret(std::move(secret.text));
  return record;
}

absl::Status InsertToken(Transaction& transaction, store::v1::TokenRecord record) {
  record.mutable_token()->clear_secret();
  const std::string& name = record.token().name();
  ResourceRow row{0,  ResourceKind::kToken,      name, NewUid(), std::string(OwnerOf(name)), 0,
                  "", record.SerializeAsString()};
  return transaction.Insert(row);
}

absl::StatusOr<v1::Token> AdminService::CreateToken(const Caller& caller,
                                                    const v1::CreateTokenRequest& request) {
  if (accounts_.single_user()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, {"SINGLE_USER", "", {}},
                     "a single-user server takes calls without tokens; `trainyard-server init` "
                     "makes a class of it");
  }
  Caller reaching = caller;
  if (caller.role == v1::ADMIN) reaching.reach = Reach::kClass;
  auto user = ResolveUser(reaching, "parent", request.parent());
  if (!user.ok()) return user.status();
  if (auto status = CheckExpiry(request.token()); !status.ok()) return status;
  store::v1::TokenRecord record = NewToken(*user, request.token());
  v1::Token response = record.token();
  response.clear_secret();
  // Without a request_id: an answer that can be given again would have to keep the
  // secret.
  auto status = Once(store_, {caller, "CreateToken", request, ""}, response,
                     [&](Transaction& transaction) -> absl::Status {
                       auto row = transaction.Get(ResourceKind::kUser, *user);
                       return row.ok() ? InsertToken(transaction, record) : row.status();
                     });
  if (!status.ok()) return status;
  const std::string secret = record.token().secret();
  record.mutable_token()->clear_secret();
  accounts_.PutToken(record);
  response.set_secret(secret);
  return response;
}

absl::StatusOr<v1::ListTokensResponse> AdminService::ListTokens(
    const Caller& caller, const v1::ListTokensRequest& request) {
  Caller reaching = caller;
  if (caller.role == v1::ADMIN) reaching.reach = Reach::kClass;
  auto user = ResolveUser(reaching, "parent", request.parent());
  if (!user.ok()) return user.status();
  auto page = ParsePage(request.page_size(), request.page_token());
  if (!page.ok()) return page.status();
  v1::ListTokensResponse response;
  auto status = store_.Read([&](Reader& reader) -> absl::Status {
    auto next = ListPage(
        reader, ResourceKind::kToken, *user, *page, [](const ResourceRow&) { return true; },
        [&](const ResourceRow& row) {
          store::v1::TokenRecord record;
          record.ParseFromString(row.body);
          *response.add_tokens() = std::move(*record.mutable_token());
        });
    if (next.ok()) response.set_next_page_token(*next);
    return next.status();
  });
  if (!status.ok()) return status;
  return response;
}

absl::Status AdminService::DeleteToken(const Caller& caller,
                                       const v1::DeleteTokenRequest& request) {
  Caller reaching = caller;
  if (caller.role == v1::ADMIN) reaching.reach = Reach::kClass;
  const bool this_one = request.name() == "users/me/tokens/me" && !caller.token.empty();
  auto name = ResolveName(reaching, "name", "tokens", this_one ? caller.token : request.name());
  if (!name.ok()) return name.status();
  v1::DeleteTokenRequest nothing;
  auto status = Once(store_, {caller, "DeleteToken", request, request.request_id()}, nothing,
                     [&](Transaction& transaction) -> absl::Status {
                       auto row = transaction.Get(ResourceKind::kToken, *name);
                       return row.ok() ? transaction.Delete(row->uid) : row.status();
                     });
  if (status.ok()) accounts_.RemoveToken(*name);
  return status;
}

void AdminService::TrimAudit(std::int64_t seconds) {
  constexpr std::int64_t kMicroseconds = 1'000'000;
  const auto status = store_.Commit(
      [&](Transaction& transaction) { return transaction.TrimAudit(seconds * kMicroseconds); });
  if (!status.ok()) spdlog::warn("the audit log was not trimmed: {}", status.ToString());
}

void AdminService::KeepUses() {
  const auto uses = accounts_.TakeUses();
  if (uses.empty()) return;
  constexpr std::int64_t kMinute = 60;
  const auto status = store_.Commit([&](Transaction& transaction) -> absl::Status {
    for (const auto& [name, time] : uses) {
      auto row = transaction.Get(ResourceKind::kToken, name);
      if (!row.ok()) continue;  // revoked since
      store::v1::TokenRecord record;
      record.ParseFromString(row->body);
      record.mutable_token()->mutable_last_use_time()->set_seconds(time / kMinute * kMinute);
      row->body = record.SerializeAsString();
      if (auto updated = transaction.Update(*row); !updated.ok()) return updated;
      auto user_row = transaction.Get(ResourceKind::kUser, OwnerOf(name));
      if (!user_row.ok()) continue;
      v1::User user;
      user.ParseFromString(user_row->body);
      *user.mutable_last_use_time() = record.token().last_use_time();
      user_row->body = user.SerializeAsString();
      if (auto updated = transaction.Update(*user_row); !updated.ok()) return updated;
    }
    return absl::OkStatus();
  });
  if (!status.ok()) spdlog::warn("when tokens were used is not kept: {}", status.ToString());
}

}  // namespace trainyard::server
