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
  // The four rows of a logic gate's truth table (core/data/gates.h).
  kAnd,
  kOr,
  kXor,
  kNand,
  kNor,
  // Points of the TensorFlow Playground (core/data/playground.h): two classes.
  kCircle,
  kXorPoints,
  kGauss,
  kSpiral,
  // The same, with one real target.
  kPlane,
  kGaussRegression,
};

struct GeneratorSpec {
  GeneratorKind kind = GeneratorKind::kDigits;
  std::int64_t rows = 1000;
  // From 0 to 1 for digits (default 0.5), to 0.5 for the others (default 0).
  std::optional<double> noise;
  std::uint64_t seed = 0;
};

Task TaskOf(GeneratorKind kind);

// 4 for a gate, else 1000.
std::int64_t DefaultRows(GeneratorKind kind);

// Errors: INVALID_ARGUMENT naming the field.
absl::Status Validate(const GeneratorSpec& spec);

// Writes features.npy and targets.npy to `staging`, as Ingest does. The same
// spec gives the same bytes on every machine.
// CANCELLED where `stop` ended it early; what is then in `staging` is of no use.
absl::StatusOr<DatasetInfo> Generate(const GeneratorSpec& spec,
                                     const std::filesystem::path& staging,
                                     std::stop_token stop = {});

}  // namespace trainyard
