#include "client/lib/job_watch.h"

#include <gmock/gmock.h>

#include <atomic>

#include "tests/client/fake_server.h"

namespace trainyard::client {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;

// Sends events 1 to `last`, `per_stream` at a time, and breaks every stream but
// the last one. It repeats the event at the cursor, as a careless server might.
class BrokenStreams : public v1::TrainingService::Service {
 public:
  int last = 7;
  int per_stream = 3;
  grpc::StatusCode code = grpc::StatusCode::UNAVAILABLE;
  std::vector<std::int64_t> cursors;

  grpc::Status WatchTrainingJob(grpc::ServerContext*, const v1::WatchTrainingJobRequest* request,
                                grpc::ServerWriter<v1::WatchTrainingJobResponse>* writer) override {
    cursors.push_back(request->after_sequence());
    v1::WatchTrainingJobResponse message;
    const auto from = static_cast<int>(request->after_sequence());
    const int until = std::min(last, from + per_stream);
    for (int sequence = std::max(1, from); sequence <= until; ++sequence) {
      message.mutable_event()->set_sequence(sequence);
      writer->Write(message);
      message.mutable_bookmark()->set_sequence(sequence);
      writer->Write(message);
    }
    return until == last ? grpc::Status::OK : grpc::Status(code, "broken");
  }
};

class Recorder : public JobObserver {
 public:
  std::vector<std::int64_t> sequences;
  std::atomic<int> interruptions = 0;

  void OnEvent(const v1::TrainingEvent& event) override { sequences.push_back(event.sequence()); }
  void OnInterrupted(const grpc::Status&, milliseconds) override { ++interruptions; }
};

JobWatch::Options Quick() {
  JobWatch::Options options;
  options.job = "users/me/jobs/j";
  options.patience.first_delay = milliseconds(1);
  return options;
}

TEST(JobWatch, ResumesByCursorAndSeesEachEventOnce) {
  BrokenStreams service;
  FakeServer server({&service});
  Connection connection(server.address());
  Recorder recorder;
  JobWatch watch(connection, Quick());
  EXPECT_TRUE(watch.Run(recorder).ok());
  EXPECT_THAT(recorder.sequences, ElementsAre(1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(service.cursors, ElementsAre(0, 3, 6));
  EXPECT_EQ(recorder.interruptions, 2);
  EXPECT_EQ(watch.last_sequence(), 7);
}

TEST(JobWatch, ResumesWhenTheServerHasDroppedIt) {
  BrokenStreams service;
  service.code = grpc::StatusCode::CANCELLED;
  FakeServer server({&service});
  Connection connection(server.address());
  Recorder recorder;
  JobWatch watch(connection, Quick());
  EXPECT_TRUE(watch.Run(recorder).ok());
  EXPECT_THAT(recorder.sequences, testing::ElementsAre(1, 2, 3, 4, 5, 6, 7));
}

TEST(JobWatch, StartsAfterASequence) {
  BrokenStreams service;
  FakeServer server({&service});
  Connection connection(server.address());
  Recorder recorder;
  JobWatch::Options options = Quick();
  options.after_sequence = 5;
  EXPECT_TRUE(JobWatch(connection, options).Run(recorder).ok());
  EXPECT_THAT(recorder.sequences, ElementsAre(6, 7));
}

TEST(JobWatch, OtherErrorsEndIt) {
  BrokenStreams service;
  service.code = grpc::StatusCode::OUT_OF_RANGE;
  FakeServer server({&service});
  Connection connection(server.address());
  Recorder recorder;
  EXPECT_EQ(JobWatch(connection, Quick()).Run(recorder).error_code(),
            grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(recorder.interruptions, 0);
}

TEST(JobWatch, GivesUpWhenNothingComesThrough) {
  BrokenStreams service;
  service.per_stream = 0;
  FakeServer server({&service});
  Connection connection(server.address());
  Recorder recorder;
  JobWatch::Options options = Quick();
  options.patience.give_up = milliseconds(50);
  EXPECT_EQ(JobWatch(connection, options).Run(recorder).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  EXPECT_GT(recorder.interruptions, 0);
}

// Stopped from within an event, on the very stream that is being read.
class Stopper : public Recorder {
 public:
  JobWatch* watch = nullptr;
  void OnEvent(const v1::TrainingEvent& event) override {
    Recorder::OnEvent(event);
    watch->Stop();
  }
};

TEST(JobWatch, StopEndsIt) {
  BrokenStreams service;
  service.per_stream = 1;
  FakeServer server({&service});
  Connection connection(server.address());
  Stopper stopper;
  JobWatch watch(connection, Quick());
  stopper.watch = &watch;
  EXPECT_EQ(watch.Run(stopper).error_code(), grpc::StatusCode::CANCELLED);
}

}  // namespace
}  // namespace trainyard::client
