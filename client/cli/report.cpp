#include "client/cli/report.h"

#include <google/protobuf/empty.pb.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <array>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/cli/term/text.h"
#include "client/lib/error.h"

namespace trainyard::client {
namespace {

// The kind of resource that a message speaks of first.
std::optional<absl::string_view> ResourceIn(absl::string_view message) {
  static constexpr std::array<absl::string_view, 4> kKinds = {"dataset", "network", "evaluation",
                                                              "job"};
  const std::string lower = absl::AsciiStrToLower(message);
  std::size_t first = std::string::npos;
  std::optional<absl::string_view> found;
  // A name such as users/me/jobs/j/evaluations/e is an evaluation's.
  if (lower.find("/evaluations/") != std::string::npos) return kKinds[2];
  for (const absl::string_view kind : kKinds) {
    const std::size_t at = lower.find(std::string(kind));
    if (at >= first) continue;
    first = at;
    found = kind;
  }
  return found;
}

std::string HintWhereUnreachable(const Endpoint& endpoint) {
  const std::string hint =
      "is trainyard-server running there? --server HOST:PORT or TRAINYARD_SERVER names another";
  if (endpoint.tls()) return hint;
  // One that speaks TLS looks as if it were not there.
  return absl::StrCat(hint, "; a class's server is joined first: trainyard join LINE");
}

// Which quota was exceeded.
std::string QuotaOf(const ErrorDetails& error) {
  const auto quota = error.metadata.find("quota");
  return quota == error.metadata.end() ? "" : quota->second;
}

// The command to try next; empty where none makes sense.
std::string Hint(const Endpoint& endpoint, const grpc::Status& status, const ErrorDetails& error) {
  const std::optional<absl::string_view> kind = ResourceIn(error.message);
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
      // With a reason it is a server that has answered.
      return error.reason.empty() ? HintWhereUnreachable(endpoint) : "";
    case grpc::StatusCode::UNAUTHENTICATED:
      return "sign in with a token: trainyard login --server HOST:PORT; or with a line that you "
             "were given: trainyard join LINE";
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      if (error.reason != "QUOTA_EXCEEDED") return "";
      // Of one dataset, and its owner's to give: the message has it all.
      if (QuotaOf(error) == "hidden_evaluations_per_day") return "";
      return "see what you use and may use: trainyard whoami";
    case grpc::StatusCode::NOT_FOUND:
      if (error.reason == "CHECKPOINT_NOT_KEPT" || error.reason == "NO_SUCH_CHECKPOINT") {
        return "--epoch takes one of them, and the last without it; train with "
               "--keep-checkpoints all to keep every one";
      }
      if (!kind) return "";
      if (*kind == "evaluation") return "see what there is: trainyard evaluation list JOB";
      return absl::StrCat("see what there is: trainyard ", *kind, " list");
    case grpc::StatusCode::ALREADY_EXISTS:
      if (!kind || *kind == "evaluation") return "";
      return absl::StrCat("choose another name, or: trainyard ", *kind, " delete NAME");
    default:
      return "";
  }
}

void PrintError(Context& context, const ErrorDetails& error) {
  const Look look = context.terminal.err_look();
  context.err() << Painted(look, Paint::kBad, "error:") << " " << error.message << "\n";
  for (const auto& violation : error.violations) {
    context.err() << "  " << violation.field << ": " << violation.description << "\n";
  }
}

void PrintHint(Context& context, const std::string& hint) {
  if (hint.empty()) return;
  context.err() << Painted(context.terminal.err_look(), Paint::kDim, "hint:") << " " << hint
                << "\n";
}

}  // namespace

std::string ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  // Only a detail of a type that this build does not know fails.
  if (!status.ok()) json = absl::StrCat("{\"unprintable\":\"", status.ToString(), "\"}");
  return json;
}

void PrintJson(Context& context, const google::protobuf::Message& message) {
  context.out() << ToJson(message) << std::endl;
}

void PrintDeleted(Context& context, absl::string_view kind, absl::string_view name) {
  if (context.json) return PrintJson(context, google::protobuf::Empty());
  context.out() << "deleted " << kind << " " << name << "\n";
}

int ExitCodeOf(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::OK:
      return kDone;
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::PERMISSION_DENIED:
      return kNotAllowed;
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return kUnreachable;
    default:
      return kFailed;
  }
}

int ReportError(Context& context, const grpc::Status& status) {
  const ErrorDetails error = DecodeError(status);
  PrintError(context, error);
  PrintHint(context, Hint(context.endpoint, status, error));
  return ExitCodeOf(status);
}

int ReportError(Context& context, const absl::Status& status) {
  ErrorDetails error;
  error.message = std::string(status.message());
  PrintError(context, error);
  return kFailed;
}

int ReportNotSignedIn(Context& context, const absl::Status& status) {
  ReportError(context, status);
  return absl::IsUnavailable(status) ? kUnreachable : kNotAllowed;
}

int ReportFailure(Context& context, absl::string_view what, const google::rpc::Status& status) {
  ErrorDetails error = DecodeError(status);
  error.message =
      absl::StrCat(what, error.reason.empty() ? "" : " ", error.reason, ": ", error.message);
  PrintError(context, error);
  return kFailed;
}

int ReportUsage(Context& context, const absl::Status& status) {
  ReportError(context, status);
  return kBadUsage;
}

int ReportUsage(Context& context, const UsageError& error) {
  ReportError(context, absl::InvalidArgumentError(error.message));
  PrintHint(context, error.hint);
  return kBadUsage;
}

}  // namespace trainyard::client
