// trainyard job export J --format safetensors|onnx|npz|csv --out F

#include <filesystem>
#include <map>
#include <optional>

#include "absl/strings/str_cat.h"
#include "client/cli/choices.h"
#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/report.h"
#include "client/cli/term/format.h"
#include "client/lib/checkpoint_download.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

using Request = v1::ReadCheckpointRequest;

struct Options {
  std::string name;
  std::string format;
  std::string out;
  std::optional<int> epoch;
  bool force = false;
};

const std::map<std::string, Request::Format>& Formats() {
  static const std::map<std::string, Request::Format> formats = {
      {"safetensors", Request::SAFETENSORS},
      {"onnx", Request::ONNX},
      {"npz", Request::NPZ},
      {"csv", Request::CSV}};
  return formats;
}

int Run(Context& context, const Options& options) {
  std::string word = options.format;
  if (word.empty()) {
    word = std::filesystem::path(options.out).extension().string();
    if (!word.empty()) word.erase(0, 1);
  }
  const auto format = Formats().find(word);
  if (format == Formats().end()) {
    return ReportUsage(context, absl::InvalidArgumentError(absl::StrCat(
                                    options.out, " does not tell a format; give --format")));
  }
  Request request;
  request.set_name(absl::StrCat(FullName("jobs", options.name), "/checkpoints/",
                                options.epoch ? absl::StrCat(*options.epoch) : "latest"));
  request.set_format(format->second);
  v1::ReadCheckpointResponse summary;
  std::int64_t size = 0;
  const grpc::Status status =
      DownloadCheckpoint(context.connection(), request, options.out, options.force, &size);
  if (!status.ok()) return ReportError(context, status);
  summary.set_size_bytes(size);
  if (context.json) {
    PrintJson(context, summary);
  } else {
    context.out() << "wrote " << options.out << "  " << Bytes(size) << "  " << word << "\n";
  }
  return kDone;
}

}  // namespace

void AddJobExport(CLI::App& group, Context& context) {
  auto [command, options] =
      AddCommand<Options>(group, context, "export", "Save a job's weights as a file", Run);
  command.add_option("NAME", options.name, "Id, or full resource name")->required();
  command
      .add_option("--format", options.format,
                  "ONNX is a whole model, the others are its weights (default: as the file's "
                  "ending says)")
      ->check(Choices({"safetensors", "onnx", "npz", "csv"}));
  command.add_option("--out", options.out, "File to write")->required()->type_name("FILE");
  command.add_option("--epoch", options.epoch, "Weights of this epoch (default: the last kept)");
  command.add_flag("--force", options.force, "Replace a file that is there");
}

}  // namespace trainyard::client
