#include "core/data/generate.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/data/dataset_writer.h"
#include "core/data/gates.h"
#include "core/data/glyphs.h"
#include "core/data/playground.h"
#include "core/rng/philox.h"

namespace trainyard {
namespace {

constexpr std::int64_t kMostRows = 1'000'000;
constexpr std::int64_t kUsualRows = 1000;
constexpr double kDefaultDigitNoise = 0.5;
constexpr double kMostGateNoise = 0.5;

struct KindTraits {
  GeneratorKind kind;
  Task task;
  double most_noise;
  // 0 where the user chooses.
  std::int64_t fixed_rows;
  // Null for images.
  PlanePoint (*draw)(std::int64_t row, double noise, PhiloxStream& random);
};

// One line for each kind.
constexpr std::array<KindTraits, 12> kKinds = {{
    {GeneratorKind::kDigits, Task::kClassification, 1, 0, nullptr},
    {GeneratorKind::kAnd, Task::kClassification, kMostGateNoise, kGateRows, DrawAnd},
    {GeneratorKind::kOr, Task::kClassification, kMostGateNoise, kGateRows, DrawOr},
    {GeneratorKind::kXor, Task::kClassification, kMostGateNoise, kGateRows, DrawXor},
    {GeneratorKind::kNand, Task::kClassification, kMostGateNoise, kGateRows, DrawNand},
    {GeneratorKind::kNor, Task::kClassification, kMostGateNoise, kGateRows, DrawNor},
    {GeneratorKind::kCircle, Task::kClassification, kMostPlaygroundNoise, 0, DrawCircle},
    {GeneratorKind::kXorPoints, Task::kClassification, kMostPlaygroundNoise, 0, DrawXorPoints},
    {GeneratorKind::kGauss, Task::kClassification, kMostPlaygroundNoise, 0, DrawGauss},
    {GeneratorKind::kSpiral, Task::kClassification, kMostPlaygroundNoise, 0, DrawSpiral},
    {GeneratorKind::kPlane, Task::kRegression, kMostPlaygroundNoise, 0, DrawPlane},
    {GeneratorKind::kGaussRegression, Task::kRegression, kMostPlaygroundNoise, 0,
     DrawGaussRegression},
}};

const KindTraits& TraitsOf(GeneratorKind kind) {
  return *std::ranges::find(kKinds, kind, &KindTraits::kind);
}

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

absl::Status AppendPoint(DatasetWriter& writer, Task task, const PlanePoint& point) {
  const std::array<float, 2> features = {static_cast<float>(point.x), static_cast<float>(point.y)};
  const std::span<const float> row(features);
  if (absl::Status status = writer.AppendFeatures(row); !status.ok()) return status;
  if (task == Task::kClassification) return writer.AppendLabel(point.target > 0.5 ? 1 : 0);
  const auto target = static_cast<float>(point.target);
  return writer.AppendTargets({&target, 1});
}

absl::StatusOr<DatasetInfo> GeneratePoints(const GeneratorSpec& spec,
                                           const std::filesystem::path& staging,
                                           std::stop_token stop) {
  const KindTraits& kind = TraitsOf(spec.kind);
  const bool classes = kind.task == Task::kClassification;
  auto writer = DatasetWriter::Create(staging, {.task = kind.task,
                                                .features = 2,
                                                .target_count = classes ? 0 : 1,
                                                .max_rows = kMostRows,
                                                .max_stored_bytes = kMostRows * std::int64_t{16},
                                                .stop = std::move(stop)});
  if (!writer.ok()) return writer.status();
  for (std::int64_t row = 0; row < spec.rows; ++row) {
    PhiloxStream random(spec.seed, RandomPurpose::kGenerator, static_cast<std::uint32_t>(row));
    const PlanePoint point = kind.draw(row, spec.noise.value_or(0), random);
    if (absl::Status status = AppendPoint(**writer, kind.task, point); !status.ok()) return status;
  }
  return (*writer)->Finish({.class_count = classes ? 2 : 0});
}

}  // namespace

Task TaskOf(GeneratorKind kind) { return TraitsOf(kind).task; }

std::int64_t DefaultRows(GeneratorKind kind) {
  const std::int64_t fixed = TraitsOf(kind).fixed_rows;
  return fixed > 0 ? fixed : kUsualRows;
}

absl::Status Validate(const GeneratorSpec& spec) {
  const KindTraits& kind = TraitsOf(spec.kind);
  if (kind.fixed_rows > 0 && spec.rows != kind.fixed_rows) {
    return FieldError("rows", "ROWS_FIXED",
                      StrCat("rows is ", spec.rows, "; a gate's truth table has ", kind.fixed_rows,
                             ": leave rows out, or generate a set of points such as XOR_POINTS"));
  }
  if (spec.rows < 1 || spec.rows > kMostRows) {
    return FieldError("rows", "ROWS_OUT_OF_RANGE",
                      "rows is " + std::to_string(spec.rows) + "; it must be from 1 to " +
                          std::to_string(kMostRows));
  }
  // Written so that NaN is refused.
  if (spec.noise && !(*spec.noise >= 0 && *spec.noise <= kind.most_noise)) {
    return FieldError("noise", "NOISE_OUT_OF_RANGE",
                      StrCat("noise must be from 0 to ", kind.most_noise, " for this kind"));
  }
  return absl::OkStatus();
}

absl::StatusOr<DatasetInfo> Generate(const GeneratorSpec& spec,
                                     const std::filesystem::path& staging, std::stop_token stop) {
  if (absl::Status status = Validate(spec); !status.ok()) return status;
  return TraitsOf(spec.kind).draw != nullptr ? GeneratePoints(spec, staging, std::move(stop))
                                             : GenerateDigits(spec, staging, std::move(stop));
}

}  // namespace trainyard
