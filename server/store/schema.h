// The database's schema and its migrations.
#pragma once

#include "absl/status/status.h"
#include "server/store/sqlite.h"

namespace trainyard::server {

// The version that this server writes; PRAGMA user_version holds it.
inline constexpr int kSchemaVersion = 3;

// The statements that take a database from version `from` to the next.
const char* MigrationFrom(int from);

// Brings a database to kSchemaVersion, each step in a transaction of its own.
// Errors: FAILED_PRECONDITION, reason DATABASE_NEWER, where it is beyond.
absl::Status Migrate(Connection& connection);

}  // namespace trainyard::server
