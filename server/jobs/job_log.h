// A stored job and its events, changed together.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/store/store.h"
#include "trainyard/store/v1/records.pb.h"
#include "trainyard/v1/training.pb.h"

namespace trainyard::server {

// One job within one transaction: read it, change it, append events, save.
// What was appended is announced after the commit.
class JobEdit {
 public:
  // Reads the job. NOT_FOUND; with `uid` also where the name is another job's
  // by now.
  static absl::StatusOr<JobEdit> Load(Transaction& transaction, const std::string& name,
                                      const std::string& uid = "");
  // A job that is not stored yet.
  static JobEdit New(Transaction& transaction, store::v1::JobRecord record);

  v1::TrainingJob& job() { return *record_.mutable_job(); }
  store::v1::JobRecord& record() { return record_; }

  // The event that completed an epoch, if there is one.
  absl::StatusOr<std::optional<v1::TrainingEvent>> EventOfEpoch(int epoch);

  // Sets sequence, attempt and time.
  absl::Status Append(v1::TrainingEvent event);
  // Deletes the oldest events, up to a sequence.
  absl::Status Trim(std::int64_t up_to_sequence);
  // Sets the state and appends its event.
  absl::Status Enter(v1::TrainingJob::State state, const std::string& reason = "");
  // Writes the row. The last call.
  absl::Status Save();

  const std::string& uid() const { return row_.uid; }
  const std::vector<EventRow>& appended() const { return appended_; }

 private:
  explicit JobEdit(Transaction& transaction) : transaction_(&transaction) {}

  Transaction* transaction_;
  ResourceRow row_;
  store::v1::JobRecord record_;
  std::vector<EventRow> appended_;
};

// Whether a job may go from one state to another (the diagram in
// ARCHITECTURE.md).
bool MayGo(v1::TrainingJob::State from, v1::TrainingJob::State to);

}  // namespace trainyard::server
