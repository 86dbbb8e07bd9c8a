// How people come into the class.
#include <optional>

#include "core/base/error.h"
#include "core/base/text.h"
#include "server/auth/admin_service.h"
#include "server/auth/records.h"
#include "server/auth/secret.h"
#include "server/auth/tokens.h"
#include "server/resources/clock.h"
#include "server/resources/request.h"

namespace trainyard::server {
namespace {

constexpr int kAll = 1 << 30;
constexpr int kMaxUses = 10'000;
constexpr std::int64_t kDefaultLife = std::int64_t{14} * 24 * 60 * 60;
// How long an answer to JoinClass is repeated: its token is made anew.
constexpr std::int64_t kRetryWithin = 60 * 60;

absl::Status BadCode() {
  return MakeError(absl::StatusCode::kPermissionDenied, {"CODE_NOT_VALID", "code", {}},
                   "this code does not let anybody join: it is wrong, used up or expired; ask for "
                   "another");
}

absl::Status CheckInvitation(const Caller& caller, v1::Invitation& invitation) {
  if (invitation.role() == v1::ROLE_UNSPECIFIED) invitation.set_role(v1::STUDENT);
  if (!v1::Role_IsValid(invitation.role())) {
    return FieldError("invitation.role", "INVALID_ROLE", "a role is STUDENT, INSTRUCTOR or ADMIN");
  }
  if (invitation.role() != v1::STUDENT && caller.role != v1::ADMIN) {
    return MakeError(absl::StatusCode::kPermissionDenied,
                     {"ROLE_NOT_ALLOWED", "invitation.role", {}},
                     "instructors invite students; ask an administrator to invite others");
  }
  if (invitation.max_uses() < 0 || invitation.max_uses() > kMaxUses) {
    return FieldError("invitation.max_uses", "OUT_OF_RANGE",
                      StrCat("max_uses is within 0..", kMaxUses));
  }
  if (invitation.max_uses() == 0 || !invitation.user_id().empty()) invitation.set_max_uses(1);
  if (!invitation.user_id().empty()) {
    if (auto id = CheckUserId("invitation.user_id", invitation.user_id()); !id.ok()) return id;
  }
  const std::int64_t now = Now().seconds();
  if (!invitation.has_expire_time()) {
    invitation.mutable_expire_time()->set_seconds(now + kDefaultLife);
  }
  if (invitation.expire_time().seconds() > now) return absl::OkStatus();
  return FieldError("invitation.expire_time", "IN_THE_PAST", "expire_time is in the past");
}

// The invitation of a code, with its row; none where there is none.
struct FoundInvitation {
  ResourceRow row;
  store::v1::InvitationRecord record;
};
absl::StatusOr<std::optional<FoundInvitation>> FindInvitation(Reader& reader,
                                                              std::string_view code) {
  const std::string hash = HashSecret(NormalizeCode(code));
  auto rows = reader.ListAll(ResourceKind::kInvitation, 0, kAll);
  if (!rows.ok()) return rows.status();
  std::optional<FoundInvitation> found;
  for (ResourceRow& row : *rows) {
    store::v1::InvitationRecord record;
    record.ParseFromString(row.body);
    if (EqualHashes(hash, record.code_hash())) found = {std::move(row), std::move(record)};
  }
  return found;
}

v1::User NewUser(const v1::Invitation& invitation, const v1::JoinClassRequest& request) {
  v1::User user;
  const bool named = !invitation.user_id().empty();
  user.set_name(StrCat("users/", named ? invitation.user_id() : request.user_id()));
  user.set_display_name(invitation.display_name().empty() ? request.display_name()
                                                          : invitation.display_name());
  user.set_role(invitation.role());
  *user.mutable_create_time() = Now();
  return user;
}

// Under this key is who joined by a request, and when: a retry is let in again,
// for the answer with the token may have been lost, and tokens are not kept.
std::string JoinKey(const v1::JoinClassRequest& request) {
  return StrCat("join/", HashSecret(StrCat(NormalizeCode(request.code()), "/", request.user_id(),
                                           "/", request.request_id())));
}

// The user whom an earlier try of the same request has made.
absl::StatusOr<std::optional<v1::User>> JoinedBefore(Transaction& transaction,
                                                     const v1::JoinClassRequest& request) {
  if (request.request_id().empty()) return std::nullopt;
  auto stored = transaction.Fact(JoinKey(request));
  if (!stored.ok()) return stored.status();
  v1::User user;
  if (stored->empty() || !user.ParseFromString(*stored)) return std::nullopt;
  if (Now().seconds() - user.create_time().seconds() > kRetryWithin) return std::nullopt;
  auto row = transaction.Get(ResourceKind::kUser, user.name());
  if (!row.ok()) return std::nullopt;
  user.ParseFromString(row->body);
  return user;
}

// The user who joins, made if they are not there yet.
absl::StatusOr<v1::User> Enter(Transaction& transaction, const v1::JoinClassRequest& request) {
  auto found = FindInvitation(transaction, request.code());
  if (!found.ok()) return found.status();
  if (!found->has_value()) return BadCode();
  auto before = JoinedBefore(transaction, request);
  if (!before.ok()) return before.status();
  if (before->has_value()) return **before;
  v1::Invitation& invitation = *(*found)->record.mutable_invitation();
  if (invitation.expire_time().seconds() <= Now().seconds() ||
      invitation.uses() >= invitation.max_uses()) {
    return BadCode();
  }
  const bool named = !invitation.user_id().empty();
  if (auto id = CheckUserId("user_id", named ? invitation.user_id() : request.user_id());
      !id.ok()) {
    return id;
  }
  const v1::User user = NewUser(invitation, request);
  if (auto inserted = InsertUser(transaction, user); !inserted.ok()) return inserted;
  invitation.set_uses(invitation.uses() + 1);
  (*found)->row.body = (*found)->record.SerializeAsString();
  if (auto used = transaction.Update((*found)->row); !used.ok()) return used;
  if (!request.request_id().empty()) {
    auto kept = transaction.PutFact(JoinKey(request), user.SerializeAsString());
    if (!kept.ok()) return kept;
  }
  return user;
}

}  // namespace

absl::StatusOr<v1::Invitation> AdminService::CreateInvitation(
    const Caller& caller, const v1::CreateInvitationRequest& request) {
  if (accounts_.single_user()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, {"SINGLE_USER", "", {}},
                     "this is a single-user server; stop it and run `trainyard-server init` to "
                     "make a class of it");
  }
  v1::Invitation response = request.invitation();
  if (auto status = CheckInvitation(caller, response); !status.ok()) return status;
  const std::string code = MakeCode();
  response.set_name(StrCat("invitations/", NewId("inv")));
  response.set_uses(0);
  response.clear_code();
  response.set_fingerprint(fingerprint_);
  *response.mutable_create_time() = Now();
  auto status = Once(
      store_, {caller, "CreateInvitation", request, "", request.validate_only()}, response,
      [&](Transaction& transaction) -> absl::Status {
        const std::string user = StrCat("users/", response.user_id());
        if (!response.user_id().empty() && transaction.Get(ResourceKind::kUser, user).ok()) {
          return MakeError(absl::StatusCode::kAlreadyExists,
                           {"ALREADY_EXISTS", "invitation.user_id", {{"resource", user}}},
                           StrCat(user, " is in the class already"));
        }
        store::v1::InvitationRecord record;
        *record.mutable_invitation() = response;
        record.set_code_hash(HashSecret(code));
        ResourceRow row{0,  ResourceKind::kInvitation, response.name(), NewUid(), "invitations", 0,
                        "", record.SerializeAsString()};
        return transaction.Insert(row);
      });
  if (!status.ok()) return status;
  response.set_code(code);
  return response;
}

