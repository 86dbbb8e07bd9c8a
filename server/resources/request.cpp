#include "server/resources/request.h"

#include <algorithm>
#include <charconv>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/text.h"
#include "google/protobuf/util/field_mask_util.h"
#include "server/resources/clock.h"

namespace trainyard::server {
namespace {

using google::protobuf::util::FieldMaskUtil;

constexpr int kDefaultPageSize = 100;
constexpr int kMaxPageSize = 1000;
constexpr std::size_t kMaxRequestId = 128;

std::string FingerprintOf(const google::protobuf::Message& request) {
  Sha256 hash;
  hash.Update(request.SerializeAsString());
  return hash.HexDigest();
}

// Found: the earlier answer is in `response`.
absl::StatusOr<bool> AnswerAgain(Transaction& transaction, const Mutation& mutation,
                                 std::string_view fingerprint,
                                 google::protobuf::Message& response) {
  auto answered = transaction.Answered(mutation.caller.user, mutation.method, mutation.request_id);
  if (!answered.ok()) return answered.status();
  if (!answered->has_value()) return false;
  if ((*answered)->fingerprint != fingerprint) {
    return FieldError("request_id", "REQUEST_ID_REUSED",
                      "this request_id was used for a different request; use a new one");
  }
  response.ParseFromString((*answered)->response);
  return true;
}

// What a mutation made or changed: the name that its answer has, or the one that
// its request has.
std::string ResourceOf(const google::protobuf::Message& message) {
  const google::protobuf::FieldDescriptor* const name =
      message.GetDescriptor()->FindFieldByName("name");
  if (name == nullptr || name->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_STRING) {
    return "";
  }
  return message.GetReflection()->GetString(message, name);
}

absl::Status Record(Transaction& transaction, const Mutation& mutation,
                    const google::protobuf::Message& response) {
  std::string resource = ResourceOf(response);
  if (resource.empty()) resource = ResourceOf(mutation.request);
  AuditRow row{0,
               MicrosecondsNow(),
               mutation.caller.user,
               mutation.caller.token,
               std::string(mutation.method),
               std::move(resource)};
  return transaction.AppendAudit(row);
}

}  // namespace

absl::Status Once(Store& store, const Mutation& mutation, google::protobuf::Message& response,
                  const std::function<absl::Status(Transaction&)>& work) {
  if (mutation.request_id.size() > kMaxRequestId) {
    return FieldError("request_id", "TOO_LONG", "request_id has more than 128 bytes");
  }
  const bool remember = !mutation.request_id.empty() && !mutation.validate_only;
  const std::string fingerprint = remember ? FingerprintOf(mutation.request) : std::string();
  bool validated = false;
  const auto status = store.Commit(
      [&](Transaction& transaction) -> absl::Status {
        validated = false;
        if (remember) {
          auto again = AnswerAgain(transaction, mutation, fingerprint, response);
          if (!again.ok() || *again) return again.status();
        }
        if (auto done = work(transaction); !done.ok()) return done;
        if (mutation.validate_only) {
          // Any error undoes the transaction; this one is ours.
          validated = true;
          return absl::CancelledError("validate_only");
        }
        if (auto recorded = Record(transaction, mutation, response); !recorded.ok()) {
          return recorded;
        }
        if (!remember) return absl::OkStatus();
        return transaction.PutAnswered(mutation.caller.user, mutation.method, mutation.request_id,
                                       {fingerprint, response.SerializeAsString()});
      },
      mutation.frees_space ? Store::WhenFull::kUseReserve : Store::WhenFull::kFail);
  return validated ? absl::OkStatus() : status;
}

absl::Status ApplyMask(const google::protobuf::FieldMask& mask,
                       std::initializer_list<std::string_view> changeable,
                       const google::protobuf::Message& from, google::protobuf::Message& to) {
  if (mask.paths().empty()) {
    return FieldError("update_mask", "REQUIRED",
                      "update_mask is required: it names the fields to change");
  }
  for (const std::string& path : mask.paths()) {
    const std::string_view top = std::string_view(path).substr(0, path.find('.'));
    const bool known = FieldMaskUtil::GetFieldDescriptors(to.GetDescriptor(), path, nullptr);
    if (known && std::ranges::find(changeable, top) != changeable.end()) continue;
    return FieldError("update_mask", "FIELD_NOT_CHANGEABLE",
                      StrCat("update_mask names ", path, ", which cannot be changed"));
  }
  FieldMaskUtil::MergeOptions options;
  options.set_replace_message_fields(true);
  FieldMaskUtil::MergeMessageTo(from, mask, options, &to);
  return absl::OkStatus();
}

absl::StatusOr<Page> ParsePage(int page_size, std::string_view page_token) {
  Page page;
  if (page_size < 0) return FieldError("page_size", "NEGATIVE", "page_size is negative");
  page.size = page_size == 0 ? kDefaultPageSize : std::min(page_size, kMaxPageSize);
  if (page_token.empty()) return page;
  const char* const end = page_token.data() + page_token.size();
  const auto [rest, error] = std::from_chars(page_token.data() + 1, end, page.after_id);
  if (page_token.front() != 'p' || error != std::errc() || rest != end || page.after_id < 0) {
    return FieldError("page_token", "INVALID_PAGE_TOKEN",
                      "page_token is not one that a list of ours returned");
  }
  return page;
}

std::string PageToken(std::int64_t last_id) { return StrCat("p", last_id); }

absl::StatusOr<std::string> ListPage(Reader& reader, ResourceKind kind, std::string_view parent,
                                     const Page& page,
                                     const std::function<bool(const ResourceRow&)>& wanted,
                                     const std::function<void(const ResourceRow&)>& take) {
  std::int64_t after_id = page.after_id;
  std::int64_t last_taken = page.after_id;
  int taken = 0;
  while (true) {
    // One more than fits tells whether there is another page.
    const int limit = page.size + 1;
    auto rows = parent == kEverybody ? reader.ListAll(kind, after_id, limit)
                                     : reader.List(kind, parent, after_id, limit);
    if (!rows.ok()) return rows.status();
    for (const ResourceRow& row : *rows) {
      if (!wanted(row)) continue;
      if (taken == page.size) return PageToken(last_taken);
      take(row);
      ++taken;
      last_taken = row.id;
    }
    if (static_cast<int>(rows->size()) < limit) return "";
    after_id = rows->back().id;
  }
}

}  // namespace trainyard::server
