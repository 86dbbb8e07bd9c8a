// Which start of the server gave which ids of the event log.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/store/store.h"
#include "trainyard/store/v1/records.pb.h"

namespace trainyard::server {

// What clients hold of the stream of all jobs. An older copy of the directory that is
// put back gives ids a second time, to other events: a cursor therefore tells, besides
// the id, under which start of a server it was given. Immutable.
class LogStarts {
 public:
  // Of a log whose starts nobody noted: cursors are ids alone.
  LogStarts() = default;

  // Notes in the log that a server starts; `mark`, of letters and digits, is its alone.
  // A full disk is no error: cursors of this run are then refused by the next one.
  static absl::StatusOr<LogStarts> Note(Store& store, const std::string& mark);

  // The same for one id as long as the log is the same.
  std::string CursorOf(std::int64_t id) const;

  // The id in a cursor, 0 where it is empty; INVALID_ARGUMENT where it is none.
  static absl::StatusOr<std::int64_t> IdOf(const std::string& cursor);

 private:
  store::v1::EventLogStarts starts_;
};

}  // namespace trainyard::server