absl::StatusOr<v1::ListInvitationsResponse> AdminService::ListInvitations(
    const Caller&, const v1::ListInvitationsRequest& request) {
  auto page = ParsePage(request.page_size(), request.page_token());
  if (!page.ok()) return page.status();
  v1::ListInvitationsResponse response;
  auto status = store_.Read([&](Reader& reader) -> absl::Status {
    auto next = ListPage(
        reader, ResourceKind::kInvitation, kEverybody, *page,
        [](const ResourceRow&) { return true; },
        [&](const ResourceRow& row) {
          store::v1::InvitationRecord record;
          record.ParseFromString(row.body);
          *response.add_invitations() = std::move(*record.mutable_invitation());
        });
    if (next.ok()) response.set_next_page_token(*next);
    return next.status();
  });
  if (!status.ok()) return status;
  return response;
}

absl::Status AdminService::DeleteInvitation(const Caller& caller,
                                            const v1::DeleteInvitationRequest& request) {
  if (!request.name().starts_with("invitations/")) {
    return FieldError("name", "INVALID_NAME",
                      StrCat("'", request.name(),
                             "' is not a name of the form "
                             "invitations/{invitation}"));
  }
  v1::DeleteInvitationRequest nothing;
  return Once(store_, {caller, "DeleteInvitation", request, request.request_id()}, nothing,
              [&](Transaction& transaction) -> absl::Status {
                auto row = transaction.Get(ResourceKind::kInvitation, request.name());
                return row.ok() ? transaction.Delete(row->uid) : row.status();
              });
}

absl::StatusOr<v1::JoinClassResponse> AdminService::JoinClass(const Caller&,
                                                              const v1::JoinClassRequest& request) {
  v1::JoinClassResponse response;
  store::v1::TokenRecord token;
  // Wrong codes are anybody's, and do not take the one writer's time.
  auto status = store_.Read([&](Reader& reader) -> absl::Status {
    auto found = FindInvitation(reader, request.code());
    if (found.ok() && !found->has_value()) return BadCode();
    return found.status();
  });
  if (!status.ok()) return status;
  status = store_.Commit([&](Transaction& transaction) -> absl::Status {
    auto user = Enter(transaction, request);
    if (!user.ok()) return user.status();
    *response.mutable_user() = *std::move(user);
    token = NewToken(response.user().name(), v1::Token());
    AuditRow row{0,           MicrosecondsNow(),     response.user().name(), token.token().name(),
                 "JoinClass", response.user().name()};
    if (auto recorded = transaction.AppendAudit(row); !recorded.ok()) return recorded;
    return InsertToken(transaction, token);
  });
  if (!status.ok()) return status;
  *response.mutable_token() = token.token();
  token.mutable_token()->clear_secret();
  if (auto told = ReadAgain(response.user().name()); !told.ok()) return told;
  accounts_.PutToken(token);
  return response;
}

}  // namespace trainyard::server
