// What mutations and lists have in common: a request id that makes a retry
// harmless, a dry run, and pages.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "google/protobuf/field_mask.pb.h"
#include "google/protobuf/message.h"
#include "server/resources/names.h"
#include "server/store/store.h"

namespace trainyard::server {

// Which mutation this is.
struct Mutation {
  const Caller& caller;
  // Name of the method.
  std::string_view method;
  // The whole request: a retry must be the same.
  const google::protobuf::Message& request;
  // Empty where the caller does not mean to retry.
  std::string_view request_id;
  bool validate_only = false;
  // It gives space back, and so must work on a full disk.
  bool frees_space = false;
};

// Runs `work` in one transaction, which fills in `response`. Where the same
// caller has been answered under this request id, returns that answer instead;
// a different request under the same id is INVALID_ARGUMENT. With
// validate_only the transaction is undone and the response returned.
absl::Status Once(Store& store, const Mutation& mutation, google::protobuf::Message& response,
                  const std::function<absl::Status(Transaction&)>& work);

// Copies the fields that `mask` names from `from` to `to`, messages whole. Only
// `changeable` ones, and what is within them, may be named, and one must be.
absl::Status ApplyMask(const google::protobuf::FieldMask& mask,
                       std::initializer_list<std::string_view> changeable,
                       const google::protobuf::Message& from, google::protobuf::Message& to);

// A page of a list.
struct Page {
  std::int64_t after_id = 0;
  int size = 0;
};

// Sizes: 0 is 100, above 1000 is 1000. Errors: INVALID_ARGUMENT.
absl::StatusOr<Page> ParsePage(int page_size, std::string_view page_token);

// The token that continues after `last_id`.
std::string PageToken(std::int64_t last_id);

// A page of what there is of a kind: below `parent`, or of everybody where it is
// users/-, and of that what `wanted` keeps. `take` is called for each row, in
// order. Returns the token of the next page, empty on the last.
absl::StatusOr<std::string> ListPage(Reader& reader, ResourceKind kind, std::string_view parent,
                                     const Page& page,
                                     const std::function<bool(const ResourceRow&)>& wanted,
                                     const std::function<void(const ResourceRow&)>& take);

}  // namespace trainyard::server
