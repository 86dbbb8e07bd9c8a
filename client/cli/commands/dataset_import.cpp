// trainyard dataset import mnist|fashion-mnist

#include "absl/strings/str_cat.h"
#include "client/cli/choices.h"
#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/dataset_maker.h"
#include "client/cli/dataset_view.h"
#include "client/cli/report.h"
#include "client/lib/names.h"
#include "client/lib/reference_data.h"

namespace trainyard::client {
namespace {

struct Options {
  std::string name;
  std::string from;
  std::string mirror;
};

// What stands in the way of a dataset of that name; UPLOADING is the remains of
// an upload that was interrupted.
grpc::Status FindExisting(Context& context, const std::string& id, v1::Dataset* dataset) {
  v1::GetDatasetRequest request;
  request.set_name(FullName("datasets", id));
  const grpc::Status status =
      context.connection().Call(&v1::DatasetService::Stub::GetDataset, request, dataset);
  if (status.error_code() == grpc::StatusCode::NOT_FOUND) return grpc::Status::OK;
  if (status.ok() && dataset->state() == v1::Dataset::UPLOADING) {
    const grpc::Status deleted = DeleteDataset(context, dataset->name());
    dataset->Clear();
    return deleted;
  }
  return status;
}

int Upload(Context& context, const ReferenceSplit& split, const Options& options,
           const ReferencePlaces& places, v1::Dataset* dataset) {
  const std::vector<std::string> mirrors = options.mirror.empty()
                                               ? FindReferenceData(options.name)->mirrors
                                               : std::vector<std::string>{options.mirror};
  std::vector<DatasetPart> parts;
  for (const auto& [kind, file] : {std::pair(v1::UploadPart::DATA, &split.images),
                                   std::pair(v1::UploadPart::LABELS, &split.labels)}) {
    const auto path = LocateReferenceFile(*file, mirrors, places);
    if (!path.ok()) return ReportError(context, path.status());
    parts.push_back({kind, *path});
  }
  v1::CreateDatasetRequest request;
  request.set_dataset_id(split.dataset);
  request.mutable_dataset()->set_task(v1::CLASSIFICATION);
  v1::UploadSource& upload = *request.mutable_dataset()->mutable_upload();
  upload.set_format(v1::UploadSource::IDX);
  upload.set_separate_labels(true);
  return MakeDataset(context, request, parts, dataset);
}

int ImportSplit(Context& context, const ReferenceSplit& split, const Options& options,
                const ReferencePlaces& places) {
  v1::Dataset dataset;
  const grpc::Status found = FindExisting(context, split.dataset, &dataset);
  if (!found.ok()) return ReportError(context, found);
  int code = kDone;
  if (dataset.state() == v1::Dataset::ACTIVE) {
    places.notice(absl::StrCat("dataset ", split.dataset, " is there already"));
  } else if (dataset.state() == v1::Dataset::INGESTING) {
    code = WaitForDataset(context, &dataset);
  } else {
    code = Upload(context, split, options, places, &dataset);
  }
  if (code == kDone) PrintDataset(context, dataset);
  return code;
}

int Run(Context& context, const Options& options) {
  const auto data = FindReferenceData(options.name);
  if (!data.ok()) return ReportError(context, data.status());
  ReferencePlaces places = DefaultPlaces(options.name);
  places.from = options.from;
  places.notice = [&context](const std::string& text) { context.err() << text << std::endl; };
  for (const ReferenceSplit& split : data->splits) {
    const int code = ImportSplit(context, split, options, places);
    if (code != kDone) return code;
    if (!context.json) context.out() << "\n";
  }
  return kDone;
}

}  // namespace

void AddDatasetImport(CLI::App& group, Context& context) {
  auto [command, options] = AddCommand<Options>(
      group, context, "import", "Import a published dataset, from a folder or by download", Run);
  command.add_option("NAME", options.name, "Makes NAME-train and NAME-test")
      ->required()
      ->check(Choices({"mnist", "fashion-mnist"}));
  command.add_option("--from", options.from, "Folder with the four IDX files, plain or gzip")
      ->check(CLI::ExistingDirectory);
  command.add_option("--mirror", options.mirror, "Base URL to download from")->type_name("URL");
}

}  // namespace trainyard::client
