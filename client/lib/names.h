// Resource names and request ids.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace trainyard::client {

// The caller, as a parent.
inline constexpr absl::string_view kMe = "users/me";

// A full name as it is; a bare id becomes users/me/<collection>/<id>.
std::string FullName(absl::string_view collection, absl::string_view name_or_id);

// The full name of an evaluation: JOB/EVALUATION, jobs/JOB/evaluations/ID and
// the like, or full already.
std::string EvaluationName(absl::string_view name);

// The last segment of a name.
std::string BareId(absl::string_view name);

// A random UUID (version 4), for request_id.
std::string NewRequestId();

}  // namespace trainyard::client
