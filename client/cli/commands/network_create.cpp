// trainyard network create NAME --layers 784,500,200,10

#include "client/cli/choices.h"
#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/network_view.h"
#include "client/cli/network_words.h"
#include "client/cli/options.h"
#include "client/cli/report.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

struct Options {
  std::string name;
  NetworkWords words;
  bool dry_run = false;
};

int Run(Context& context, const Options& options) {
  absl::StatusOr<v1::NetworkSpec> spec = MakeNetworkSpec(options.words);
  if (!spec.ok()) return ReportUsage(context, spec.status());
  v1::CreateNetworkRequest request;
  request.set_parent(std::string(kMe));
  request.set_network_id(options.name);
  *request.mutable_network()->mutable_spec() = *std::move(spec);
  request.set_request_id(NewRequestId());
  request.set_validate_only(options.dry_run);
  v1::Network network;
  const grpc::Status status =
      context.connection().Call(&v1::NetworkService::Stub::CreateNetwork, request, &network);
  if (!status.ok()) return ReportError(context, status);
  PrintNetwork(context, network);
  return kDone;
}

}  // namespace

void AddNetworkCreate(CLI::App& group, Context& context) {
  auto [command, options] = AddCommand<Options>(group, context, "create", "Define a network", Run);
  command.add_option("NAME", options.name, "Id of the new network")->required();
  command
      .add_option("--layers", options.words.layers,
                  "Units of every layer, inputs first: 784,500,10")
      ->required()
      ->type_name("UNITS");
  command
      .add_option("--activation", options.words.activation,
                  "One for each layer after the input, or one for all hidden layers, and then the "
                  "output is sigmoid for tse, softmax for cross-entropy (default: sigmoid)")
      ->check(ListOf(kActivations));
  command.add_option("--loss", options.words.loss, "What training minimises")
      ->check(Choices(kLosses))
      ->capture_default_str();
  CLI::Option* const init =
      command
          .add_option("--init", options.words.init,
                      "uniform:LOW:HIGH, xavier, he or zeros (default: uniform:-0.5:0.5)")
          ->type_name("INIT");
  command
      .add_option("--weights", options.words.weights,
                  "Begin with the tensors W1, b1, W2, b2, ... of a safetensors or NPZ file")
      ->type_name("FILE")
      ->excludes(init);
  command.add_flag("--no-bias", options.words.no_bias, "Layers without biases");
  command.add_option("--seed", options.words.seed, "Seed of the weights")->capture_default_str();
  command.add_flag("--dry-run", options.dry_run, "Show shapes and parameters; make nothing");
}

}  // namespace trainyard::client
