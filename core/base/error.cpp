#include "core/base/error.h"

#include <cerrno>
#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/cord.h"

namespace trainyard {
namespace {

// The payload is a list of strings, each as "<length>:<bytes>": the reason, the
// field, then each key and its value. Lengths make any byte allowed in any.
constexpr const char* kDetailsUrl = "trainyard.error_details";

void AppendString(std::string_view text, std::string& out) {
  out += std::to_string(text.size());
  out += ':';
  out += text;
}

// Takes one string off the front of `in`; nothing where it is malformed.
std::optional<std::string> TakeString(std::string_view& in) {
  const std::size_t colon = in.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::size_t size = 0;
  const auto [end, error] = std::from_chars(in.data(), in.data() + colon, size);
  if (error != std::errc() || end != in.data() + colon) return std::nullopt;
  in.remove_prefix(colon + 1);
  if (size > in.size()) return std::nullopt;
  std::string text(in.substr(0, size));
  in.remove_prefix(size);
  return text;
}

std::string Serialize(const ErrorDetails& details) {
  std::string out;
  AppendString(details.reason, out);
  AppendString(details.field, out);
  for (const auto& [key, value] : details.metadata) {
    AppendString(key, out);
    AppendString(value, out);
  }
  return out;
}

std::optional<ErrorDetails> Parse(std::string_view in) {
  ErrorDetails details;
  std::optional<std::string> reason = TakeString(in);
  std::optional<std::string> field = reason ? TakeString(in) : std::nullopt;
  if (!field) return std::nullopt;
  details.reason = *std::move(reason);
  details.field = *std::move(field);
  while (!in.empty()) {
    std::optional<std::string> key = TakeString(in);
    std::optional<std::string> value = key ? TakeString(in) : std::nullopt;
    if (!value) return std::nullopt;
    details.metadata.emplace(*std::move(key), *std::move(value));
  }
  return details;
}

}  // namespace

// By value, for most callers make the details in place.
// NOLINTNEXTLINE(performance-unnecessary-value-param)
absl::Status MakeError(absl::StatusCode code, ErrorDetails details, std::string_view message) {
  // absl's string_view need not be the standard one.
  absl::Status status(code, absl::string_view(message.data(), message.size()));
  status.SetPayload(kDetailsUrl, absl::Cord(Serialize(details)));
  return status;
}

absl::Status FieldError(std::string_view field, std::string_view reason, std::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument,
                   {.reason = std::string(reason), .field = std::string(field), .metadata = {}},
                   message);
}

ErrorDetails GetErrorDetails(const absl::Status& status) {
  const auto payload = status.GetPayload(kDetailsUrl);
  if (!payload) return {};
  return Parse(std::string(*payload)).value_or(ErrorDetails{});
}

absl::Status SystemError(int error_number, std::string_view action, std::string_view path) {
  absl::StatusCode code = absl::ErrnoToStatusCode(error_number);
  std::string reason = "SYSTEM_ERROR";
  if (error_number == ENOSPC || error_number == EDQUOT) {
    code = absl::StatusCode::kResourceExhausted;
    reason = "DISK_FULL";
  } else if (code == absl::StatusCode::kUnknown || code == absl::StatusCode::kOk) {
    code = absl::StatusCode::kInternal;
  }
  std::string message = "cannot ";
  message.append(action).append(" ").append(path).append(": ");
  message += std::generic_category().message(error_number);
  return MakeError(
      code,
      {.reason = std::move(reason),
       .field = "",
       .metadata = {{"path", std::string(path)}, {"errno", std::to_string(error_number)}}},
      message);
}

}  // namespace trainyard
