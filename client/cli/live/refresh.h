// A view that is fetched again and again.
#pragma once

#include <functional>
#include <string>

#include "client/cli/context.h"

namespace trainyard::client {

// Shows what `fetch` makes, or reports its error. Returns the exit code.
int ShowOnce(Context& context, const std::function<grpc::Status(std::string&)>& fetch);

// What stays, below the first line, of a view that is higher than the terminal.
enum class Keep { kFirst, kLast };

// The lines of `text` that fit into `height`.
std::string FitLines(const std::string& text, int height, Keep keep);

// Shows what `fetch` makes, every two seconds, until Ctrl-C: in place on a terminal,
// as much as fits there, else anew where it has changed.
int ShowUntilInterrupted(Context& context, Keep keep,
                         const std::function<grpc::Status(std::string&)>& fetch);

}  // namespace trainyard::client
