#include "server/store/store.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/text.h"
#include "server/store/reserve.h"
#include "server/store/schema.h"
#include "server/store/sqlite.h"

namespace trainyard::server {
namespace {

// At most this many callers share a transaction, so that none waits long.
constexpr std::size_t kMaxBatch = 256;

// Of work that waits for space.
constexpr std::chrono::seconds kBetweenTries{1};

// A caller's work and where its outcome goes.
struct Pending {
  const std::function<absl::Status(Transaction&)>* work;
  absl::Status status;
  bool done = false;
};

class SqliteStore : public Store {
 public:
  SqliteStore(const Layout& layout, std::unique_ptr<Connection> writer)
      : path_(layout.Database().string()),
        reserve_(layout.Reserve()),
        connection_(std::move(writer)),
        writer_([this] { WriteLoop(); }) {}

  ~SqliteStore() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    arrived_.notify_all();
    writer_.join();
  }

  absl::Status Commit(std::function<absl::Status(Transaction&)> work, WhenFull when_full) override {
    while (true) {
      // What the reserve has given up is for those who give space back.
      const bool admitted = when_full == WhenFull::kUseReserve || reserve_.IsThere();
      const auto status = admitted ? CommitOnce(work) : DiskFull();
      if (!IsDiskFull(status) || when_full == WhenFull::kFail) return status;
      if (when_full == WhenFull::kUseReserve && reserve_.Release()) continue;
      if (when_full == WhenFull::kUseReserve || !AwaitSpace()) return status;
    }
  }

  bool AwaitSpace() override {
    std::unique_lock lock(mutex_);
    return !gave_up_.wait_for(lock, kBetweenTries, [this] { return given_up_; });
  }

  void GiveUp() override {
    {
      const std::lock_guard lock(mutex_);
      given_up_ = true;
    }
    gave_up_.notify_all();
  }

  std::uint64_t changes() const override { return changes_; }

  absl::Status Read(const std::function<absl::Status(Reader&)>& work) override {
    auto connection = TakeReader();
    if (!connection.ok()) return connection.status();
    absl::Status status = (*connection)->Execute("BEGIN");
    if (status.ok()) {
      Reader reader(**connection);
      status = work(reader);
      const auto end = (*connection)->Execute("COMMIT");
      if (status.ok()) status = end;
    }
    ReturnReader(*std::move(connection));
    return status;
  }

 private:
  absl::Status CommitOnce(const std::function<absl::Status(Transaction&)>& work) {
    Pending pending{&work, absl::OkStatus(), false};
    std::unique_lock lock(mutex_);
    if (stopping_) return absl::UnavailableError("the store is closed");
    queue_.push_back(&pending);
    arrived_.notify_one();
    committed_.wait(lock, [&] { return pending.done; });
    return pending.status;
  }

  void WriteLoop() {
    while (true) {
      std::vector<Pending*> batch = NextBatch();
      if (batch.empty()) return;
      RunBatch(batch);
      // Before any caller hears of it.
      ++changes_;
      {
        const std::lock_guard lock(mutex_);
        for (Pending* pending : batch) pending->done = true;
      }
      committed_.notify_all();
    }
  }

  // Empty when there is nothing left and the store closes.
  std::vector<Pending*> NextBatch() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    std::vector<Pending*> batch;
    while (!queue_.empty() && batch.size() < kMaxBatch) {
      batch.push_back(queue_.front());
      queue_.pop_front();
    }
    return batch;
  }

  // Each piece of work under a savepoint of its own, all under one COMMIT.
  void RunBatch(const std::vector<Pending*>& batch) {
    absl::Status whole = connection_->Execute("BEGIN IMMEDIATE");
    for (Pending* pending : batch) {
      if (whole.ok()) whole = RunOne(*pending);
    }
    if (whole.ok()) whole = connection_->Execute("COMMIT");
    if (whole.ok()) return;
    // Nothing of this batch is durable: every caller hears so. The outcome of
    // a rollback does not matter, the transaction may already be gone.
    connection_->Execute("ROLLBACK").IgnoreError();
    for (Pending* pending : batch) pending->status = whole;
  }

  absl::Status RunOne(Pending& pending) {
    if (auto status = connection_->Execute("SAVEPOINT work"); !status.ok()) return status;
    Transaction transaction(*connection_);
    pending.status = (*pending.work)(transaction);
    // Then SQLite may have undone the whole transaction by itself.
    if (IsDiskFull(pending.status)) return pending.status;
    return connection_->Execute(pending.status.ok() ? "RELEASE work"
                                                    : "ROLLBACK TO work; RELEASE work");
  }

  absl::StatusOr<std::unique_ptr<Connection>> TakeReader() {
    {
      const std::lock_guard lock(readers_mutex_);
      if (!readers_.empty()) {
        auto connection = std::move(readers_.back());
        readers_.pop_back();
        return connection;
      }
    }
    return Connection::Open(path_, Connection::Mode::kReadOnly);
  }

  void ReturnReader(std::unique_ptr<Connection> connection) {
    const std::lock_guard lock(readers_mutex_);
    // A few are enough: one for each thread that reads at the same time.
    if (readers_.size() < 8) readers_.push_back(std::move(connection));
  }

  const std::string path_;
  Reserve reserve_;
  std::atomic<std::uint64_t> changes_ = 0;
  // The writer thread's own.
  std::unique_ptr<Connection> connection_;

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::condition_variable committed_;
  std::deque<Pending*> queue_;  // guarded by mutex_
  bool stopping_ = false;       // guarded by mutex_
  std::condition_variable gave_up_;
  bool given_up_ = false;  // guarded by mutex_

  std::mutex readers_mutex_;
  std::vector<std::unique_ptr<Connection>> readers_;  // guarded by readers_mutex_

  std::thread writer_;  // last: it uses all of the above
};

absl::Status CheckIntegrity(Connection& connection, const std::string& path,
                            Store::Thoroughness check) {
  auto statement = connection.Prepare(
      check == Store::Thoroughness::kQuick ? "PRAGMA quick_check(1)" : "PRAGMA integrity_check(1)");
  if (!statement.ok()) return statement.status();
  auto row = statement->Step();
  if (!row.ok()) return row.status();
  std::string complaint = statement->Text(0);
  if (*row && complaint == "ok") return absl::OkStatus();
  std::ranges::replace(complaint, '\n', ' ');
  return MakeError(absl::StatusCode::kDataLoss, {"DATABASE_DAMAGED", "", {}},
                   StrCat(path, " is damaged (", complaint, "); restore a backup"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const Layout& layout, Thoroughness check) {
  const std::string path = layout.Database().string();
  auto connection = Connection::Open(path, Connection::Mode::kReadWrite);
  if (!connection.ok()) return connection.status();
  if (auto status = CheckIntegrity(**connection, path, check); !status.ok()) return status;
  // FULL: a commit that was acknowledged survives a power cut.
  auto status = (*connection)->Execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;");
  if (status.ok()) status = Migrate(**connection);
  if (!status.ok()) return status;
  return std::make_unique<SqliteStore>(layout, *std::move(connection));
}

absl::Status CopyDatabaseOf(const Layout& layout, const std::filesystem::path& to) {
  auto connection = Connection::Open(layout.Database().string(), Connection::Mode::kReadOnly);
  if (!connection.ok()) return connection.status();
  return CopyDatabase(**connection, to.string());
}

}  // namespace trainyard::server
