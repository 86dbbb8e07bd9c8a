// Many watchers of one job, as dashboards are, and a bare gRPC server to compare
// with.
//
//   watch_load --target HOST:PORT --job NAME --watchers 10000 --connections 100
//              --seconds 20 --never 0.1 --churn 0.01
//   watch_load --serve --events-per-second 1     or --burst 20000
//
// The client prints one line of JSON: lags of the messages that were read (from the
// event's time to its arrival, both on this machine), how many there were, and what
// was missed or came twice. --full-speed reads a finished job's log again and again.
#include <grpcpp/grpcpp.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <iostream>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "google/protobuf/util/time_util.h"
#include "trainyard/v1/training.grpc.pb.h"

namespace trainyard {
namespace {

using google::protobuf::util::TimeUtil;
using v1::TrainingService;
using v1::WatchTrainingJobRequest;
using v1::WatchTrainingJobResponse;

std::int64_t NowMicros() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// What all watchers together have seen.
struct Tally {
  std::atomic<std::int64_t> messages = 0;
  std::atomic<std::int64_t> violations = 0;
  std::atomic<std::int64_t> errors = 0;
  std::atomic<std::int64_t> open = 0;
  std::atomic<bool> measuring = false;
  std::mutex mutex;
  std::vector<float> lags_ms;  // guarded by mutex
  std::condition_variable closed;
};

// One stream. Deletes itself when it has ended.
class Watcher final : public grpc::ClientReadReactor<WatchTrainingJobResponse> {
 public:
  // `keep` is called, on a thread of gRPC, with the last sequence when it has ended.
  using Ended = std::function<void(std::int64_t sequence, const grpc::Status& status)>;

  Watcher(TrainingService::Stub& stub, const std::string& job, std::int64_t after, bool reads,
          bool live, Tally& tally, Ended ended)
      : reads_(reads), live_(live), tally_(tally), ended_(std::move(ended)), sequence_(after) {
    request_.set_name(job);
    request_.set_after_sequence(after);
    ++tally_.open;
    stub.async()->WatchTrainingJob(&context_, &request_, this);
    StartRead(&response_);
    // One that never reads holds its call all the same.
    if (!reads_) AddHold();
    StartCall();
  }

  void Cancel() {
    context_.TryCancel();
    if (!reads_ && !released_.exchange(true)) RemoveHold();
  }

  void OnReadDone(bool ok) override {
    if (!ok || !reads_) return;
    if (response_.has_event()) Take(response_.event());
    StartRead(&response_);
  }

  void OnDone(const grpc::Status& status) override {
    ended_(sequence_, status);
    {
      const std::lock_guard lock(tally_.mutex);
      --tally_.open;
    }
    tally_.closed.notify_all();
    delete this;
  }

 private:
  void Take(const v1::TrainingEvent& event) {
    ++tally_.messages;
    if (event.sequence() != sequence_ + 1) ++tally_.violations;
    sequence_ = event.sequence();
    if (!live_ || !tally_.measuring) return;
    const double lag =
        static_cast<double>(NowMicros() - TimeUtil::TimestampToMicroseconds(event.time())) / 1e3;
    const std::lock_guard lock(tally_.mutex);
    tally_.lags_ms.push_back(static_cast<float>(lag));
  }

  const bool reads_;
  const bool live_;
  Tally& tally_;
  const Ended ended_;
  std::int64_t sequence_;
  std::atomic<bool> released_ = false;
  WatchTrainingJobRequest request_;
  WatchTrainingJobResponse response_;
  grpc::ClientContext context_;
};

struct LoadOptions {
  std::string target;
  std::string job;
  int watchers = 10'000;
  int connections = 100;
  double seconds = 20;
  double never = 0;
  double churn = 0;
  bool full_speed = false;
};

class Load {
 public:
  explicit Load(LoadOptions options) : options_(std::move(options)) {
    for (int i = 0; i < options_.connections; ++i) {
      grpc::ChannelArguments arguments;
      arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
      arguments.SetInt("trainyard.connection", i);
      stubs_.push_back(TrainingService::NewStub(grpc::CreateCustomChannel(
          options_.target, grpc::InsecureChannelCredentials(), arguments)));
    }
  }

  int Run() {
    watchers_.resize(static_cast<std::size_t>(options_.watchers), nullptr);
    const std::int64_t after = options_.full_speed ? 0 : LastSequence();
    for (std::size_t i = 0; i < watchers_.size(); ++i) Open(i, after);
    const auto begin = std::chrono::steady_clock::now();
    // Those that come first wait for the others.
    if (!options_.full_speed) std::this_thread::sleep_for(std::chrono::seconds(3));
    tally_.measuring = true;
    const std::int64_t before = tally_.messages;
    Churn();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    const std::int64_t messages = tally_.messages - (options_.full_speed ? 0 : before);
    tally_.measuring = false;
    Close();
    Print(messages, took.count());
    return tally_.violations == 0 ? 0 : 1;
  }

