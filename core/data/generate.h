// Datasets that the server makes itself.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>

#include "absl/status/statusor.h"
#include "core/data/dataset.h"

namespace trainyard {

enum class GeneratorKind {
  // Handwritten-like digits, 28 x 28 bytes, ten classes.
  kDigits,
};

struct GeneratorSpec {
  GeneratorKind kind = GeneratorKind::kDigits;
  std::int64_t rows = 1000;
  // From 0 to 1; the kind's default where unset.
  std::optional<double> noise;
  std::uint64_t seed = 0;
};

// Errors: INVALID_ARGUMENT naming the field.
absl::Status Validate(const GeneratorSpec& spec);

// Writes features.npy and targets.npy to `staging`, as Ingest does. The same
// spec gives the same bytes on every machine.
// CANCELLED where `stop` ended it early; what is then in `staging` is of no use.
absl::StatusOr<DatasetInfo> Generate(const GeneratorSpec& spec,
                                     const std::filesystem::path& staging,
                                     std::stop_token stop = {});

}  // namespace trainyard
