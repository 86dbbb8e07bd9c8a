// Datasets: public messages to core's specs and back.
#pragma once

#include "absl/status/statusor.h"
#include "core/data/dataset.h"
#include "core/data/generate.h"
#include "core/data/ingest.h"
#include "trainyard/v1/dataset.pb.h"

namespace trainyard::server {

// What the user said of an upload. Fields in errors begin with "dataset.".
absl::StatusOr<IngestSpec> ToIngestSpec(const v1::Dataset& message);

// What the user said of generated data, with defaults.
absl::StatusOr<GeneratorSpec> ToGeneratorSpec(const v1::Dataset& message);

// Writes the derived fields.
void Describe(const DatasetInfo& info, v1::Dataset* message);

// The derived fields, read back.
DatasetInfo ToInfo(const v1::Dataset& message);

}  // namespace trainyard::server
