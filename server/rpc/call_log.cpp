#include "server/rpc/call_log.h"

#include <spdlog/spdlog.h>

#include <string>
#include <string_view>

#include "core/base/error.h"
#include "server/auth/policy.h"

namespace trainyard::server {
namespace {

std::string TextOf(const google::protobuf::Message& message, const char* name) {
  const auto* const field = message.GetDescriptor()->FindFieldByName(name);
  using Field = google::protobuf::FieldDescriptor;
  if (field == nullptr || field->cpp_type() != Field::CPPTYPE_STRING || field->is_repeated()) {
    return "";
  }
  // Whoever calls writes these: at most a line's worth, no line of their own, and
  // nothing that is cut in the middle of a letter.
  std::string text = message.GetReflection()->GetString(message, field).substr(0, 200);
  for (char& c : text) {
    if (c <= ' ' || c > '~') c = '?';
  }
  return text;
}

}  // namespace

void LogCall(const Caller& caller, const google::protobuf::Message& request,
             const absl::Status& status, std::chrono::steady_clock::time_point begun) {
  const Rule* const rule = RuleFor(*request.GetDescriptor());
  const bool refused = absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status) ||
                       absl::IsResourceExhausted(status);
  const bool told = refused || (rule != nullptr && rule->writes);
  const auto level = told ? spdlog::level::info : spdlog::level::debug;
  if (!spdlog::should_log(level)) return;
  std::string resource = TextOf(request, "name");
  if (resource.empty()) resource = TextOf(request, "parent");
  const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - begun;
  spdlog::log(level, "call method={} user={} resource={} request_id={} code={} reason={} ms={:.1f}",
              rule == nullptr ? std::string_view("none") : rule->method,
              caller.user.empty() ? "nobody" : caller.user, resource.empty() ? "-" : resource,
              TextOf(request, "request_id"), absl::StatusCodeToString(status.code()),
              GetErrorDetails(status).reason, taken.count());
}

}  // namespace trainyard::server
