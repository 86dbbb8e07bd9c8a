// Finds an evaluation by what a user calls it.
#pragma once

#include <string>

#include "client/cli/context.h"

namespace trainyard::client {

// Full name of an evaluation given as JOB/EVALUATION, in full, or by its id
// alone, which is looked for in the caller's jobs, newest first. Errors:
// NOT_FOUND.
grpc::Status FindEvaluation(Context& context, const std::string& given, std::string* name);

}  // namespace trainyard::client
