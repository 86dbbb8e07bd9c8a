// How commands answer: a message as JSON, or an error in words.
#pragma once

#include <google/protobuf/message.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "client/cli/context.h"
#include "client/cli/usage.h"
#include "google/rpc/status.pb.h"

namespace trainyard::client {

// Proto3 JSON on one line, without a newline. Fields without presence are
// there even when zero.
std::string ToJson(const google::protobuf::Message& message);

// Writes the JSON and flushes, so that a reader of a pipe has the line at once.
void PrintJson(Context& context, const google::protobuf::Message& message);

// "deleted KIND NAME", or the empty message as JSON.
void PrintDeleted(Context& context, absl::string_view kind, absl::string_view name);

// Prints the error with its field violations and a hint, and returns the exit
// code that stands for it.
int ReportError(Context& context, const grpc::Status& status);
// For what went wrong in the client; always kFailed.
int ReportError(Context& context, const absl::Status& status);
// For a server that this machine has not joined; always kNotAllowed.
int ReportNotSignedIn(Context& context, const absl::Status& status);
// A resource's own error, such as why a dataset is FAILED.
int ReportFailure(Context& context, absl::string_view what, const google::rpc::Status& status);
// Bad usage that the parser could not see.
int ReportUsage(Context& context, const absl::Status& status);
// Bad usage that the parser saw.
int ReportUsage(Context& context, const UsageError& error);

// kDone and the like for a status; no output.
int ExitCodeOf(const grpc::Status& status);

}  // namespace trainyard::client
