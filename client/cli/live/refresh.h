// A view that is fetched again and again.
#pragma once

#include <functional>
#include <string>

#include "client/cli/context.h"

namespace trainyard::client {

// Shows what `fetch` makes, or reports its error. Returns the exit code.
int ShowOnce(Context& context, const std::function<grpc::Status(std::string&)>& fetch);

// Shows what `fetch` makes, every two seconds, until Ctrl-C: in place on a terminal,
// else anew where it has changed.
int ShowUntilInterrupted(Context& context, const std::function<grpc::Status(std::string&)>& fetch);

}  // namespace trainyard::client
