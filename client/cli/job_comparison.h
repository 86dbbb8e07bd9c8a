// Jobs beside each other.
#pragma once

#include <string>
#include <vector>

#include "client/cli/term/terminal.h"
#include "trainyard/v1/training.pb.h"

namespace trainyard::client {

struct ComparedJob {
  v1::TrainingJob job;
  // Of its whole log, in order.
  std::vector<v1::EpochCompleted> epochs;
};

// Settings that differ, what came out, costs by epoch, and from which epoch on they
// differ; a column a job.
std::string RenderComparison(const Look& look, const std::vector<ComparedJob>& jobs);

// The epochs that both jobs have: one that runs has not got to all of them, and a fork
// has only those that it trained itself.
struct SharedEpochs {
  std::size_t count = 0;
  // The first whose costs are not the same to the bit; 0 where there is none.
  int first_difference = 0;
};
SharedEpochs CompareEpochs(const ComparedJob& a, const ComparedJob& b);

}  // namespace trainyard::client
