// trainyard dataset create NAME --file F

#include "absl/strings/str_split.h"
#include "client/cli/choices.h"
#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/dataset_maker.h"
#include "client/cli/dataset_view.h"
#include "client/cli/report.h"

namespace trainyard::client {
namespace {

struct Options {
  std::string name;
  std::string file;
  std::string labels;
  std::string format = "auto";
  std::string task = "classification";
  std::string label_column;
  std::string target_columns;
  int classes = 0;
};

v1::UploadSource::Format FormatOf(const std::string& word) {
  if (word == "csv") return v1::UploadSource::CSV;
  if (word == "idx") return v1::UploadSource::IDX;
  if (word == "npy") return v1::UploadSource::NPY;
  return v1::UploadSource::FORMAT_UNSPECIFIED;
}

v1::CreateDatasetRequest MakeRequest(const Options& options) {
  v1::CreateDatasetRequest request;
  request.set_dataset_id(options.name);
  v1::Dataset& dataset = *request.mutable_dataset();
  dataset.set_task(options.task == "regression" ? v1::REGRESSION : v1::CLASSIFICATION);
  dataset.set_class_count(options.classes);
  v1::UploadSource& upload = *dataset.mutable_upload();
  upload.set_format(FormatOf(options.format));
  upload.set_label_column(options.label_column);
  if (!options.target_columns.empty()) {
    for (absl::string_view column : absl::StrSplit(options.target_columns, ',')) {
      upload.add_target_columns(std::string(column));
    }
  }
  upload.set_separate_labels(!options.labels.empty());
  return request;
}

int Run(Context& context, const Options& options) {
  std::vector<DatasetPart> parts = {{v1::UploadPart::DATA, options.file}};
  if (!options.labels.empty()) parts.push_back({v1::UploadPart::LABELS, options.labels});
  v1::Dataset dataset;
  const int code = MakeDataset(context, MakeRequest(options), parts, &dataset);
  if (code == kDone) PrintDataset(context, dataset);
  return code;
}

}  // namespace

void AddDatasetCreate(CLI::App& group, Context& context) {
  auto [command, options] =
      AddCommand<Options>(group, context, "create", "Upload a file as a dataset", Run);
  command.add_option("NAME", options.name, "Id of the new dataset")->required();
  command.add_option("--file", options.file, "The rows: CSV, IDX or NPY, plain or gzip")
      ->required()
      ->check(CLI::ExistingFile);
  command.add_option("--labels", options.labels, "Labels or targets of IDX and NPY rows")
      ->check(CLI::ExistingFile);
  command.add_option("--format", options.format, "File format")
      ->check(Choices({"auto", "csv", "idx", "npy"}))
      ->capture_default_str();
  command.add_option("--task", options.task, "What the targets are")
      ->check(Choices({"classification", "regression"}))
      ->capture_default_str();
  command.add_option("--label-column", options.label_column,
                     "CSV: column of labels, a name or an index from 0");
  command.add_option("--target-columns", options.target_columns,
                     "CSV, regression: columns of targets, separated by commas");
  command.add_option("--classes", options.classes, "Classes (default: the largest label + 1)");
}

}  // namespace trainyard::client
