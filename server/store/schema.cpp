#include "server/store/schema.h"

#include <array>
#include <string>

#include "core/base/error.h"
#include "core/base/text.h"

namespace trainyard::server {
namespace {

// kSteps[v] takes a database from version v to v + 1. Steps are never edited
// once released.
constexpr std::array<const char*, kSchemaVersion> kSteps = {
    R"sql(
CREATE TABLE resources(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind INTEGER NOT NULL,
  name TEXT NOT NULL UNIQUE,
  uid TEXT NOT NULL UNIQUE,
  parent TEXT NOT NULL,
  state INTEGER NOT NULL,
  digest TEXT NOT NULL,
  body BLOB NOT NULL);
CREATE INDEX resources_by_parent ON resources(kind, parent, id);
CREATE INDEX resources_by_state ON resources(kind, state, id);
CREATE INDEX resources_by_digest ON resources(digest) WHERE digest <> '';

CREATE TABLE events(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  job_uid TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  epoch INTEGER,
  body BLOB NOT NULL);
CREATE UNIQUE INDEX events_by_sequence ON events(job_uid, sequence);
CREATE UNIQUE INDEX events_by_epoch ON events(job_uid, epoch) WHERE epoch IS NOT NULL;

CREATE TABLE requests(
  caller TEXT NOT NULL,
  method TEXT NOT NULL,
  request_id TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  response BLOB NOT NULL,
  PRIMARY KEY(caller, method, request_id)) WITHOUT ROWID;

CREATE TABLE attachments(uid TEXT PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE facts(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
)sql",
    // Answers are kept for a day.
    R"sql(
ALTER TABLE requests ADD COLUMN time INTEGER NOT NULL DEFAULT 0;
UPDATE requests SET time = strftime('%s', 'now');
CREATE INDEX requests_by_time ON requests(time);
)sql",
    // What was changed, by whom.
    R"sql(
CREATE TABLE audit(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  time INTEGER NOT NULL,
  user TEXT NOT NULL,
  token TEXT NOT NULL,
  method TEXT NOT NULL,
  resource TEXT NOT NULL);
CREATE INDEX audit_by_user ON audit(user, id);
)sql",
};

absl::StatusOr<int> VersionOf(Connection& connection) {
  auto statement = connection.Prepare("PRAGMA user_version");
  if (!statement.ok()) return statement.status();
  auto row = statement->Step();
  if (!row.ok()) return row.status();
  return static_cast<int>(statement->Int(0));
}

}  // namespace

const char* MigrationFrom(int from) { return kSteps[static_cast<std::size_t>(from)]; }

absl::Status Migrate(Connection& connection) {
  auto version = VersionOf(connection);
  if (!version.ok()) return version.status();
  if (*version > kSchemaVersion) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition, {"DATABASE_NEWER", "", {}},
        StrCat("the data directory was written by a newer server (schema ", *version,
               "; this one knows ", kSchemaVersion, "); start that one, or restore a backup"));
  }
  for (int step = *version; step < kSchemaVersion; ++step) {
    const auto status = connection.Execute(StrCat("BEGIN IMMEDIATE;", MigrationFrom(step),
                                                  "PRAGMA user_version = ", step + 1, ";COMMIT;"));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace trainyard::server
