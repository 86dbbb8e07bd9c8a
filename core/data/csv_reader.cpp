#include "core/data/csv_reader.h"

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/data/csv_columns.h"
#include "core/data/csv_line.h"
#include "core/data/dataset_writer.h"
#include "core/data/input_error.h"
#include "core/data/number.h"

namespace trainyard {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
// So many digits are exact in a float.
constexpr std::ptrdiff_t kFastDigits = 7;

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t") == std::string_view::npos;
}

class CsvIngest {
 public:
  CsvIngest(const IngestSpec& spec, BufferedReader& reader, const std::filesystem::path& staging,
            const IngestLimits& limits)
      : spec_(spec),
        reader_(reader),
        staging_(staging),
        limits_(limits),
        label_rule_(spec.class_count, limits.max_classes) {}

  absl::StatusOr<DatasetInfo> Run() {
    for (;;) {
      const auto line = NextLine();
      if (!line.ok()) return line.status();
      if (!*line) break;
      if (absl::Status status = TakeLine(**line); !status.ok()) return status;
    }
    if (writer_ == nullptr || writer_->rows() == 0) {
      return InputError("EMPTY_FILE", {}, "the file holds no row of data");
    }
    return writer_->Finish({.class_count = spec_.class_count});
  }

 private:
  // The next line that is not blank; nothing at the end.
  absl::StatusOr<std::optional<std::string_view>> NextLine() {
    for (;;) {
      auto line = reader_.TakeLine(static_cast<std::size_t>(limits_.max_line_bytes));
      if (!line.ok() || !*line) return line;
      ++line_number_;
      if (line_number_ == 1 && (*line)->starts_with(kByteOrderMark)) {
        (*line)->remove_prefix(kByteOrderMark.size());
      }
      if (static_cast<std::int64_t>((*line)->size()) > limits_.max_line_bytes) {
        return LimitError("LINE_TOO_LONG", {.line = line_number_}, limits_.max_line_bytes,
                          "the line is longer than " + std::to_string(limits_.max_line_bytes) +
                              " bytes, the most that are accepted");
      }
      if (!IsBlank(**line)) return line;
    }
  }

  absl::Status TakeLine(std::string_view line) {
    if (writer_ == nullptr) {
      if (absl::Status status = Begin(line); !status.ok()) return status;
      if (columns_.has_header) return absl::OkStatus();
    }
    if (absl::Status status = ParseRow(line); !status.ok()) return ExplainRow(line, status);
    if (absl::Status status = writer_->AppendFeatures(features_); !status.ok()) return status;
    if (spec_.task == Task::kRegression) return writer_->AppendTargets(targets_);
    return writer_->AppendLabel(label_);
  }

  absl::Status Begin(std::string_view first_line) {
    if (absl::Status status = CheckText(first_line); !status.ok()) return status;
    auto fields = SplitCsvLine(first_line, line_number_);
    if (!fields.ok()) return fields.status();
    auto columns = ResolveCsvColumns(spec_, limits_, *std::move(fields));
    if (!columns.ok()) return columns.status();
    columns_ = *std::move(columns);
    features_.resize(static_cast<std::size_t>(columns_.features));
    targets_.resize(static_cast<std::size_t>(columns_.targets));
    auto writer = DatasetWriter::Create(
        staging_, {.task = spec_.task,
                   .features = columns_.features,
                   .target_count = spec_.task == Task::kRegression ? columns_.targets : 0,
                   .max_rows = limits_.max_rows,
                   .max_stored_bytes = limits_.max_stored_bytes,
                   .stop = limits_.stop});
    if (!writer.ok()) return writer.status();
    writer_ = *std::move(writer);
    return absl::OkStatus();
  }

  absl::Status CheckText(std::string_view line) const {
    if (line.find('\0') == std::string_view::npos) return absl::OkStatus();
    return InputError("NOT_TEXT", {.line = line_number_},
                      "the line holds a zero byte; a CSV file is text in UTF-8");
  }

  absl::Status ParseRow(std::string_view text) {
    CsvLine line(text);
    for (std::size_t column = 0; column < columns_.slots.size(); ++column) {
      if (line.done()) return WrongFieldCount(column);
      if (TakeFast(line, column)) continue;
      if (absl::Status status = TakeSlow(line, column); !status.ok()) return status;
    }
    return line.done() ? absl::OkStatus() : WrongFieldCount(columns_.slots.size() + 1);
  }

