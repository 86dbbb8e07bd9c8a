#include "client/cli/presets/preset_maker.h"

#include <google/protobuf/util/message_differencer.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/cli/dataset_maker.h"
#include "client/cli/network_view.h"
#include "client/cli/report.h"
#include "client/cli/term/format.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

using google::protobuf::util::MessageDifferencer;

v1::GeneratorSource SourceOf(const PresetDataset& dataset) {
  v1::GeneratorSource source;
  source.set_kind(dataset.kind);
  source.set_row_count(dataset.rows);
  if (dataset.noise) source.set_noise(*dataset.noise);
  source.set_seed(dataset.seed);
  return source;
}

std::string Describe(const v1::GeneratorSource& source) {
  std::string text =
      absl::StrCat(absl::AsciiStrToLower(v1::GeneratorSource::Kind_Name(source.kind())), ", ",
                   Thousands(source.row_count()), " rows, seed ", source.seed());
  if (source.has_noise()) absl::StrAppend(&text, ", noise ", Number(source.noise()));
  return text;
}

void Say(Context& context, const std::string& kind, const std::string& id, bool made,
         const std::string& what) {
  if (context.json) return;
  context.out() << kind << "  " << id << "  " << what << (made ? "" : "  (there already)")
                << std::endl;
}

int NotThePresets(Context& context, const std::string& kind, const std::string& id,
                  const std::string& what) {
  return ReportError(context, absl::FailedPreconditionError(absl::StrCat(
                                  kind, " ", id, " is there already and is not the preset's (",
                                  what, "): delete it with: trainyard ", kind, " delete ", id,
                                  ", or give --", kind, " to train with another one")));
}

grpc::Status GetDataset(Context& context, const std::string& id, v1::Dataset* dataset) {
  v1::GetDatasetRequest request;
  request.set_name(FullName("datasets", id));
  return context.connection().Call(&v1::DatasetService::Stub::GetDataset, request, dataset);
}

// Sets that only the user can bring.
int CheckImported(Context& context, const Preset& preset) {
  v1::Dataset dataset;
  for (const std::string& id : {preset.training_sets.front(), preset.validation_set}) {
    const grpc::Status status = GetDataset(context, id, &dataset);
    if (status.ok()) continue;
    if (status.error_code() != grpc::StatusCode::NOT_FOUND) return ReportError(context, status);
    return ReportError(context,
                       absl::NotFoundError(absl::StrCat("dataset ", id,
                                                        " is not there; bring it with: trainyard "
                                                        "dataset import ",
                                                        preset.import)));
  }
  return kDone;
}

int MakeOne(Context& context, const PresetDataset& wanted) {
  v1::CreateDatasetRequest request;
  request.set_dataset_id(wanted.id);
  *request.mutable_dataset()->mutable_generator() = SourceOf(wanted);
  const v1::GeneratorSource& source = request.dataset().generator();
  v1::Dataset dataset;
  const grpc::Status status = GetDataset(context, wanted.id, &dataset);
  const bool missing = status.error_code() == grpc::StatusCode::NOT_FOUND;
  if (!status.ok() && !missing) return ReportError(context, status);
  if (missing || dataset.state() == v1::Dataset::FAILED) {
    const int code = MakeDataset(context, request, {}, &dataset);
    if (code == kDone) Say(context, "dataset", wanted.id, true, Describe(source));
    return code;
  }
  if (!MessageDifferencer::Equals(dataset.generator(), source)) {
    return NotThePresets(context, "dataset", wanted.id, Describe(source));
  }
  const int code = WaitForDataset(context, &dataset);
  if (code == kDone) Say(context, "dataset", wanted.id, false, Describe(source));
  return code;
}

grpc::Status CreateNetwork(Context& context, v1::CreateNetworkRequest request,
                           v1::Network* network) {
  request.set_parent(std::string(kMe));
  request.set_request_id(NewRequestId());
  return context.connection().Call(&v1::NetworkService::Stub::CreateNetwork, request, network);
}

// The spec with the server's defaults filled in.
grpc::Status Complete(Context& context, v1::NetworkSpec* spec) {
  v1::CreateNetworkRequest request;
  request.set_network_id(absl::StrCat("preset-", NewRequestId()));
  *request.mutable_network()->mutable_spec() = *spec;
  request.set_validate_only(true);
  v1::Network network;
  const grpc::Status status = CreateNetwork(context, std::move(request), &network);
  *spec = network.spec();
  return status;
}

}  // namespace

Preset Adjusted(Preset preset, bool bias, std::optional<std::int64_t> seed) {
  if (bias && preset.words.no_bias) {
    preset.words.no_bias = false;
    absl::StrAppend(&preset.network, "-bias");
  }
  if (seed && *seed != preset.words.seed) {
    preset.words.seed = *seed;
    absl::StrAppend(&preset.network, "-seed-", *seed);
  }
  return preset;
}

int MakePresetDatasets(Context& context, const Preset& preset) {
  if (!preset.import.empty()) return CheckImported(context, preset);
  for (const PresetDataset& dataset : preset.datasets) {
    const int code = MakeOne(context, dataset);
    if (code != kDone) return code;
  }
  return kDone;
}

int MakePresetNetwork(Context& context, const Preset& preset) {
  const absl::StatusOr<v1::NetworkSpec> words = MakeNetworkSpec(preset.words);
  if (!words.ok()) return ReportError(context, words.status());
  v1::NetworkSpec spec = *words;
  grpc::Status status = Complete(context, &spec);
  if (!status.ok()) return ReportError(context, status);
  const std::string what =
      absl::StrCat(Architecture(spec), spec.bias() ? "" : ", no biases", ", seed ", spec.seed());
  v1::GetNetworkRequest get;
  get.set_name(FullName("networks", preset.network));
  v1::Network network;
  status = context.connection().Call(&v1::NetworkService::Stub::GetNetwork, get, &network);
  const bool missing = status.error_code() == grpc::StatusCode::NOT_FOUND;
  if (missing) {
    v1::CreateNetworkRequest request;
    request.set_network_id(preset.network);
    *request.mutable_network()->mutable_spec() = spec;
    status = CreateNetwork(context, std::move(request), &network);
  }
  if (!status.ok()) return ReportError(context, status);
  if (!MessageDifferencer::Equals(network.spec(), spec)) {
    return NotThePresets(context, "network", preset.network, what);
  }
  Say(context, "network", preset.network, missing, what);
  return kDone;
}

}  // namespace trainyard::client
