// Watching a job to its end, in the manner that the output allows.
#pragma once

#include "client/cli/context.h"

namespace trainyard::client {

struct WatchOutcome {
  // kDone when the stream came to its end; errors are reported already.
  int code = kDone;
  // The last state seen.
  v1::TrainingJob::State state = v1::TrainingJob::STATE_UNSPECIFIED;
};

// Prints the events after a sequence: live on a terminal, else a line an event.
// Ctrl-C stops watching, not the job, and says so. `every` as in PlainWatch.
WatchOutcome WatchAndPrint(Context& context, const v1::TrainingJob& job,
                           std::int64_t after_sequence, int every = 1);

}  // namespace trainyard::client
