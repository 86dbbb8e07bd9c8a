// trainyard network delete NAME

#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/report.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

int Run(Context& context, const NameOptions& options) {
  v1::DeleteNetworkRequest request;
  request.set_name(FullName("networks", options.name));
  request.set_request_id(NewRequestId());
  google::protobuf::Empty nothing;
  const grpc::Status status =
      context.connection().Call(&v1::NetworkService::Stub::DeleteNetwork, request, &nothing);
  if (!status.ok()) return ReportError(context, status);
  PrintDeleted(context, "network", options.name);
  return kDone;
}

}  // namespace

void AddNetworkDelete(CLI::App& group, Context& context) {
  AddNamedCommand(group, context, "delete", "Delete a network; jobs keep their copy", Run);
}

}  // namespace trainyard::client
