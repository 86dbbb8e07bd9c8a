#include "core/data/array_ingest.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/data/dataset_writer.h"
#include "core/data/input_error.h"
#include "core/data/number.h"

namespace trainyard {
namespace {

bool IsIdx(const ArrayStream& array) { return array.format == "IDX"; }

std::string ShapeOf(const ArrayStream& array) {
  std::string text = "(";
  for (std::size_t i = 0; i < array.shape.size(); ++i) {
    text += (i > 0 ? ", " : "") + std::to_string(array.shape[i]);
  }
  return text + ")";
}

absl::Status CheckShapes(const IngestSpec& spec, const ArrayStream& data,
                         const ArrayStream& labels) {
  const std::size_t most = IsIdx(data) ? 4 : 3;
  if (data.shape.size() < 2 || data.shape.size() > most) {
    return InputError(
        IsIdx(data) ? "IDX_WRONG_MAGIC" : "NPY_SHAPE_UNSUPPORTED",
        {.file = "data", .value = ShapeOf(data)},
        data.shape.size() == 1
            ? "the array has one dimension, as labels have; are the two files swapped?"
            : "features have the shape (rows, features) or (rows, height, width)");
  }
  const bool wide_targets = spec.task == Task::kRegression && labels.shape.size() == 2;
  if (labels.shape.size() != 1 && labels.row_elements() != 1 && !wide_targets) {
    return InputError(IsIdx(labels) ? "IDX_WRONG_MAGIC" : "NPY_SHAPE_UNSUPPORTED",
                      {.file = "labels", .value = ShapeOf(labels)},
                      "labels have one dimension; are the two files swapped?");
  }
  if (labels.shape.empty()) {
    return InputError("NPY_SHAPE_UNSUPPORTED", {.file = "labels", .value = ShapeOf(labels)},
                      "labels have one dimension");
  }
  if (IsIdx(labels) && !labels.type.is_byte()) {
    return InputError("IDX_TYPE_UNSUPPORTED", {.file = "labels"},
                      "labels in IDX files are unsigned bytes (magic 0x00000801)");
  }
  return absl::OkStatus();
}

// What the header of one file announces, before anything is allocated for it.
absl::Status CheckSize(const ArrayStream& array, const IngestLimits& limits) {
  const std::int64_t elements = array.row_elements();
  if (array.rows() <= limits.max_rows && elements <= limits.max_features &&
      (elements == 0 || array.rows() <= limits.max_stored_bytes / elements)) {
    return absl::OkStatus();
  }
  return InputError(array.format + "_TOO_LARGE", {.file = array.file, .value = ShapeOf(array)},
                    "the header says more than the " + std::to_string(limits.max_rows) + " rows, " +
                        std::to_string(limits.max_features) + " features or " +
                        std::to_string(limits.max_stored_bytes) +
                        " bytes that are accepted; is the file damaged?");
}

absl::Status CheckCounts(const ArrayStream& data, const ArrayStream& labels) {
  if (data.rows() != labels.rows()) {
    return MismatchError("COUNT_MISMATCH", {}, data.rows(), labels.rows(),
                         "the data file has " + std::to_string(data.rows()) +
                             " rows and the labels file " + std::to_string(labels.rows()) +
                             "; they must be of the same set");
  }
  if (data.rows() == 0) {
    return InputError("EMPTY_FILE", {.file = "data"}, "the file holds no row of data");
  }
  if (data.row_elements() == 0 || labels.row_elements() == 0) {
    return InputError("NO_FEATURES", {.file = data.row_elements() == 0 ? "data" : "labels"},
                      "the rows have no values");
  }
  return absl::OkStatus();
}

// The two files side by side.
class ArrayIngest {
 public:
  ArrayIngest(const IngestSpec& spec, ArrayStream& data, ArrayStream& labels,
              const IngestLimits& limits, DatasetWriter& writer)
      : spec_(spec),
        data_(data),
        labels_(labels),
        rule_(spec.class_count, limits.max_classes),
        writer_(writer),
        values_(static_cast<std::size_t>(data.row_elements())),
        features_(values_.size()),
        target_values_(static_cast<std::size_t>(labels.row_elements())),
        targets_(target_values_.size()) {}

