// The picture of a job that is watched on a terminal.
#pragma once

#include <string>
#include <vector>

#include "client/cli/live/watch_model.h"
#include "client/cli/term/terminal.h"

namespace trainyard::client {

// Lines of at most look.width columns, fewer than look.height: a heading, the
// cost curve, progress of the epoch and of the run, and the latest figures.
// `notice` is a line of the watch's own, such as a broken connection.
std::vector<std::string> WatchFrame(const Look& look, const WatchModel& model,
                                    const std::string& notice);

}  // namespace trainyard::client
