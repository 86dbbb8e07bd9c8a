#include "server/store/sqlite.h"

#include <cerrno>
#include <utility>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/text.h"
#include "server/store/reserve.h"

namespace trainyard::server {
namespace {

// Pages of the log after which it is written back to the database.
constexpr int kCheckpointPages = 1000;

bool HasNoSpace(sqlite3* handle, int code) {
  const int kind = code & 0xff;
  if (kind == SQLITE_FULL) return true;
  const int error = sqlite3_system_errno(handle);
  return kind == SQLITE_IOERR && (error == ENOSPC || error == EDQUOT);
}

// A full disk and a damaged file are the caller's to know; anything else is a
// fault of the store.
absl::Status ErrorOf(sqlite3* handle, int code) {
  const char* const name = sqlite3_db_filename(handle, "main");
  const std::string file = name == nullptr ? "the database" : name;
  if (HasNoSpace(handle, code)) return DiskFull();
  const int kind = code & 0xff;
  if (kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB) {
    return MakeError(absl::StatusCode::kDataLoss, {"DATABASE_DAMAGED", "", {}},
                     StrCat(file, " is damaged (", sqlite3_errmsg(handle), "); restore a backup"));
  }
  auto error = MakeError(absl::StatusCode::kInternal, {"DATABASE", "", {}},
                         StrCat(file, ": ", sqlite3_errmsg(handle)));
  const bool sync = code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC;
  return sync ? SyncFailed(std::move(error)) : error;
}

// In place of SQLite's own hook, which drops every error of a checkpoint, that
// of a failed sync among them. The others leave the log as it is, and the next
// commit tries again.
int CheckpointLog(void* /*context*/, sqlite3* handle, const char* database, int pages) {
  if (pages < kCheckpointPages) return SQLITE_OK;
  const int code =
      sqlite3_wal_checkpoint_v2(handle, database, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  if (code != SQLITE_OK) ErrorOf(handle, code).IgnoreError();
  return SQLITE_OK;
}

}  // namespace

Statement::~Statement() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Statement& Statement::Bind(int index, std::int64_t value) {
  sqlite3_bind_int64(statement_, index, value);
  return *this;
}

Statement& Statement::Bind(int index, std::string_view text) {
  sqlite3_bind_text64(statement_, index, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}

Statement& Statement::BindBlob(int index, std::string_view bytes) {
  sqlite3_bind_blob64(statement_, index, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
  return *this;
}

Statement& Statement::BindNull(int index) {
  sqlite3_bind_null(statement_, index);
  return *this;
}

absl::StatusOr<bool> Statement::Step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return ErrorOf(sqlite3_db_handle(statement_), code);
}

absl::Status Statement::Run() { return Step().status(); }

std::int64_t Statement::Int(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Statement::Text(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  if (bytes == nullptr || size <= 0) return {};
  return {static_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

bool Statement::IsNull(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(const std::string& path, Mode mode) {
  const int flags =
      SQLITE_OPEN_NOMUTEX |
      (mode == Mode::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  std::unique_ptr<Connection> connection(new Connection(handle));
  if (code != SQLITE_OK) return ErrorOf(handle, code);
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, 10'000);
  if (mode == Mode::kReadWrite) sqlite3_wal_hook(handle, CheckpointLog, nullptr);
  return connection;
}

Connection::~Connection() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

absl::StatusOr<Statement> Connection::Prepare(std::string_view sql) {
  if (const auto found = statements_.find(sql); found != statements_.end()) {
    return Statement(found->second);
  }
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return ErrorOf(handle_, code);
  statements_.emplace(sql, statement);
  return Statement(statement);
}

absl::Status Connection::Execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return ErrorOf(handle_, code);
  return absl::OkStatus();
}

absl::Status CopyDatabase(Connection& from, const std::string& to) {
  auto copy = Connection::Open(to, Connection::Mode::kReadWrite);
  if (!copy.ok()) return copy.status();
  // All pages in one step: the source's snapshot is held meanwhile, and its
  // writer does not wait for it.
  sqlite3_backup* backup = sqlite3_backup_init((*copy)->handle(), "main", from.handle(), "main");
  if (backup == nullptr) return ErrorOf((*copy)->handle(), sqlite3_errcode((*copy)->handle()));
  const int code = sqlite3_backup_step(backup, -1);
  sqlite3_backup_finish(backup);
  if (code != SQLITE_DONE) return ErrorOf((*copy)->handle(), code);
  return (*copy)->Execute("PRAGMA journal_mode=DELETE");
}

}  // namespace trainyard::server