  absl::Status Run() {
    for (row_ = 0; row_ < data_.rows(); ++row_) {
      if (absl::Status status = CopyFeatures(); !status.ok()) return status;
      if (absl::Status status = CopyTargets(); !status.ok()) return status;
    }
    if (absl::Status status = data_.ExpectEnd(); !status.ok()) return status;
    return labels_.ExpectEnd();
  }

 private:
  absl::Status CopyFeatures() {
    const auto bytes = data_.TakeRow(row_);
    if (!bytes.ok()) return bytes.status();
    if (data_.type.is_byte()) return writer_.AppendFeatures(*bytes);
    ConvertElements(data_.type, *bytes, values_);
    if (absl::Status status = ToFloats(data_, values_, features_); !status.ok()) return status;
    return writer_.AppendFeatures(std::span<const float>(features_));
  }

  absl::Status CopyTargets() {
    const auto bytes = labels_.TakeRow(row_);
    if (!bytes.ok()) return bytes.status();
    ConvertElements(labels_.type, *bytes, target_values_);
    if (spec_.task == Task::kRegression) {
      const absl::Status status = ToFloats(labels_, target_values_, targets_);
      return status.ok() ? writer_.AppendTargets(targets_) : status;
    }
    const double value = target_values_[0];
    if (const auto label = rule_.Accept(value)) return writer_.AppendLabel(*label);
    const Place place = PlaceOf(labels_, 0, value);
    const NumberError error = CheckStorable(value);
    return error == NumberError::kNone ? rule_.Describe(value, place)
                                       : DescribeNumberError(error, place);
  }

  absl::Status ToFloats(const ArrayStream& array, const std::vector<double>& values,
                        std::vector<float>& floats) const {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const NumberError error = CheckStorable(values[i]);
      if (error != NumberError::kNone) {
        return DescribeNumberError(error, PlaceOf(array, i, values[i]));
      }
      floats[i] = static_cast<float>(values[i]);
    }
    return absl::OkStatus();
  }

  Place PlaceOf(const ArrayStream& array, std::size_t column, double value) const {
    return {.file = array.file,
            .row = row_,
            .column = static_cast<std::int64_t>(column) + 1,
            .value = FormatNumber(value)};
  }

  const IngestSpec& spec_;
  ArrayStream& data_;
  ArrayStream& labels_;
  LabelRule rule_;
  DatasetWriter& writer_;
  std::int64_t row_ = 0;
  // Of the row being copied, as read and as stored.
  std::vector<double> values_;
  std::vector<float> features_;
  std::vector<double> target_values_;
  std::vector<float> targets_;
};

}  // namespace

absl::StatusOr<DatasetInfo> IngestArrays(const IngestSpec& spec, ArrayStream& data,
                                         ArrayStream& labels, const std::filesystem::path& staging,
                                         const IngestLimits& limits) {
  if (absl::Status status = CheckShapes(spec, data, labels); !status.ok()) return status;
  if (absl::Status status = CheckSize(data, limits); !status.ok()) return status;
  if (absl::Status status = CheckSize(labels, limits); !status.ok()) return status;
  if (absl::Status status = CheckCounts(data, labels); !status.ok()) return status;
  const bool regression = spec.task == Task::kRegression;
  auto writer = DatasetWriter::Create(
      staging, {.task = spec.task,
                .features = static_cast<int>(data.row_elements()),
                .target_count = regression ? static_cast<int>(labels.row_elements()) : 0,
                .max_rows = limits.max_rows,
                .max_stored_bytes = limits.max_stored_bytes,
                .stop = limits.stop});
  if (!writer.ok()) return writer.status();
  if (absl::Status status = ArrayIngest(spec, data, labels, limits, **writer).Run(); !status.ok()) {
    return status;
  }
  const bool images = data.shape.size() == 3;
  return (*writer)->Finish({.class_count = spec.class_count,
                            .image_height = images ? static_cast<int>(data.shape[1]) : 0,
                            .image_width = images ? static_cast<int>(data.shape[2]) : 0,
                            .byte_source = data.type.is_byte()});
}

}  // namespace trainyard
