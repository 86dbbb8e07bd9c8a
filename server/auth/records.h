// Where the class's own records are in the store.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "server/store/store.h"
#include "trainyard/v1/admin.pb.h"

namespace trainyard::server {

// What holds for the whole class; for students a quota that serves a class of
// three hundred on one machine, until somebody says otherwise.
absl::StatusOr<v1::ClassSettings> ReadClassSettings(Reader& reader);
absl::Status WriteClassSettings(Transaction& transaction, const v1::ClassSettings& settings);

// As CheckId, and not one that stands for somebody else in names, such as me.
absl::Status CheckUserId(std::string_view field, std::string_view id);

// Adds a user who is not there yet. ALREADY_EXISTS.
absl::Status InsertUser(Transaction& transaction, const v1::User& user);

}  // namespace trainyard::server
