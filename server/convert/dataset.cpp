#include "server/convert/dataset.h"

#include <string>
#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"

namespace trainyard::server {
namespace {

absl::Status Unknown(std::string_view field) {
  return FieldError(field, "UNKNOWN_VALUE",
                    StrCat(field, " is one that this server does not know"));
}

absl::StatusOr<FileFormat> ToCore(v1::UploadSource::Format format) {
  switch (format) {
    case v1::UploadSource::FORMAT_UNSPECIFIED:
      return FileFormat::kDetect;
    case v1::UploadSource::CSV:
      return FileFormat::kCsv;
    case v1::UploadSource::IDX:
      return FileFormat::kIdx;
    case v1::UploadSource::NPY:
      return FileFormat::kNpy;
    default:
      return Unknown("dataset.upload.format");
  }
}

absl::Status CheckClasses(v1::Task task, int class_count) {
  if (task != v1::REGRESSION || class_count == 0) return absl::OkStatus();
  return FieldError("dataset.class_count", "NOT_A_CLASSIFICATION",
                    "a regression has no classes: leave class_count out");
}

absl::StatusOr<GeneratorKind> ToCore(v1::GeneratorSource::Kind kind) {
  switch (kind) {
    case v1::GeneratorSource::KIND_UNSPECIFIED:
      return FieldError("dataset.generator.kind", "REQUIRED",
                        "generator.kind is required, such as DIGITS, XOR or SPIRAL");
    case v1::GeneratorSource::DIGITS:
      return GeneratorKind::kDigits;
    case v1::GeneratorSource::AND:
      return GeneratorKind::kAnd;
    case v1::GeneratorSource::OR:
      return GeneratorKind::kOr;
    case v1::GeneratorSource::XOR:
      return GeneratorKind::kXor;
    case v1::GeneratorSource::NAND:
      return GeneratorKind::kNand;
    case v1::GeneratorSource::NOR:
      return GeneratorKind::kNor;
    case v1::GeneratorSource::CIRCLE:
      return GeneratorKind::kCircle;
    case v1::GeneratorSource::XOR_POINTS:
      return GeneratorKind::kXorPoints;
    case v1::GeneratorSource::GAUSS:
      return GeneratorKind::kGauss;
    case v1::GeneratorSource::SPIRAL:
      return GeneratorKind::kSpiral;
    case v1::GeneratorSource::PLANE:
      return GeneratorKind::kPlane;
    case v1::GeneratorSource::GAUSS_REGRESSION:
      return GeneratorKind::kGaussRegression;
    default:
      return Unknown("dataset.generator.kind");
  }
}

v1::Task ToProto(Task task) {
  return task == Task::kRegression ? v1::REGRESSION : v1::CLASSIFICATION;
}

}  // namespace

absl::StatusOr<IngestSpec> ToIngestSpec(const v1::Dataset& message) {
  auto format = ToCore(message.upload().format());
  if (!format.ok()) return format.status();
  if (!v1::Task_IsValid(message.task())) return Unknown("dataset.task");
  if (message.class_count() < 0) {
    return FieldError("dataset.class_count", "NEGATIVE", "class_count is negative");
  }
  const bool regression = message.task() == v1::REGRESSION;
  if (auto status = CheckClasses(message.task(), message.class_count()); !status.ok()) {
    return status;
  }
  if (!regression && message.upload().target_columns_size() > 0) {
    return FieldError("dataset.upload.target_columns", "NOT_A_REGRESSION",
                      "target_columns go with the task REGRESSION; a label has label_column");
  }
  IngestSpec spec;
  spec.format = *format;
  spec.task = regression ? Task::kRegression : Task::kClassification;
  spec.label_column = message.upload().label_column();
  spec.target_columns.assign(message.upload().target_columns().begin(),
                             message.upload().target_columns().end());
  spec.class_count = message.class_count();
  return spec;
}

absl::StatusOr<GeneratorSpec> ToGeneratorSpec(const v1::Dataset& message) {
  const v1::GeneratorSource& source = message.generator();
  auto kind = ToCore(source.kind());
  if (!kind.ok()) return kind.status();
  if (!v1::Task_IsValid(message.task())) return Unknown("dataset.task");
  if (*kind == GeneratorKind::kGauss && message.task() == v1::REGRESSION) {
    kind = GeneratorKind::kGaussRegression;
  }
  const v1::Task task = ToProto(TaskOf(*kind));
  if (message.task() != v1::TASK_UNSPECIFIED && message.task() != task) {
    return FieldError("dataset.task", "TASK_MISMATCH",
                      StrCat(v1::GeneratorSource::Kind_Name(source.kind()), " is for the task ",
                             v1::Task_Name(task), ": leave the task out"));
  }
  if (auto status = CheckClasses(task, message.class_count()); !status.ok()) return status;
  if (source.seed() < 0) {
    return FieldError("dataset.generator.seed", "NEGATIVE", "seed is negative");
  }
  GeneratorSpec spec;
  spec.kind = *kind;
  spec.rows = source.row_count() == 0 ? DefaultRows(*kind) : source.row_count();
  if (source.has_noise()) spec.noise = source.noise();
  spec.seed = static_cast<std::uint64_t>(source.seed());
  const absl::Status valid = Validate(spec);
  if (valid.ok()) return spec;
  ErrorDetails details = GetErrorDetails(valid);
  if (details.field == "rows") details.field = "row_count";
  if (!details.field.empty()) details.field = "dataset.generator." + details.field;
  return MakeError(valid.code(), std::move(details), std::string(valid.message()));
}

void Describe(const DatasetInfo& info, v1::Dataset* message) {
  message->set_task(ToProto(info.task));
  message->set_row_count(info.rows);
  message->set_feature_count(info.features);
  message->set_class_count(info.class_count);
  message->mutable_label_histogram()->Assign(info.label_histogram.begin(),
                                             info.label_histogram.end());
  if (info.image_height > 0 && info.image_width > 0) {
    message->mutable_image_shape()->set_height(info.image_height);
    message->mutable_image_shape()->set_width(info.image_width);
  }
  message->set_target_count(info.target_count);
  message->set_digest(info.digest);
  message->set_feature_type(info.feature_type == FeatureType::kUint8 ? v1::Dataset::UINT8
                                                                     : v1::Dataset::FLOAT32);
  message->set_auto_input_scaling(info.auto_scaling == AutoScaling::kDivideBy255 ? v1::DIVIDE_BY_255
                                                                                 : v1::NONE);
  message->set_size_bytes(info.size_bytes);
}

DatasetInfo ToInfo(const v1::Dataset& message) {
  DatasetInfo info;
  info.task = message.task() == v1::REGRESSION ? Task::kRegression : Task::kClassification;
  info.rows = message.row_count();
  info.features = message.feature_count();
  info.class_count = message.class_count();
  info.label_histogram.assign(message.label_histogram().begin(), message.label_histogram().end());
  info.image_height = message.image_shape().height();
  info.image_width = message.image_shape().width();
  info.target_count = message.target_count();
  info.digest = message.digest();
  info.feature_type =
      message.feature_type() == v1::Dataset::UINT8 ? FeatureType::kUint8 : FeatureType::kFloat32;
  info.auto_scaling = message.auto_input_scaling() == v1::DIVIDE_BY_255 ? AutoScaling::kDivideBy255
                                                                        : AutoScaling::kNone;
  info.size_bytes = message.size_bytes();
  return info;
}

}  // namespace trainyard::server
