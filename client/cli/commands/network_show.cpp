// trainyard network show NAME

#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/network_view.h"
#include "client/cli/report.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

int Run(Context& context, const NameOptions& options) {
  v1::GetNetworkRequest request;
  request.set_name(FullName("networks", options.name));
  v1::Network network;
  const grpc::Status status =
      context.connection().Call(&v1::NetworkService::Stub::GetNetwork, request, &network);
  if (!status.ok()) return ReportError(context, status);
  PrintNetwork(context, network);
  return kDone;
}

}  // namespace

void AddNetworkShow(CLI::App& group, Context& context) {
  AddNamedCommand(group, context, "show", "Show a network's layers and shapes", Run);
}

}  // namespace trainyard::client
