// trainyard network list

#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/network_view.h"
#include "client/cli/report.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

struct Options {};

int Run(Context& context, const Options&) {
  v1::ListNetworksRequest request;
  request.set_parent(std::string(kMe));
  request.set_page_size(1000);
  v1::ListNetworksResponse networks;
  const grpc::Status status =
      ListAll(context.connection(), &v1::NetworkService::Stub::ListNetworks, request, &networks);
  if (!status.ok()) return ReportError(context, status);
  PrintNetworks(context, networks);
  return kDone;
}

}  // namespace

void AddNetworkList(CLI::App& group, Context& context) {
  AddCommand<Options>(group, context, "list", "List networks", Run);
}

}  // namespace trainyard::client
