// Who may see and use what others own.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "server/resources/names.h"
#include "server/store/store.h"
#include "trainyard/v1/dataset.pb.h"
#include "trainyard/v1/network.pb.h"

namespace trainyard::server {

// Whether `caller` may know that a resource with this owner and visibility is
// there: its owner and staff always, the class where it is CLASS or HIDDEN.
bool MayKnow(const Caller& caller, std::string_view owner, v1::Visibility visibility);

// A dataset as `caller` may see it: of a HIDDEN one others do not see what tells
// of its rows.
v1::Dataset SeenBy(const Caller& caller, v1::Dataset dataset);

// What a dataset is to be used for.
enum class DatasetUse { kTrain, kEvaluate, kRead };

// The dataset that a request names in `field`, for the caller to use: theirs, or
// one of the class. A HIDDEN one may be evaluated on and no more, by its owner
// too. Errors: INVALID_ARGUMENT for a bad name; NOT_FOUND; PERMISSION_DENIED;
// FAILED_PRECONDITION unless ACTIVE.
absl::StatusOr<v1::Dataset> FindDataset(Reader& reader, const Caller& caller,
                                        std::string_view field, std::string_view name,
                                        DatasetUse use);

// The network that a request names in `field`, theirs or one of the class.
absl::StatusOr<v1::Network> FindNetwork(Reader& reader, const Caller& caller,
                                        std::string_view field, std::string_view name);

// Whether a job that recorded `dataset` may still train on it for `caller`: a
// dataset that has become HIDDEN, or is no longer shared with them, may not be
// read by way of a fork. One that has been deleted is judged as it was.
absl::Status CheckStillReadable(Reader& reader, const Caller& caller, const v1::Dataset& dataset);

}  // namespace trainyard::server
