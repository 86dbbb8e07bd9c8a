// What networks that were trained on logic gates answer.
#pragma once

#include <vector>

#include "client/cli/context.h"

namespace trainyard::client {

// Asks each job for the four rows of the gate that it was trained on, and
// prints the outputs, rounded too, beside the truth; as JSON the responses.
// Returns the exit code.
int PrintGateAnswers(Context& context, const std::vector<v1::TrainingJob>& jobs);

}  // namespace trainyard::client
