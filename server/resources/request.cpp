#include "server/resources/request.h"

#include <algorithm>
#include <charconv>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/text.h"

namespace trainyard::server {
namespace {

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
        if (!remember) return absl::OkStatus();
        return transaction.PutAnswered(mutation.caller.user, mutation.method, mutation.request_id,
                                       {fingerprint, response.SerializeAsString()});
      },
      mutation.frees_space ? Store::WhenFull::kUseReserve : Store::WhenFull::kFail);
  return validated ? absl::OkStatus() : status;
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

}  // namespace trainyard::server
