// A thin owner of SQLite's handles. Only server/store includes it.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace trainyard::server {

// A prepared statement in use. Binds from 1, reads columns from 0; resets when
// it goes out of scope. Errors are remembered and come out of Step.
class Statement {
 public:
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  ~Statement();
  Statement(Statement&& other) noexcept : statement_(other.statement_) {
    other.statement_ = nullptr;
  }
  Statement& operator=(Statement&&) = delete;

  Statement& Bind(int index, std::int64_t value);
  Statement& Bind(int index, std::string_view text);
  Statement& BindBlob(int index, std::string_view bytes);
  Statement& BindNull(int index);

  // True where there is a row.
  absl::StatusOr<bool> Step();
  // For statements without rows.
  absl::Status Run();

  std::int64_t Int(int column) const;
  std::string Text(int column) const;
  bool IsNull(int column) const;

 private:
  sqlite3_stmt* statement_;
};

// A connection with its cache of prepared statements. One thread at a time.
class Connection {
 public:
  enum class Mode { kReadOnly, kReadWrite };
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const std::string& path, Mode mode);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // `sql` must outlive the connection: pass literals.
  absl::StatusOr<Statement> Prepare(std::string_view sql);
  // One or more statements without parameters or rows of interest.
  absl::Status Execute(const std::string& sql);
  sqlite3* handle() { return handle_; }
  std::int64_t last_insert_id() const { return sqlite3_last_insert_rowid(handle_); }

 private:
  explicit Connection(sqlite3* handle) : handle_(handle) {}
  sqlite3* handle_;
  std::unordered_map<std::string_view, sqlite3_stmt*> statements_;
};

// Copies a database, as `from` sees it in one snapshot, to a new file: closed,
// synced, without a log beside it.
absl::Status CopyDatabase(Connection& from, const std::string& to);

}  // namespace trainyard::server
