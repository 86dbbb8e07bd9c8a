// What a worker may not ask of the kernel.
#pragma once

#include "absl/status/status.h"

namespace trainyard::server {

// Denies this process, for ever and for all of its threads, to start programs, to look
// into other processes, and sockets but those of this machine (AF_UNIX, by which a
// worker reaches its server): such calls fail with EPERM. A worker reads files that
// strangers have made; what such a file could make of it stays there. Errors:
// UNAVAILABLE where the kernel has no seccomp filters.
absl::Status ConfineProcess();

// Whether ConfineProcess could work here; asked at the server's start.
absl::Status CanConfine();

}  // namespace trainyard::server
