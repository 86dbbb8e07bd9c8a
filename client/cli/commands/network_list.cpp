// trainyard network list [--everyone]

#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/network_view.h"
#include "client/cli/report.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

int Run(Context& context, const ListOptions& options) {
  v1::ListNetworksRequest request;
  request.set_parent(options.parent());
  request.set_page_size(1000);
  v1::ListNetworksResponse networks;
  const grpc::Status status =
      ListAll(context.connection(), &v1::NetworkService::Stub::ListNetworks, request, &networks);
  if (!status.ok()) return ReportError(context, status);
  PrintNetworks(context, networks, options.everyone);
  return kDone;
}

}  // namespace

void AddNetworkList(CLI::App& group, Context& context) {
  auto [command, options] = AddCommand<ListOptions>(group, context, "list", "List networks", Run);
  AddEveryone(command, options);
}

}  // namespace trainyard::client
