#include "client/cli/app.h"

#include "client/cli/choices.h"
#include "client/cli/commands/commands.h"
#include "client/cli/report.h"
#include "client/cli/usage.h"
#include "client/lib/login.h"

namespace trainyard::client {
namespace {

CLI::App& AddGroup(CLI::App& app, const std::string& name, const std::string& help) {
  CLI::App& group = *app.add_subcommand(name, help);
  group.require_subcommand(1);
  return group;
}

void AddGlobalOptions(CLI::App& app, Context& context) {
  app.set_version_flag("--version", std::string("trainyard ") + TRAINYARD_VERSION);
  app.add_option("--server", context.server,
                 "Server, as HOST:PORT (default: the one that was joined, or 127.0.0.1:7700)")
      ->envname("TRAINYARD_SERVER")
      ->type_name("HOST:PORT");
  auto* output = app.add_option_function<std::string>(
      "--output", [&context](const std::string& format) { context.json = format == "json"; },
      "How answers are printed: for people, or one JSON message a line (default: table)");
  output->check(Choices({"table", "json"}));
}

}  // namespace

std::unique_ptr<CLI::App> MakeApp(Context& context) {
  auto app = std::make_unique<CLI::App>("Trains feed-forward networks on a Trainyard server.",
                                        "trainyard");
  // Inherited by every subcommand: global options may come last.
  app->fallthrough();
  app->require_subcommand(1);
  app->footer(
      "Exit codes: 0 done, 1 the job or request failed, 2 bad usage,\n"
      "3 not signed in or not allowed, 4 server unreachable.");
  AddGlobalOptions(*app, context);

  CLI::App& dataset = AddGroup(*app, "dataset", "Upload, generate, import and look at datasets");
  AddDatasetCreate(dataset, context);
  AddDatasetGenerate(dataset, context);
  AddDatasetImport(dataset, context);
  AddDatasetList(dataset, context);
  AddDatasetShow(dataset, context);
  AddDatasetPreview(dataset, context);
  AddDatasetShare(dataset, context);
  AddDatasetDelete(dataset, context);

  CLI::App& network = AddGroup(*app, "network", "Define networks");
  AddNetworkCreate(network, context);
  AddNetworkList(network, context);
  AddNetworkShow(network, context);
  AddNetworkShare(network, context);
  AddNetworkDelete(network, context);

  AddTrain(*app, context);

  CLI::App& job = AddGroup(*app, "job", "Follow and manage training jobs");
  AddJobList(job, context);
  AddJobShow(job, context);
  AddJobWatch(job, context);
  AddJobLogs(job, context);
  AddJobCompare(job, context);
  AddJobWait(job, context);
  AddJobPause(job, context);
  AddJobResume(job, context);
  AddJobCancel(job, context);
  AddJobFork(job, context);
  AddJobExport(job, context);
  AddJobVerify(job, context);
  AddJobDelete(job, context);

  AddQueue(*app, context);
  AddOpen(*app, context);
  AddEvaluate(*app, context);
  CLI::App& evaluation = AddGroup(*app, "evaluation", "Look at evaluations");
  AddEvaluationList(evaluation, context);
  AddEvaluationShow(evaluation, context);
  AddEvaluationMisclassified(evaluation, context);

  AddPredict(*app, context);
  AddJoin(*app, context);
  AddLogin(*app, context);
  AddToken(AddGroup(*app, "token", "Make and end tokens of yours"), context);
  CLI::App& members = AddGroup(*app, "class", "Invite people and look after the class");
  AddClassInvite(members, context);
  AddClassMembers(members, context);
  AddCompletion(*app, context);
  return app;
}

int RunCommandLine(std::vector<std::string> arguments, Terminal& terminal) {
  Context context(terminal);
  const std::unique_ptr<CLI::App> app = MakeApp(context);
  try {
    // CLI11 takes them last first.
    app->parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    // That is, a call for help.
    if (error.get_exit_code() == 0) {
      app->exit(error, terminal.out(), terminal.err());
      return kDone;
    }
    return ReportUsage(context, Explain(*app, arguments, error));
  }
  if (!context.finds_server) {
    auto endpoint = FindEndpoint(context.server);
    if (!endpoint.ok()) return ReportNotSignedIn(context, endpoint.status());
    context.endpoint = *std::move(endpoint);
  }
  const int code = context.run(context);
  terminal.out().flush();
  return code;
}

}  // namespace trainyard::client
