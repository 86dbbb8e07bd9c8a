// trainyard queue [--watch]

#include "absl/strings/str_cat.h"
#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/live/refresh.h"
#include "client/cli/report.h"
#include "client/cli/term/format.h"
#include "client/cli/term/table.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

struct Options {
  bool watch = false;
};

std::string Count(int count, const char* one, const char* many) {
  return absl::StrCat(count, " ", count == 1 ? one : many);
}

std::string Estimate(const v1::QueueEntry& entry) {
  if (!entry.has_estimate()) return "";
  const double seconds = static_cast<double>(entry.estimate().seconds()) +
                         static_cast<double>(entry.estimate().nanos()) * 1e-9;
  return absl::StrCat(entry.running() ? "ends in about " : "starts in about ", Duration(seconds));
}

std::string Render(const Context& context, const v1::Queue& queue) {
  if (context.json) return absl::StrCat(ToJson(queue), "\n");
  const std::string heading = absl::StrCat(
      queue.running_count(), " of ", Count(queue.slots(), "slot is busy", "slots are busy"), ", ",
      Count(queue.queued_count(), "job waits", "jobs wait"), ", of ",
      Count(queue.user_count(), "user", "users"), "\n");
  Table table(
      {{"", Align::kRight}, {"JOB"}, {"PRIORITY", Align::kRight}, {"ESTIMATE"}, {"WAITS FOR"}});
  for (const v1::QueueEntry& entry : queue.entries()) {
    table.AddRow({entry.running() ? "runs" : absl::StrCat(entry.position()), entry.job(),
                  absl::StrCat(entry.priority()), Estimate(entry), entry.reason()});
  }
  return table.empty() ? heading : absl::StrCat(heading, table.Render(context.look()));
}

grpc::Status Fetch(Context& context, std::string& text) {
  v1::Queue queue;
  const grpc::Status status =
      context.connection().Call(&v1::AdminService::Stub::GetQueue, v1::GetQueueRequest(), &queue);
  if (status.ok()) text = Render(context, queue);
  return status;
}

int Run(Context& context, const Options& options) {
  const auto fetch = [&context](std::string& text) { return Fetch(context, text); };
  return options.watch ? ShowUntilInterrupted(context, Keep::kFirst, fetch)
                       : ShowOnce(context, fetch);
}

}  // namespace

void AddQueue(CLI::App& app, Context& context) {
  auto [command, options] =
      AddCommand<Options>(app, context, "queue",
                          "Who runs and who waits: your jobs, and other people's as counts", Run);
  command.add_flag("--watch", options.watch, "Show it again as it changes, until Ctrl-C");
}

}  // namespace trainyard::client
