#include "client/cli/live/watch_run.h"

#include <memory>

#include "client/cli/job_view.h"
#include "client/cli/live/interrupt.h"
#include "client/cli/live/live_watch.h"
#include "client/cli/live/plain_watch.h"
#include "client/cli/report.h"
#include "client/lib/job_watch.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

// Notes the state on the way to another observer.
class StateTap : public JobObserver {
 public:
  StateTap(JobObserver& next, v1::TrainingJob::State state) : next_(next), state_(state) {}

  void OnEvent(const v1::TrainingEvent& event) override {
    if (event.has_state_change()) state_ = event.state_change().state();
    next_.OnEvent(event);
  }
  void OnProgress(const v1::TrainingProgress& progress) override { next_.OnProgress(progress); }
  void OnTrimmed(std::int64_t first_sequence) override { next_.OnTrimmed(first_sequence); }
  void OnInterrupted(const grpc::Status& status, std::chrono::milliseconds delay) override {
    next_.OnInterrupted(status, delay);
  }
  v1::TrainingJob::State state() const { return state_; }

 private:
  JobObserver& next_;
  v1::TrainingJob::State state_;
};

// What the run used, as the course notebook tells it.
void PrintEnergy(Context& context, const std::string& name) {
  v1::TrainingJob job;
  if (!GetJob(context, name, &job).ok()) return;
  const std::string energy = EnergyOf(job);
  if (!energy.empty()) context.out() << "energy " << energy << std::endl;
}

}  // namespace

WatchOutcome WatchAndPrint(Context& context, const v1::TrainingJob& job,
                           std::int64_t after_sequence, int every) {
  const bool live = !context.json && context.terminal.out_interactive();
  JobWatch::Options options;
  options.job = job.name();
  options.after_sequence = after_sequence;
  options.progress = live;
  JobWatch watch(context.connection(), options);

  std::unique_ptr<JobObserver> observer;
  if (live) {
    observer = std::make_unique<LiveWatch>(context.terminal, job);
  } else {
    observer = std::make_unique<PlainWatch>(context, job, every);
  }
  StateTap tap(*observer, job.state());
  grpc::Status status;
  bool interrupted = false;
  {
    InterruptHandler interrupt([&watch] { watch.Stop(); });
    status = watch.Run(tap);
    interrupted = interrupt.interrupted();
  }
  observer.reset();  // Leaves the last picture before anything else is printed.
  if (interrupted && !status.ok()) {
    context.err() << "stopped watching; the job goes on. Come back with: trainyard job watch "
                  << BareId(job.name()) << std::endl;
    return {kInterrupted, tap.state()};
  }
  if (!status.ok()) return {ReportError(context, status), tap.state()};
  if (!context.json) PrintEnergy(context, job.name());
  return {kDone, tap.state()};
}

}  // namespace trainyard::client
