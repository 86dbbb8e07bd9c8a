// The database: resources, events and answered requests, all behind one writer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/store/layout.h"

namespace trainyard::server {

class Connection;

// Kinds of stored resources. The numbers are on disk: never change them.
enum class ResourceKind {
  kDataset = 1,
  kNetwork = 2,
  kJob = 3,
  kEvaluation = 4,
  kUser = 5,
  kToken = 6,
  kInvitation = 7
};

// A resource: what queries need in columns, the rest as opaque bytes.
struct ResourceRow {
  // Order of creation; also what page tokens hold.
  std::int64_t id = 0;
  ResourceKind kind{};
  // Full resource name, unique.
  std::string name;
  std::string uid;
  // users/{user}, or the job of an evaluation.
  std::string parent;
  // The public state enum's number.
  int state = 0;
  // Content digest of a dataset; empty for others.
  std::string digest;
  std::string body;
};

// An event of a job.
struct EventRow {
  std::int64_t sequence = 0;
  std::string body;
  // Counts the events of all jobs in the order of their commits, without a gap;
  // never given again.
  std::int64_t id = 0;
};

// An event, and whose it is.
struct LoggedEvent {
  std::string job_name;
  std::string job_uid;
  EventRow event;
};

// A request that has been answered.
struct AnsweredRequest {
  std::string fingerprint;
  std::string response;
};

// What somebody changed.
struct AuditRow {
  // Counts up; also what page tokens hold.
  std::int64_t id = 0;
  // Microseconds since 1970.
  std::int64_t time = 0;
  std::string user;
  std::string token;
  std::string method;
  std::string resource;
};

// Queries. What one Reader sees within one call of Store::Read is a snapshot.
class Reader {
 public:
  explicit Reader(Connection& connection) : connection_(connection) {}

  // NOT_FOUND where there is none.
  absl::StatusOr<ResourceRow> Get(ResourceKind kind, std::string_view name);
  // In order of creation, after `after_id`.
  absl::StatusOr<std::vector<ResourceRow>> List(ResourceKind kind, std::string_view parent,
                                                std::int64_t after_id, int limit);
  // Those in a state, of all users, in order of creation.
  absl::StatusOr<std::vector<ResourceRow>> ListByState(ResourceKind kind, int state);
  // How many below `parent` are in a state.
  absl::StatusOr<int> CountByState(ResourceKind kind, std::string_view parent, int state);
  // All of a kind, of all users, in order of creation, after `after_id`.
  absl::StatusOr<std::vector<ResourceRow>> ListAll(ResourceKind kind, std::int64_t after_id,
                                                   int limit);
  // How many of a kind there are in each state that there are any in.
  absl::StatusOr<std::map<int, std::int64_t>> CountByState(ResourceKind kind);
  // Datasets with this content.
  absl::StatusOr<int> CountByDigest(std::string_view digest);

  absl::StatusOr<std::vector<EventRow>> Events(std::string_view job_uid,
                                               std::int64_t after_sequence, int limit);
  // Those of a user's jobs, of everybody's where `parent` is empty, with ids in (after_id,
  // up_to_id], in order of id.
  absl::StatusOr<std::vector<LoggedEvent>> EventsOfUser(std::string_view parent,
                                                        std::int64_t after_id,
                                                        std::int64_t up_to_id, int limit);
  // How many events of a job there are, and the lowest and highest sequence.
  struct EventSpan {
    std::int64_t count = 0;
    std::int64_t first = 0;
    std::int64_t last = 0;
  };
  absl::StatusOr<EventSpan> SpanOf(std::string_view job_uid);
  // The newest id that an event has been given; 0 before the first.
  absl::StatusOr<std::int64_t> LastEventId();
  // After this id no event has been trimmed.
  absl::StatusOr<std::int64_t> LastTrimmedEventId();
  // The event that completed an epoch, if there is one.
  absl::StatusOr<std::optional<EventRow>> EpochEvent(std::string_view job_uid, int epoch);

