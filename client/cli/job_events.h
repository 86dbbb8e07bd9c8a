// A job's log, read at once.
#pragma once

#include <functional>
#include <string>

#include "client/cli/context.h"

namespace trainyard::client {

// Calls `each` with every event after a sequence, in order, up to the last there is.
grpc::Status ForEachEvent(Connection& connection, const std::string& job, std::int64_t after,
                          const std::function<void(const v1::TrainingEvent&)>& each);

}  // namespace trainyard::client
