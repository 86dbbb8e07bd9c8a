#include "client/cli/dataset_maker.h"

#include <chrono>

#include "absl/strings/str_cat.h"
#include "client/cli/polling.h"
#include "client/cli/report.h"
#include "client/cli/term/bars.h"
#include "client/cli/term/format.h"
#include "client/cli/term/text.h"
#include "client/lib/dataset_upload.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

// A line on standard error that is redrawn a few times a second and gone at
// the end.
class UploadLine {
 public:
  UploadLine(Context& context, std::string label)
      : context_(context), label_(std::move(label)), started_(Clock::now()) {}
  ~UploadLine() {
    if (shown_) context_.err() << "\r\x1b[K" << std::flush;
  }
  UploadLine(const UploadLine&) = delete;
  UploadLine& operator=(const UploadLine&) = delete;

  void Show(std::int64_t sent, std::int64_t total) {
    const auto now = Clock::now();
    if (!context_.terminal.err_interactive()) return;
    if (shown_ && sent < total && now - last_ < std::chrono::milliseconds(80)) return;
    last_ = now;
    shown_ = true;
    const Look look = context_.terminal.err_look();
    const double share = total == 0 ? 1 : static_cast<double>(sent) / static_cast<double>(total);
    const double seconds = std::chrono::duration<double>(now - started_).count();
    const double rate = seconds > 0 ? static_cast<double>(sent) / seconds : 0;
    const std::string line =
        absl::StrCat("uploading ", label_, "  ", ProgressBar(look, share, 30), "  ", Bytes(sent),
                     " of ", Bytes(total), "  ", Bytes(static_cast<std::int64_t>(rate)), "/s");
    context_.err() << "\r" << Clip(line, look.width - 1) << "\x1b[K" << std::flush;
  }

 private:
  using Clock = std::chrono::steady_clock;
  Context& context_;
  const std::string label_;
  const Clock::time_point started_;
  Clock::time_point last_;
  bool shown_ = false;
};

grpc::Status UploadParts(Context& context, const std::string& name,
                         const std::vector<DatasetPart>& parts) {
  for (const DatasetPart& part : parts) {
    UploadLine line(context, part.file.filename().string());
    UploadOptions options;
    options.progress = [&line](std::int64_t sent, std::int64_t total) { line.Show(sent, total); };
    const grpc::Status status =
        UploadPartFile(context.connection(), {name, part.kind, part.file}, options);
    if (!status.ok()) return status;
  }
  return grpc::Status::OK;
}

}  // namespace

grpc::Status DeleteDataset(Context& context, const std::string& name) {
  v1::DeleteDatasetRequest request;
  request.set_name(name);
  request.set_request_id(NewRequestId());
  google::protobuf::Empty nothing;
  return context.connection().Call(&v1::DatasetService::Stub::DeleteDataset, request, &nothing);
}

int WaitForDataset(Context& context, v1::Dataset* dataset) {
  v1::GetDatasetRequest request;
  request.set_name(dataset->name());
  const grpc::Status status = PollUntil(
      [&] {
        return context.connection().Call(&v1::DatasetService::Stub::GetDataset, request, dataset);
      },
      [dataset] { return dataset->state() != v1::Dataset::INGESTING; });
  if (!status.ok()) return ReportError(context, status);
  if (dataset->state() == v1::Dataset::ACTIVE) return kDone;
  DeleteDataset(context, dataset->name());
  return ReportFailure(context, absl::StrCat("dataset ", BareId(dataset->name()), " failed"),
                       dataset->error());
}

int MakeDataset(Context& context, v1::CreateDatasetRequest request,
                const std::vector<DatasetPart>& parts, v1::Dataset* dataset) {
  request.set_parent(std::string(kMe));
  request.set_request_id(NewRequestId());
  grpc::Status status =
      context.connection().Call(&v1::DatasetService::Stub::CreateDataset, request, dataset);
  if (!status.ok()) return ReportError(context, status);
  status = UploadParts(context, dataset->name(), parts);
  if (!status.ok()) {
    const int code = ReportError(context, status);
    if (code != kUnreachable) DeleteDataset(context, dataset->name());
    return code;
  }
  return WaitForDataset(context, dataset);
}

}  // namespace trainyard::client
