// Makes a dataset and waits until it can be used.
#pragma once

#include <filesystem>
#include <vector>

#include "client/cli/context.h"

namespace trainyard::client {

struct DatasetPart {
  v1::UploadPart::Kind kind = v1::UploadPart::DATA;
  std::filesystem::path file;
};

// Creates the dataset, uploads the parts with a progress bar on standard error
// where that is a terminal, and waits until it is ACTIVE. A dataset that ends
// as FAILED, or whose upload is refused, is deleted again so that its name is
// free. Errors are reported; returns the exit code.
int MakeDataset(Context& context, v1::CreateDatasetRequest request,
                const std::vector<DatasetPart>& parts, v1::Dataset* dataset);

// Waits until the dataset is ACTIVE, as above.
int WaitForDataset(Context& context, v1::Dataset* dataset);

// Deletes a dataset.
grpc::Status DeleteDataset(Context& context, const std::string& name);

}  // namespace trainyard::client
