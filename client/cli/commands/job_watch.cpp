// trainyard job watch J [--after SEQ] [--exit-status], or --all [--everyone] [--cursor C]

#include "client/lib/job_watch.h"

#include <unordered_map>

#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/job_view.h"
#include "client/cli/live/interrupt.h"
#include "client/cli/live/plain_watch.h"
#include "client/cli/live/watch_run.h"
#include "client/cli/report.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

struct Options {
  std::string name;
  std::int64_t after = 0;
  bool exit_status = false;
  bool all = false;
  ListOptions whose;
  std::string cursor;
};

// A line an event, with the job's id before it.
class AllJobs : public JobsObserver {
 public:
  AllJobs(Context& context, bool full_names) : context_(context), full_names_(full_names) {}

  void OnEvent(const v1::WatchTrainingJobsResponse& message) override {
    if (context_.json) return PrintJson(context_, message);
    const std::string& job = message.event().job();
    context_.out() << (full_names_ ? job : BareId(job)) << "  "
                   << EventLine(message.event().event(), EpochsOf(job)) << std::endl;
  }
  void OnInterrupted(const grpc::Status& status, std::chrono::milliseconds) override {
    context_.err() << "connection lost (" << status.error_message() << "), trying again"
                   << std::endl;
  }

 private:
  // How many it is to have; asked once.
  int EpochsOf(const std::string& name) {
    const auto [found, is_new] = epochs_.try_emplace(name, 0);
    v1::TrainingJob job;
    if (is_new && GetJob(context_, name, &job).ok()) found->second = job.spec().epochs();
    return found->second;
  }

  Context& context_;
  const bool full_names_;
  std::unordered_map<std::string, int> epochs_;
};

// From now on, unless there is a cursor.
int WatchAll(Context& context, const Options& options) {
  v1::WatchTrainingJobsRequest request;
  request.set_parent(options.whose.parent());
  request.set_cursor(options.cursor);
  if (options.cursor.empty()) {
    v1::ListTrainingJobsRequest list;
    list.set_parent(options.whose.parent());
    list.set_page_size(1);
    v1::ListTrainingJobsResponse jobs;
    const grpc::Status status =
        context.connection().Call(&v1::TrainingService::Stub::ListTrainingJobs, list, &jobs);
    if (!status.ok()) return ReportError(context, status);
    request.set_cursor(jobs.cursor());
  }
  JobsWatch watch(context.connection(), request);
  AllJobs observer(context, options.whose.everyone);
  InterruptHandler interrupt([&watch] { watch.Stop(); });
  const grpc::Status status = watch.Run(observer);
  if (!interrupt.interrupted()) return ReportError(context, status);
  context.err() << "stopped watching. Come back with: trainyard job watch --all "
                << (options.whose.everyone ? "--everyone " : "") << "--cursor " << watch.cursor()
                << std::endl;
  return kInterrupted;
}

int WatchOne(Context& context, const Options& options) {
  v1::TrainingJob job;
  grpc::Status status = GetJob(context, options.name, &job);
  if (!status.ok()) return ReportError(context, status);
  const WatchOutcome outcome = WatchAndPrint(context, job, options.after);
  if (outcome.code != kDone || !options.exit_status) return outcome.code;
  // The event that ended it may lie before --after.
  status = GetJob(context, options.name, &job);
  if (!status.ok()) return ReportError(context, status);
  return job.state() == v1::TrainingJob::SUCCEEDED ? kDone : kFailed;
}

int Run(Context& context, const Options& options) {
  if (options.name.empty() && !options.all) {
    return ReportUsage(
        context, absl::InvalidArgumentError("which job? Give its NAME, or --all for all of yours"));
  }
  return options.all ? WatchAll(context, options) : WatchOne(context, options);
}

}  // namespace

void AddJobWatch(CLI::App& group, Context& context) {
  auto [command, options] = AddCommand<Options>(
      group, context, "watch", "Follow a job's events until it ends, or those of all jobs", Run);
  auto* name = command.add_option("NAME", options.name, "Id, or full resource name");
  command.add_option("--after", options.after, "Events after this sequence")
      ->type_name("SEQ")
      ->capture_default_str();
  command.add_flag("--exit-status", options.exit_status, "Exit with 1 unless the job SUCCEEDED");
  auto* all = command.add_flag("--all", options.all, "All of your jobs, from now on, until Ctrl-C");
  command.add_option("--cursor", options.cursor, "With --all: go on where another watch was left")
      ->type_name("CURSOR")
      ->needs(all);
  all->excludes(name);
  AddEveryone(command, options.whose);
}

}  // namespace trainyard::client
