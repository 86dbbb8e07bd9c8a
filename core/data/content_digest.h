// What a dataset's digest is taken over.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/file.h"
#include "core/data/dataset.h"

namespace trainyard {

// Begins a dataset's digest (DatasetWriter says of what) with what comes before
// the features and the targets.
void BeginContentDigest(Task task, std::int64_t rows, int features, FeatureType type,
                        int target_count, Sha256& hash);

// The digest of a stored dataset, computed again from its files.
std::string ContentDigestOf(const Dataset& dataset);

}  // namespace trainyard