 private:
  std::int64_t LastSequence() {
    grpc::ClientContext context;
    v1::GetTrainingJobRequest request;
    request.set_name(options_.job);
    v1::TrainingJob job;
    const grpc::Status status = stubs_[0]->GetTrainingJob(&context, request, &job);
    if (!status.ok()) std::cerr << "GetTrainingJob: " << status.error_message() << std::endl;
    return job.last_sequence();
  }

  bool Reads(std::size_t i) const { return static_cast<double>(i % 1000) >= options_.never * 1000; }

  void Open(std::size_t i, std::int64_t after) {
    auto& stub = *stubs_[i % stubs_.size()];
    const std::lock_guard lock(mutex_);
    if (closing_) return;
    watchers_[i] = new Watcher(stub, options_.job, after, Reads(i), !options_.full_speed, tally_,
                               [this, i](std::int64_t sequence, const grpc::Status& status) {
                                 Ended(i, sequence, status);
                               });
  }

  void Ended(std::size_t i, std::int64_t sequence, const grpc::Status& status) {
    {
      const std::lock_guard lock(mutex_);
      watchers_[i] = nullptr;
      if (!status.ok() && status.error_code() != grpc::StatusCode::CANCELLED) ++tally_.errors;
      if (closing_) return;
      again_.push_back({i, options_.full_speed ? 0 : sequence});
    }
    wake_.notify_one();
  }

  // Cancels some every second, and opens again what has ended.
  void Churn() {
    using Clock = std::chrono::steady_clock;
    std::mt19937 random(1);
    const auto end = Clock::now() + std::chrono::duration<double>(options_.seconds);
    auto next = Clock::now() + std::chrono::seconds(1);
    while (Clock::now() < end) {
      std::vector<std::pair<std::size_t, std::int64_t>> again;
      {
        std::unique_lock lock(mutex_);
        wake_.wait_for(lock, std::chrono::milliseconds(20), [&] { return !again_.empty(); });
        again.swap(again_);
      }
      for (const auto& [i, sequence] : again) Open(i, sequence);
      if (Clock::now() < next) continue;
      next += std::chrono::seconds(1);
      const auto count = static_cast<int>(options_.churn * options_.watchers);
      for (int n = 0; n < count; ++n) {
        const std::lock_guard lock(mutex_);
        Watcher* const one = watchers_[random() % watchers_.size()];
        if (one != nullptr) one->Cancel();
      }
    }
  }

  void Close() {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
      for (Watcher* watcher : watchers_) {
        if (watcher != nullptr) watcher->Cancel();
      }
    }
    std::unique_lock lock(tally_.mutex);
    tally_.closed.wait(lock, [this] { return tally_.open == 0; });
  }

  void Print(std::int64_t messages, double seconds) {
    auto& lags = tally_.lags_ms;
    std::sort(lags.begin(), lags.end());
    const auto at = [&](double share) {
      if (lags.empty()) return 0.0f;
      return lags[static_cast<std::size_t>(share * static_cast<double>(lags.size() - 1))];
    };
    std::cout << "{\"messages\":" << messages << ",\"seconds\":" << seconds
              << ",\"per_second\":" << static_cast<double>(messages) / seconds
              << ",\"p50_ms\":" << at(0.5) << ",\"p99_ms\":" << at(0.99) << ",\"max_ms\":" << at(1)
              << ",\"violations\":" << tally_.violations << ",\"errors\":" << tally_.errors << "}"
              << std::endl;
  }

