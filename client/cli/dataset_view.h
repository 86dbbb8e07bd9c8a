// Datasets as people read them.
#pragma once

#include "client/cli/context.h"

namespace trainyard::client {

// As a description with the histogram of labels, or as JSON.
void PrintDataset(Context& context, const v1::Dataset& dataset);
void PrintDatasets(Context& context, const v1::ListDatasetsResponse& datasets,
                   bool full_names = false);
// Images are drawn, other rows are lists of values.
void PrintRows(Context& context, const v1::PreviewDatasetResponse& preview);

}  // namespace trainyard::client
