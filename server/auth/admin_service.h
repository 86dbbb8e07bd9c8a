// The class: users, their tokens, invitations and quotas, and the audit log.
#pragma once

#include <functional>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/auth/accounts.h"
#include "server/auth/usage_limits.h"
#include "server/resources/names.h"
#include "server/store/store.h"
#include "trainyard/v1/admin.pb.h"

namespace trainyard::server {

// The calls of AdminService, but for those about the queue and the process;
// errors as its proto says. Each change is in the store before the accounts hear
// of it. Any thread.
class AdminService {
 public:
  // `fingerprint` is that of the authority's certificate, empty without TLS.
  AdminService(Store& store, Accounts& accounts, const UsageLimits& limits, std::string fingerprint)
      : store_(store), accounts_(accounts), limits_(limits), fingerprint_(std::move(fingerprint)) {}

  absl::StatusOr<v1::JoinClassResponse> JoinClass(const Caller& caller,
                                                  const v1::JoinClassRequest& request);
  absl::StatusOr<v1::User> GetUser(const Caller& caller, const v1::GetUserRequest& request);
  absl::StatusOr<v1::ListUsersResponse> ListUsers(const Caller& caller,
                                                  const v1::ListUsersRequest& request);
  absl::StatusOr<v1::User> UpdateUser(const Caller& caller, const v1::UpdateUserRequest& request);

  absl::StatusOr<v1::Invitation> CreateInvitation(const Caller& caller,
                                                  const v1::CreateInvitationRequest& request);
  absl::StatusOr<v1::ListInvitationsResponse> ListInvitations(
      const Caller& caller, const v1::ListInvitationsRequest& request);
  absl::Status DeleteInvitation(const Caller& caller, const v1::DeleteInvitationRequest& request);

  absl::StatusOr<v1::Token> CreateToken(const Caller& caller,
                                        const v1::CreateTokenRequest& request);
  absl::StatusOr<v1::ListTokensResponse> ListTokens(const Caller& caller,
                                                    const v1::ListTokensRequest& request);
  absl::Status DeleteToken(const Caller& caller, const v1::DeleteTokenRequest& request);

  absl::StatusOr<v1::ClassSettings> GetClassSettings(const Caller& caller,
                                                     const v1::GetClassSettingsRequest& request);
  absl::StatusOr<v1::ClassSettings> UpdateClassSettings(
      const Caller& caller, const v1::UpdateClassSettingsRequest& request);

  absl::StatusOr<v1::ListAuditEntriesResponse> ListAuditEntries(
      const Caller& caller, const v1::ListAuditEntriesRequest& request);

  // Says in the store when tokens were last used. Called now and then.
  void KeepUses();

  // Forgets what was changed before `seconds` since 1970. Called now and then.
  void TrimAudit(std::int64_t seconds);

  // CPU seconds of a user's jobs since midnight UTC; nothing where unset.
  void set_cpu_seconds_of(std::function<double(const std::string& user)> cpu_seconds_of) {
    cpu_seconds_of_ = std::move(cpu_seconds_of);
  }
  // Bytes of the checkpoints of a user's jobs; nothing where unset.
  using CheckpointBytesOf =
      std::function<absl::StatusOr<std::int64_t>(Reader& reader, std::string_view user)>;
  void set_checkpoint_bytes_of(CheckpointBytesOf checkpoint_bytes_of) {
    checkpoint_bytes_of_ = std::move(checkpoint_bytes_of);
  }

 private:
  absl::Status FillUsage(Reader& reader, v1::User& user) const;
  // Tells the accounts what the store has of users/{user}.
  absl::Status ReadAgain(const std::string& name);
  absl::Status CheckChange(Transaction& transaction, const Caller& caller, const v1::User& before,
                           const v1::User& after) const;

  Store& store_;
  Accounts& accounts_;
  const UsageLimits& limits_;
  const std::string fingerprint_;
  // Held while the accounts are told what the store has, so that of two changes at the
  // same time they hear the newer one last.
  std::mutex telling_;
  std::function<double(const std::string&)> cpu_seconds_of_;
  CheckpointBytesOf checkpoint_bytes_of_;
};

// Makes the first administrator of a directory, users/{id}, and a token of
// theirs, whose secret is returned. Errors: FAILED_PRECONDITION where there are
// users already; INVALID_ARGUMENT for a bad id.
absl::StatusOr<std::string> MakeFirstAdministrator(Store& store, const std::string& id);

// Another token of an administrator, for a class whose administrators have lost theirs;
// its secret is returned. Whoever may open the store may do this. `id` may be empty where
// there is one administrator. Errors: FAILED_PRECONDITION where there are no users, or
// several administrators and none is named; NOT_FOUND where `id` is none.
absl::StatusOr<v1::Token> MakeAdministratorToken(Store& store, const std::string& id);

}  // namespace trainyard::server