  const LoadOptions options_;
  std::vector<std::unique_ptr<TrainingService::Stub>> stubs_;
  Tally tally_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Watcher*> watchers_;                           // guarded by mutex_
  std::vector<std::pair<std::size_t, std::int64_t>> again_;  // guarded by mutex_
  bool closing_ = false;                                     // guarded by mutex_
};

// The least that a server of streams can do: made-up events from memory, serialised
// once for all.
class BareService final
    : public TrainingService::WithRawCallbackMethod_WatchTrainingJob<TrainingService::Service> {
 public:
  explicit BareService(std::int64_t burst) : burst_(burst) {}

  grpc::Status GetTrainingJob(grpc::ServerContext*, const v1::GetTrainingJobRequest*,
                              v1::TrainingJob* job) override {
    const std::lock_guard lock(mutex_);
    job->set_last_sequence(static_cast<std::int64_t>(log_.size()));
    return grpc::Status::OK;
  }

  grpc::ServerWriteReactor<grpc::ByteBuffer>* WatchTrainingJob(
      grpc::CallbackServerContext*, const grpc::ByteBuffer* request) override {
    grpc::Slice slice;
    WatchTrainingJobRequest parsed;
    if (request->TrySingleSlice(&slice).ok()) {
      parsed.ParseFromArray(slice.begin(), static_cast<int>(slice.size()));
    }
    auto* reactor = new Reactor(*this, static_cast<std::size_t>(parsed.after_sequence()));
    {
      const std::lock_guard lock(mutex_);
      reactors_.insert(reactor);
    }
    reactor->Next();
    return reactor;
  }

  void Tick() {
    std::vector<Reactor*> reactors;
    {
      const std::lock_guard lock(mutex_);
      Append();
      reactors.assign(reactors_.begin(), reactors_.end());
    }
    for (Reactor* reactor : reactors) reactor->Next();
  }

  void Fill() {
    const std::lock_guard lock(mutex_);
    for (std::int64_t i = 0; i < burst_; ++i) Append();
  }

 private:
  class Reactor final : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
   public:
    Reactor(BareService& service, std::size_t cursor) : service_(service), cursor_(cursor) {}

    void Next() {
      {
        const std::lock_guard lock(service_.mutex_);
        if (writing_ || finished_) return;
        if (cursor_ == service_.log_.size()) {
          if (service_.burst_ == 0) return;
          finished_ = true;
        } else {
          buffer_ = grpc::ByteBuffer(&service_.log_[cursor_++], 1);
          writing_ = true;
        }
      }
      if (finished_) {
        Finish(grpc::Status::OK);
      } else {
        StartWrite(&buffer_);
      }
    }
    void OnWriteDone(bool ok) override {
      bool end = false;
      {
        const std::lock_guard lock(service_.mutex_);
        writing_ = false;
        if (!ok && !finished_) end = finished_ = true;
      }
      if (end) return Finish(grpc::Status::CANCELLED);
      Next();
    }
    void OnCancel() override {
      {
        const std::lock_guard lock(service_.mutex_);
        if (writing_ || finished_) return;
        finished_ = true;
      }
      Finish(grpc::Status::CANCELLED);
    }
    void OnDone() override {
      {
        const std::lock_guard lock(service_.mutex_);
        service_.reactors_.erase(this);
      }
      delete this;
    }

   private:
    BareService& service_;
    std::size_t cursor_;
    bool writing_ = false;
    bool finished_ = false;
    grpc::ByteBuffer buffer_;
  };

  void Append() {
    WatchTrainingJobResponse response;
    v1::TrainingEvent& event = *response.mutable_event();
    event.set_sequence(static_cast<std::int64_t>(log_.size()) + 1);
    event.set_attempt(1);
    *event.mutable_time() = TimeUtil::MicrosecondsToTimestamp(NowMicros());
    event.mutable_epoch()->set_epoch(static_cast<int>(log_.size()) + 1);
    event.mutable_epoch()->set_cost(1234.5678);
    event.mutable_epoch()->set_mean_cost(0.12345678);
    event.mutable_epoch()->set_learning_rate(0.3);
    event.mutable_epoch()->set_seconds(0.98765);
    event.mutable_epoch()->set_samples_per_second(12345.678);
    log_.emplace_back(response.SerializeAsString());
  }

  const std::int64_t burst_;
  std::mutex mutex_;
  std::vector<grpc::Slice> log_;           // guarded by mutex_
  std::unordered_set<Reactor*> reactors_;  // guarded by mutex_
};

int Serve(double events_per_second, std::int64_t burst) {
  BareService service(burst);
  service.Fill();
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  std::cout << "listening grpc=127.0.0.1:" << port << std::endl;
  if (burst > 0) {
    server->Wait();
    return 0;
  }
  while (true) {
    std::this_thread::sleep_for(std::chrono::duration<double>(1 / events_per_second));
    service.Tick();
  }
}

void RaiseDescriptorLimit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace
}  // namespace trainyard

int main(int argc, char** argv) {
  trainyard::LoadOptions options;
  bool serve = false;
  double events_per_second = 1;
  std::int64_t burst = 0;
  CLI::App cli("Watchers by the thousand, and a bare server to compare with");
  cli.add_flag("--serve", serve, "Be the bare server");
  cli.add_option("--events-per-second", events_per_second, "Of the bare server");
  cli.add_option("--burst", burst, "The bare server has so many events, and then streams end");
  cli.add_option("--target", options.target, "HOST:PORT");
  cli.add_option("--job", options.job, "Full name");
  cli.add_option("--watchers", options.watchers);
  cli.add_option("--connections", options.connections);
  cli.add_option("--seconds", options.seconds);
  cli.add_option("--never", options.never, "Share that never reads");
  cli.add_option("--churn", options.churn, "Share that goes and comes back, each second");
  cli.add_flag("--full-speed", options.full_speed, "Read the whole log again and again");
  CLI11_PARSE(cli, argc, argv);
  trainyard::RaiseDescriptorLimit();
  if (serve) return trainyard::Serve(events_per_second, burst);
  return trainyard::Load(options).Run();
}
