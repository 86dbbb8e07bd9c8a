// trainyard open [J]

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/job_view.h"
#include "client/cli/report.h"
#include "client/cli/term/text.h"

namespace trainyard::client {
namespace {

// Without the port; an IPv6 address keeps its brackets.
absl::string_view HostOf(absl::string_view address) {
  return address.substr(0, address.rfind(':'));
}

std::string PageOf(const v1::Server& server, const std::string& address) {
  if (server.http_url().empty()) {
    return absl::StrCat(server.http_tls() ? "https://" : "http://", HostOf(address), ":",
                        server.http_port());
  }
  absl::string_view url = server.http_url();
  if (absl::EndsWith(url, "/")) url.remove_suffix(1);
  return std::string(url);
}

int Run(Context& context, const NameOptions& options) {
  v1::Server server;
  grpc::Status status = context.connection().Call(&v1::AdminService::Stub::GetServer,
                                                  v1::GetServerRequest(), &server);
  if (!status.ok()) return ReportError(context, status);
  if (!server.dashboard()) {
    return ReportError(
        context, absl::FailedPreconditionError(
                     server.http_port() == 0 ? "this server has no page: whoever runs it starts it "
                                               "with --http HOST:PORT"
                                             : "this server was built without its page"));
  }
  std::string path = "/";
  if (!options.name.empty()) {
    v1::TrainingJob job;
    status = GetJob(context, options.name, &job);
    if (!status.ok()) return ReportError(context, status);
    path = absl::StrCat("/#/", job.name());
  }
  if (context.json) {
    PrintJson(context, server);
  } else {
    context.out() << PageOf(server, context.connection().address()) << path << "\n";
  }
  return kDone;
}

}  // namespace

void AddOpen(CLI::App& app, Context& context) {
  auto [command, options] = AddCommand<NameOptions>(
      app, context, "open", "Print the address of the dashboard, or of a job there", Run);
  command.add_option("JOB", options.name, "Id, or full resource name");
}

}  // namespace trainyard::client