  absl::StatusOr<std::optional<AnsweredRequest>> Answered(std::string_view caller,
                                                          std::string_view method,
                                                          std::string_view request_id);
  // Newest first, those before `before_id`, of `user` alone where there is one.
  absl::StatusOr<std::vector<AuditRow>> Audit(std::string_view user, std::int64_t before_id,
                                              int limit);
  // A large companion of a resource.
  absl::StatusOr<std::string> Attachment(std::string_view uid);
  // A fact about the server; empty where there is none.
  absl::StatusOr<std::string> Fact(std::string_view key);

 protected:
  Connection& connection_;
};

// Queries and changes, within one transaction, on the writer's thread.
class Transaction : public Reader {
 public:
  using Reader::Reader;

  // Fills in row.id. ALREADY_EXISTS where the name is taken.
  absl::Status Insert(ResourceRow& row);
  // state, digest and body of the row with this uid.
  absl::Status Update(const ResourceRow& row);
  absl::Status Delete(std::string_view uid);
  absl::Status DeleteChildren(std::string_view parent);

  // Fills in row.id. `epoch` is 0 for events other than a completed epoch. A
  // sequence or an epoch that is there already is an INTERNAL error: callers
  // check.
  absl::Status AppendEvent(std::string_view job_uid, int epoch, EventRow& row);
  absl::Status DeleteEvents(std::string_view job_uid);
  // Deletes a job's events up to a sequence, and notes how far in the log of all
  // jobs there are gaps by now.
  absl::Status TrimEvents(std::string_view job_uid, std::int64_t up_to_sequence);

  // An answer is kept for a day.
  absl::Status PutAnswered(std::string_view caller, std::string_view method,
                           std::string_view request_id, const AnsweredRequest& answer);
  // Fills in row.id.
  absl::Status AppendAudit(AuditRow& row);
  // Deletes entries of before `time`, in microseconds since 1970: the oldest, and a
  // bounded number of them at once.
  absl::Status TrimAudit(std::int64_t time);
  absl::Status PutAttachment(std::string_view uid, std::string_view body);
  absl::Status PutFact(std::string_view key, std::string_view value);
};

// Owns the database. One thread writes and checkpoints; it puts what has
// arrived together into one transaction, so that many callers share one fsync.
// Any thread may call Read and Commit.
class Store {
 public:
  // Opens or makes the database, checks it and brings its schema up to date.
  // Errors: FAILED_PRECONDITION where it was written by a newer server;
  // DATA_LOSS where it is damaged.
  enum class Thoroughness { kQuick, kEveryPage };
  static absl::StatusOr<std::unique_ptr<Store>> Open(const Layout& layout,
                                                     Thoroughness check = Thoroughness::kQuick);
  virtual ~Store() = default;

  // What becomes of work that finds the disk full.
  enum class WhenFull {
    // RESOURCE_EXHAUSTED.
    kFail,
    // It gives space back: a reserve that is kept for it is used up first. Until
    // there is one again, the others find the disk full.
    kUseReserve,
    // It waits for space, until GiveUp.
    kWait,
  };

  // Runs `work` and returns when what it did is durable. Where it fails,
  // nothing of it is kept. It must not call back into the store, and may be run
  // again where the disk was full.
  virtual absl::Status Commit(std::function<absl::Status(Transaction&)> work,
                              WhenFull when_full = WhenFull::kFail) = 0;
  // Waits a little for space; false where nobody is to wait any more.
  virtual bool AwaitSpace() = 0;
  // From now on nobody waits for space.
  virtual void GiveUp() = 0;

  // Goes up whenever something has been committed: what was read since it last did
  // is as it is.
  virtual std::uint64_t changes() const = 0;

  // Runs `work` over one snapshot, on the caller's thread.
  virtual absl::Status Read(const std::function<absl::Status(Reader&)>& work) = 0;
};

// Copies the database of a directory, as it is at one moment and with all that
// has been committed, to a new file. A server may run, and goes on committing.
absl::Status CopyDatabaseOf(const Layout& layout, const std::filesystem::path& to);

}  // namespace trainyard::server
