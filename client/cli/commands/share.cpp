// trainyard dataset share NAME | network share NAME

#include "client/cli/choices.h"
#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/dataset_view.h"
#include "client/cli/network_view.h"
#include "client/cli/report.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

struct Options {
  std::string name;
  std::string visibility;
  bool show_matrix = false;
  int evaluations_per_day = 0;
};

v1::Visibility Parse(const std::string& word) {
  if (word == "class") return v1::CLASS;
  return word == "hidden" ? v1::HIDDEN : v1::PRIVATE;
}

int ShareDataset(Context& context, const Options& options) {
  v1::UpdateDatasetRequest request;
  v1::Dataset& dataset = *request.mutable_dataset();
  dataset.set_name(FullName("datasets", options.name));
  dataset.set_visibility(Parse(options.visibility));
  request.mutable_update_mask()->add_paths("visibility");
  if (dataset.visibility() == v1::HIDDEN) {
    dataset.mutable_hidden_policy()->set_show_confusion_matrix(options.show_matrix);
    dataset.mutable_hidden_policy()->set_evaluations_per_day(options.evaluations_per_day);
    request.mutable_update_mask()->add_paths("hidden_policy");
  }
  request.set_request_id(NewRequestId());
  v1::Dataset changed;
  const grpc::Status status =
      context.connection().Call(&v1::DatasetService::Stub::UpdateDataset, request, &changed);
  if (!status.ok()) return ReportError(context, status);
  PrintDataset(context, changed);
  return kDone;
}

int ShareNetwork(Context& context, const Options& options) {
  v1::UpdateNetworkRequest request;
  request.mutable_network()->set_name(FullName("networks", options.name));
  request.mutable_network()->set_visibility(Parse(options.visibility));
  request.mutable_update_mask()->add_paths("visibility");
  request.set_request_id(NewRequestId());
  v1::Network changed;
  const grpc::Status status =
      context.connection().Call(&v1::NetworkService::Stub::UpdateNetwork, request, &changed);
  if (!status.ok()) return ReportError(context, status);
  PrintNetwork(context, changed);
  return kDone;
}

}  // namespace

void AddDatasetShare(CLI::App& group, Context& context) {
  auto [command, options] =
      AddCommand<Options>(group, context, "share", "Say who may use a dataset", ShareDataset);
  command.add_option("NAME", options.name, "Id, or full resource name")->required();
  command
      .add_option("--with", options.visibility,
                  "private: you; class: all read it; hidden: all evaluate on it, nobody reads it")
      ->required()
      ->check(Choices({"private", "class", "hidden"}));
  command.add_flag("--show-matrix", options.show_matrix,
                   "hidden: evaluations show the confusion matrix too, not the accuracy alone");
  command
      .add_option("--evaluations-per-day", options.evaluations_per_day,
                  "hidden: how often each may evaluate on it (default: no bound)")
      ->check(CLI::Range(1, 100'000));
}

void AddNetworkShare(CLI::App& group, Context& context) {
  auto [command, options] =
      AddCommand<Options>(group, context, "share", "Say who may use a network", ShareNetwork);
  command.add_option("NAME", options.name, "Id, or full resource name")->required();
  command.add_option("--with", options.visibility, "private: you; class: all")
      ->required()
      ->check(Choices({"private", "class"}));
}

}  // namespace trainyard::client
