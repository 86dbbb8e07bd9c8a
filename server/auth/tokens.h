// Tokens as the store has them.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "server/store/store.h"
#include "trainyard/store/v1/records.pb.h"

namespace trainyard::server {

// A new token of `user`, with the display name, scope and expiry of `asked`. Its
// secret is in token.secret, to be told once.
store::v1::TokenRecord NewToken(const std::string& user, const v1::Token& asked);

// Stores all but the secret.
absl::Status InsertToken(Transaction& transaction, store::v1::TokenRecord record);

}  // namespace trainyard::server
