// Events as lines: for files, pipes and dumb terminals, or as JSON.
#pragma once

#include <string>

#include "client/cli/context.h"
#include "client/lib/job_watch.h"

namespace trainyard::client {

// One line without a newline, such as
// "epoch 3/50  cost 61.2034  mean 0.6120  accuracy 0.71  0.012 s".
std::string EventLine(const v1::TrainingEvent& event, int epochs);

// Writes and flushes a line for each event; of epochs the last and every
// `every`th, but as JSON each.
class PlainWatch : public JobObserver {
 public:
  PlainWatch(Context& context, const v1::TrainingJob& job, int every)
      : context_(context), job_(job), every_(every) {}

  void OnEvent(const v1::TrainingEvent& event) override;
  void OnTrimmed(std::int64_t first_sequence) override;
  void OnInterrupted(const grpc::Status& status, std::chrono::milliseconds delay) override;

 private:
  Context& context_;
  const v1::TrainingJob& job_;
  const int every_;
};

}  // namespace trainyard::client
