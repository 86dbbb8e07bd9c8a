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

// The first epoch whose costs are not the same to the bit, or that one of them does
// not have; 0 where there is none.
int FirstDifference(const ComparedJob& a, const ComparedJob& b);

}  // namespace trainyard::client
