// Who there is and what stands for them: users and their tokens, in memory,
// beside what the store has of them.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "server/store/store.h"
#include "trainyard/store/v1/records.pb.h"
#include "trainyard/v1/admin.pb.h"

namespace trainyard::server {

// The user of a directory that has not been through init.
inline constexpr std::string_view kLocalUser = "users/local";

// Who a token stands for.
struct Identity {
  std::string user;
  v1::Role role = v1::STUDENT;
  v1::Scope scope = v1::FULL;
  std::string token;
  std::shared_ptr<const std::atomic<bool>> revoked;
};

// Every call asks it who is calling, so it answers from memory. Changes are made
// in the store first and told here after. Any thread.
class Accounts {
 public:
  // Reads all there is. A store without users is a single-user server's.
  static absl::StatusOr<std::unique_ptr<Accounts>> Open(Store& store);

  // Without users everybody is users/local, an administrator.
  bool single_user() const { return single_user_; }

  // `now` in seconds since 1970. Errors: UNAUTHENTICATED.
  absl::StatusOr<Identity> Authenticate(std::string_view token, std::int64_t now);

  // What the store has come to hold. A user who is disabled, or whose role
  // changes, is so from the next call on; the streams of who may less than before end.
  void PutUser(const v1::User& user);
  void PutToken(const store::v1::TokenRecord& record);
  void RemoveToken(std::string_view name);

  // Ends the streams of tokens that have expired. Called now and then.
  void EndExpired(std::int64_t now);

  // The class's quota with the user's own over it; without bounds for staff who
  // have none of their own, and on a single-user server.
  v1::Quota QuotaOf(std::string_view user) const;
  v1::Quota class_quota() const;
  void set_class_quota(const v1::Quota& quota);

  // When tokens were last used, in seconds since 1970, where they were since the
  // last call: by name.
  std::vector<std::pair<std::string, std::int64_t>> TakeUses();

 private:
  struct TokenEntry {
    store::v1::TokenRecord record;
    std::string user;
    std::shared_ptr<std::atomic<bool>> revoked = std::make_shared<std::atomic<bool>>(false);
    std::int64_t last_use = 0;
    bool used = false;
  };

  explicit Accounts(bool single_user) : single_user_(single_user) {}
  void Revoke(TokenEntry& entry);

  const bool single_user_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, v1::User> users_;     // by name; guarded by mutex_
  std::unordered_map<std::string, TokenEntry> tokens_;  // by id; guarded by mutex_
  v1::Quota class_quota_;                               // guarded by mutex_
};

}  // namespace trainyard::server
