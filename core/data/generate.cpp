#include "core/data/generate.h"

#include <array>
#include <memory>
#include <string>
#include <utility>

#include "core/base/error.h"
#include "core/data/dataset_writer.h"
#include "core/data/glyphs.h"
#include "core/rng/philox.h"

namespace trainyard {
namespace {

constexpr std::int64_t kMostRows = 1'000'000;
constexpr double kDefaultDigitNoise = 0.5;

absl::StatusOr<DatasetInfo> GenerateDigits(const GeneratorSpec& spec,
                                           const std::filesystem::path& staging,
                                           std::stop_token stop) {
  auto writer = DatasetWriter::Create(
      staging, {.task = Task::kClassification,
                .features = kDigitPixels,
                .max_rows = kMostRows,
                .max_stored_bytes = kMostRows * (kDigitPixels + std::int64_t{8}),
                .stop = std::move(stop)});
  if (!writer.ok()) return writer.status();
  const double noise = spec.noise.value_or(kDefaultDigitNoise);
  std::array<std::uint8_t, kDigitPixels> pixels{};
  for (std::int64_t row = 0; row < spec.rows; ++row) {
    // A stream a row: the first rows of a larger set are the smaller set.
    PhiloxStream random(spec.seed, RandomPurpose::kGenerator, static_cast<std::uint32_t>(row));
    const int digit = static_cast<int>(random.NextBelow(kDigitClasses));
    DrawDigit(digit, noise, random, pixels);
    const std::span<const std::uint8_t> drawn(pixels);
    if (absl::Status status = (*writer)->AppendFeatures(drawn); !status.ok()) return status;
    if (absl::Status status = (*writer)->AppendLabel(digit); !status.ok()) return status;
  }
  return (*writer)->Finish({.class_count = kDigitClasses,
                            .image_height = kDigitSide,
                            .image_width = kDigitSide,
                            .byte_source = true});
}

}  // namespace

absl::Status Validate(const GeneratorSpec& spec) {
  if (spec.rows < 1 || spec.rows > kMostRows) {
    return FieldError("rows", "ROWS_OUT_OF_RANGE",
                      "rows is " + std::to_string(spec.rows) + "; it must be from 1 to " +
                          std::to_string(kMostRows));
  }
  // Written so that NaN is refused.
  if (spec.noise && !(*spec.noise >= 0 && *spec.noise <= 1)) {
    return FieldError("noise", "NOISE_OUT_OF_RANGE", "noise must be from 0 to 1");
  }
  return absl::OkStatus();
}

absl::StatusOr<DatasetInfo> Generate(const GeneratorSpec& spec,
                                     const std::filesystem::path& staging, std::stop_token stop) {
  if (absl::Status status = Validate(spec); !status.ok()) return status;
  switch (spec.kind) {
    case GeneratorKind::kDigits:
      return GenerateDigits(spec, staging, std::move(stop));
  }
  return FieldError("kind", "GENERATOR_UNKNOWN", "there is no such generator");
}

}  // namespace trainyard