  // A field that is a few digits and nothing else, as nearly all are in images.
  bool TakeFast(CsvLine& line, std::size_t column) {
    const std::string_view rest = line.rest();
    const char* const begin = rest.data();
    const char* const end = begin + rest.size();
    const char* at = begin;
    unsigned value = 0;
    while (at != end) {
      const unsigned digit = static_cast<unsigned char>(*at) - unsigned{'0'};
      if (digit > 9) break;
      value = value * 10 + digit;
      ++at;
      if (at - begin > kFastDigits) return false;
    }
    if (at == begin || (at != end && *at != ',')) return false;
    if (columns_.slots[column] < 0 && spec_.task == Task::kClassification &&
        !label_rule_.Accept(value)) {
      return false;
    }
    Store(column, value);
    line.Skip(static_cast<std::size_t>(at - begin));
    line.SkipComma();
    return true;
  }

  absl::Status TakeSlow(CsvLine& line, std::size_t column) {
    const auto field = line.TakeField(PlaceOf(column));
    if (!field.ok()) return field.status();
    if (static_cast<std::int64_t>(field->size()) > limits_.max_field_bytes) {
      return LimitError("FIELD_TOO_LONG", PlaceOf(column), limits_.max_field_bytes,
                        "the field is longer than " + std::to_string(limits_.max_field_bytes) +
                            " bytes, the most that are accepted");
    }
    const auto place = [&] {
      Place there = PlaceOf(column);
      there.value = std::string(*field);
      return there;
    };
    const bool is_label = columns_.slots[column] < 0 && spec_.task == Task::kClassification;
    double value = 0;
    const NumberError error = ParseNumber(*field, value);
    if (error != NumberError::kNone) return DescribeNumberError(error, place());
    if (is_label && !label_rule_.Accept(value)) return label_rule_.Describe(value, place());
    Store(column, value);
    return absl::OkStatus();
  }

  void Store(std::size_t column, double value) {
    const int slot = columns_.slots[column];
    if (slot >= 0) {
      features_[static_cast<std::size_t>(slot)] = static_cast<float>(value);
    } else if (spec_.task == Task::kRegression) {
      targets_[static_cast<std::size_t>(-1 - slot)] = static_cast<float>(value);
    } else {
      label_ = static_cast<std::int32_t>(value);
    }
  }

  Place PlaceOf(std::size_t column) const {
    return {.line = line_number_,
            .row = writer_->rows(),
            .column = static_cast<std::int64_t>(column) + 1,
            .column_name = columns_.NameOf(column)};
  }

  absl::Status WrongFieldCount(std::size_t found) const {
    const std::size_t expected = columns_.slots.size();
    return MismatchError("WRONG_FIELD_COUNT", {.line = line_number_, .row = writer_->rows()},
                         static_cast<std::int64_t>(expected), static_cast<std::int64_t>(found),
                         "the line has " + std::to_string(found) + " fields, where the first has " +
                             std::to_string(expected));
  }

  // Of what is wrong with a row, what explains most: bytes that are no text,
  // then fields too few or too many, then the field that was found.
  absl::Status ExplainRow(std::string_view text, const absl::Status& found) const {
    if (absl::Status status = CheckText(text); !status.ok()) return status;
    if (absl::IsResourceExhausted(found)) return found;
    std::size_t fields = 0;
    for (CsvLine line(text); !line.done(); ++fields) {
      if (!line.TakeField({}).ok()) return found;
    }
    return fields == columns_.slots.size() ? found : WrongFieldCount(fields);
  }

  const IngestSpec& spec_;
  BufferedReader& reader_;
  const std::filesystem::path& staging_;
  const IngestLimits& limits_;
  LabelRule label_rule_;
  CsvColumns columns_;
  std::unique_ptr<DatasetWriter> writer_;
  std::int64_t line_number_ = 0;
  // The row being parsed.
  std::vector<float> features_;
  std::vector<float> targets_;
  std::int32_t label_ = 0;
};

}  // namespace

absl::StatusOr<DatasetInfo> IngestCsv(const IngestSpec& spec, BufferedReader& reader,
                                      const std::filesystem::path& staging,
                                      const IngestLimits& limits) {
  return CsvIngest(spec, reader, staging, limits).Run();
}

}  // namespace trainyard
