#include "server/rpc/watch_reactor.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <vector>

#include "absl/status/status.h"
#include "trainyard/v1/training.grpc.pb.h"

namespace trainyard::server {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAreArray;

// What the source has been asked, and whether it is closed.
class Record {
 public:
  void Sent(std::int64_t sequence) {
    const std::lock_guard lock(mutex_);
    sent_.push_back(sequence);
  }
  void Close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }
  void WaitUntilClosed() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return closed_; });
  }
  std::vector<std::int64_t> sent() {
    const std::lock_guard lock(mutex_);
    return sent_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::int64_t> sent_;  // guarded by mutex_
  bool closed_ = false;             // guarded by mutex_
};

grpc::Slice Serialized(const v1::WatchTrainingJobResponse& message) {
  return grpc::Slice(message.SerializeAsString());
}

// A log of `count` events of `bytes` each, that ends where `ends` says so.
class FakeLog final : public WatchSource {
 public:
  FakeLog(Record& record, std::int64_t count, std::size_t bytes, bool ends)
      : record_(record), count_(count), bytes_(bytes), ends_(ends) {}

  absl::Status Open(const std::shared_ptr<EventListener>&) override { return absl::OkStatus(); }
  void Close(const std::shared_ptr<EventListener>&) override { record_.Close(); }

  absl::StatusOr<Batch> Fetch(int limit) override {
    Batch batch;
    for (std::int64_t next = cursor_ + 1; next <= count_ && limit > 0; ++next, --limit) {
      v1::WatchTrainingJobResponse message;
      message.mutable_event()->set_sequence(next);
      message.mutable_event()->mutable_warning()->set_message(std::string(bytes_, 'x'));
      batch.messages.push_back({next, Serialized(message), {}});
    }
    batch.ended = ends_ && cursor_ == count_;
    return batch;
  }
  void Sent(const WireMessage& message) override {
    cursor_ = message.sequence;
    record_.Sent(cursor_);
  }

  bool wants_progress() const override { return false; }
  WireMessage Bookmark() const override {
    v1::WatchTrainingJobResponse message;
    message.mutable_bookmark()->set_sequence(cursor_);
    return {0, Serialized(message), {}};
  }
  absl::Status ShuttingDown() const override { return absl::UnavailableError("draining"); }

 private:
  Record& record_;
  const std::int64_t count_;
  const std::size_t bytes_;
  const bool ends_;
  std::int64_t cursor_ = 0;
};

class WatchReactorTest : public ::testing::Test {
 protected:
  // A real server on one method, whose streams read this log.
  class Service final : public v1::TrainingService::WithRawCallbackMethod_WatchTrainingJob<
                            v1::TrainingService::Service> {
   public:
    grpc::ServerWriteReactor<grpc::ByteBuffer>* WatchTrainingJob(grpc::CallbackServerContext* call,
                                                                 const grpc::ByteBuffer*) override {
      return WatchReactor::Start(*context, call, Admission{},
                                 std::make_unique<FakeLog>(*record, count, bytes, ends));
    }
    WatchContext* context = nullptr;
    Record* record = nullptr;
    std::int64_t count = 0;
    std::size_t bytes = 10;
    bool ends = true;
  };

  void Serve(WatchTimes times = {}) {
    context_ = std::make_unique<WatchContext>(stepper_, times);
    service_.context = context_.get();
    service_.record = &record_;
    grpc::ServerBuilder builder;
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    stub_ = v1::TrainingService::NewStub(server_->InProcessChannel({}));
  }
  ~WatchReactorTest() override {
    context_->Drain();
    server_->Shutdown();
  }

  std::unique_ptr<grpc::ClientReader<v1::WatchTrainingJobResponse>> Watch(
      grpc::ClientContext& call) {
    return stub_->WatchTrainingJob(&call, {});
  }

  Service service_;
  Record record_;
  Stepper stepper_{2};
  std::unique_ptr<WatchContext> context_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::TrainingService::Stub> stub_;
};

TEST_F(WatchReactorTest, SendsEveryEventOnceAndInOrder) {
  service_.count = 1000;  // many times what is read ahead
  Serve();
  grpc::ClientContext call;
  const auto reader = Watch(call);
  std::vector<std::int64_t> got;
  for (v1::WatchTrainingJobResponse message; reader->Read(&message);) {
    got.push_back(message.event().sequence());
  }
  EXPECT_TRUE(reader->Finish().ok());
  std::vector<std::int64_t> wanted(1000);
  for (int i = 0; i < 1000; ++i) wanted[static_cast<std::size_t>(i)] = i + 1;
  EXPECT_THAT(got, ElementsAreArray(wanted));
  EXPECT_THAT(record_.sent(), ElementsAreArray(wanted));
}

TEST_F(WatchReactorTest, AnIdleStreamIsToldWhereItIs) {
  service_.count = 3;
  service_.ends = false;
  Serve({.bookmark_after = milliseconds(0)});
  grpc::ClientContext call;
  const auto reader = Watch(call);
  v1::WatchTrainingJobResponse message;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(reader->Read(&message));
  ASSERT_TRUE(reader->Read(&message));
  EXPECT_TRUE(message.has_bookmark());
  EXPECT_EQ(message.bookmark().sequence(), 3);
  call.TryCancel();
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  record_.WaitUntilClosed();
}

TEST_F(WatchReactorTest, OneThatDoesNotReadIsDroppedAndOthersAreServed) {
  service_.count = 100'000;
  service_.bytes = 100'000;  // far more than a connection holds
  service_.ends = false;
  Serve({.stalled_after = milliseconds(0)});
  grpc::ClientContext stalled;
  const auto silent = Watch(stalled);
  record_.WaitUntilClosed();
  EXPECT_LT(record_.sent().size(), 100'000);
  v1::WatchTrainingJobResponse message;
  while (silent->Read(&message)) continue;
  EXPECT_EQ(silent->Finish().error_code(), grpc::StatusCode::CANCELLED);
  grpc::ClientContext call;
  EXPECT_TRUE(Watch(call)->Read(&message));
  call.TryCancel();
}

TEST_F(WatchReactorTest, ADrainedServerEndsStreamsInTheMiddle) {
  service_.count = 100'000;
  service_.bytes = 100'000;
  Serve();
  grpc::ClientContext call;
  const auto reader = Watch(call);
  v1::WatchTrainingJobResponse message;
  ASSERT_TRUE(reader->Read(&message));
  context_->Drain();
  while (reader->Read(&message)) continue;
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_LT(message.event().sequence(), 100'000);
}

}  // namespace
}  // namespace trainyard::server
