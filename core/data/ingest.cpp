#include "core/data/ingest.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/error.h"
#include "core/data/array_headers.h"
#include "core/data/array_ingest.h"
#include "core/data/csv_reader.h"
#include "core/data/gzip_source.h"
#include "core/data/ingest_sources.h"
#include "core/data/input_error.h"

namespace trainyard {
namespace {

constexpr std::string_view kGzipMagic = "\x1f\x8b";
constexpr std::string_view kNpyMagic = "\x93NUMPY";
constexpr std::string_view kIdxMagic("\0\0", 2);
constexpr std::string_view kZipMagic = "PK\x03\x04";
constexpr std::size_t kLongestMagic = 6;

bool BeginsWith(std::span<const std::uint8_t> bytes, std::string_view magic) {
  return bytes.size() >= magic.size() &&
         std::equal(magic.begin(), magic.end(), bytes.begin(),
                    [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; });
}

// Hands out what was read to look at it, then the rest.
class Rejoined : public ByteSource {
 public:
  explicit Rejoined(std::unique_ptr<BufferedReader> reader) : reader_(std::move(reader)) {}

  absl::StatusOr<std::size_t> Read(std::span<std::uint8_t> out) override {
    const auto front = reader_->Peek(1);
    if (!front.ok()) return front.status();
    const auto bytes = reader_->Take(std::min(out.size(), reader_->available()));
    if (!bytes.ok()) return bytes.status();
    std::ranges::copy(*bytes, out.begin());
    return bytes->size();
  }

 private:
  std::unique_ptr<BufferedReader> reader_;
};

// A reader of the content, inflated where it is gzip.
absl::StatusOr<std::unique_ptr<BufferedReader>> MakeReader(std::unique_ptr<ByteSource> source,
                                                           const std::string& file,
                                                           const IngestLimits& limits) {
  auto reader = std::make_unique<BufferedReader>(std::move(source));
  const auto front = reader->Peek(kGzipMagic.size());
  if (!front.ok()) return front.status();
  if (!BeginsWith(*front, kGzipMagic)) return reader;
  return std::make_unique<BufferedReader>(
      MakeGzipSource(std::make_unique<Rejoined>(std::move(reader)), file, limits.max_gzip_ratio));
}

absl::StatusOr<FileFormat> DetectFormat(const IngestSpec& spec, BufferedReader& reader) {
  const auto front = reader.Peek(kLongestMagic);
  if (!front.ok()) return front.status();
  if (front->empty()) return InputError("EMPTY_FILE", {.file = "data"}, "the file is empty");
  if (spec.format != FileFormat::kDetect) return spec.format;
  if (BeginsWith(*front, kNpyMagic)) return FileFormat::kNpy;
  if (BeginsWith(*front, kIdxMagic)) return FileFormat::kIdx;
  if (BeginsWith(*front, kZipMagic) || BeginsWith(*front, kGzipMagic)) {
    return InputError("FORMAT_UNSUPPORTED", {.file = "data"},
                      "the file is an archive (zip, npz, or gzip twice); upload the CSV, IDX or "
                      "NPY file inside, plain or gzip");
  }
  return FileFormat::kCsv;
}

absl::Status CheckSpec(const IngestSpec& spec, const IngestLimits& limits) {
  if (spec.class_count < 0 || spec.class_count > limits.max_classes) {
    return FieldError("class_count", "CLASS_COUNT_OUT_OF_RANGE",
                      "class_count is from 1 to " + std::to_string(limits.max_classes) +
                          ", or 0 for the largest label + 1");
  }
  if (spec.task == Task::kRegression && spec.class_count > 0) {
    return FieldError("class_count", "CLASS_COUNT_NOT_FOR_REGRESSION",
                      "a dataset for regression has no classes");
  }
  if (spec.task == Task::kClassification && !spec.target_columns.empty()) {
    return FieldError("target_columns", "TARGET_COLUMNS_NOT_FOR_CLASSIFICATION",
                      "target columns are for regression; name the label column");
  }
  return absl::OkStatus();
}

absl::StatusOr<DatasetInfo> IngestCsvAlone(const IngestSpec& spec, BufferedReader& data,
                                           bool has_labels, const std::filesystem::path& staging,
                                           const IngestLimits& limits) {
  if (has_labels) {
    return FieldError("labels", "LABELS_NOT_SEPARATE",
                      "a CSV file holds its labels in a column; leave out the labels file and "
                      "name the column");
  }
  return IngestCsv(spec, data, staging, limits);
}

absl::StatusOr<DatasetInfo> IngestBinary(const IngestSpec& spec, bool idx, BufferedReader& data,
                                         BufferedReader* labels,
                                         const std::filesystem::path& staging,
                                         const IngestLimits& limits) {
  const std::string format = idx ? "IDX" : "NPY";
  if (!spec.label_column.empty() || !spec.target_columns.empty()) {
    return FieldError(
        spec.label_column.empty() ? "target_columns" : "label_column", "COLUMNS_ONLY_FOR_CSV",
        "columns are named only for CSV; " + format + " has labels in their own file");
  }
  if (idx && spec.task == Task::kRegression) {
    return FieldError("task", "TASK_UNSUPPORTED",
                      "IDX files hold labels of classes; for regression use CSV or NPY");
  }
  const auto read_header = idx ? ReadIdxHeader : ReadNpyHeader;
  auto data_stream = read_header(data, "data");
  if (!data_stream.ok()) return data_stream.status();
  if (labels == nullptr) {
    return FieldError("labels", "LABELS_REQUIRED",
                      format + " data needs a second file with its labels" +
                          (data_stream->shape.size() == 1 ? "; this one looks like labels" : ""));
  }
  auto label_stream = read_header(*labels, "labels");
  if (!label_stream.ok()) return label_stream.status();
  return IngestArrays(spec, *data_stream, *label_stream, staging, limits);
}

}  // namespace

absl::StatusOr<DatasetInfo> IngestSources(const IngestSpec& spec, std::unique_ptr<ByteSource> data,
                                          std::unique_ptr<ByteSource> labels,
                                          const std::filesystem::path& staging,
                                          const IngestLimits& limits) {
  if (absl::Status status = CheckSpec(spec, limits); !status.ok()) return status;
  auto data_reader = MakeReader(std::move(data), "data", limits);
  if (!data_reader.ok()) return data_reader.status();
  const auto format = DetectFormat(spec, **data_reader);
  if (!format.ok()) return format.status();
  if (*format == FileFormat::kCsv) {
    return IngestCsvAlone(spec, **data_reader, labels != nullptr, staging, limits);
  }
  std::unique_ptr<BufferedReader> label_reader;
  if (labels != nullptr) {
    auto reader = MakeReader(std::move(labels), "labels", limits);
    if (!reader.ok()) return reader.status();
    label_reader = *std::move(reader);
  }
  return IngestBinary(spec, *format == FileFormat::kIdx, **data_reader, label_reader.get(), staging,
                      limits);
}

absl::StatusOr<DatasetInfo> Ingest(const IngestSpec& spec, const IngestFiles& files,
                                   const std::filesystem::path& staging,
                                   const IngestLimits& limits) {
  auto data = OpenFileSource(files.data);
  if (!data.ok()) return data.status();
  std::unique_ptr<ByteSource> labels;
  if (!files.labels.empty()) {
    auto opened = OpenFileSource(files.labels);
    if (!opened.ok()) return opened.status();
    labels = *std::move(opened);
  }
  return IngestSources(spec, *std::move(data), std::move(labels), staging, limits);
}

}  // namespace trainyard
