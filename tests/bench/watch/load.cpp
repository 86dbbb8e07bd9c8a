#include "tests/bench/watch/load.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <thread>

#include "tests/bench/watch/process_figures.h"

namespace trainyard::bench {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

constexpr seconds kPatience{120};
constexpr int kChurnPhases = 4;
// Of a stream that does not read, so that a few events stop the server's writes;
// by default gRPC would take some hundreds of them in.
constexpr int kSilentWindowBytes = 512;

double SecondsBetween(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

double UnixSeconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

// False where `probe` has not become true in time.
bool WaitUntil(const std::function<bool()>& probe) {
  const auto deadline = Clock::now() + kPatience;
  while (!probe()) {
    if (Clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& server, bool silent) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // Channels with the same arguments would share one connection.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  if (silent) {
    // Probing would raise the window again.
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kSilentWindowBytes);
  }
  return grpc::CreateCustomChannel(server, grpc::InsecureChannelCredentials(), arguments);
}

float Percentile(const std::vector<float>& sorted, double share) {
  if (sorted.empty()) return 0;
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

int Fail(const std::string& what) {
  std::cerr << "watch_load: " << what << std::endl;
  return 1;
}

double MicrosecondsEach(double used, std::int64_t messages) {
  return used / static_cast<double>(std::max<std::int64_t>(messages, 1)) * 1e6;
}

}  // namespace

Load::Load(const LoadOptions& options) : options_(options) {
  run_.job = options.job;
  const int silent = options.connections * options.silent / 100;
  for (int i = 0; i < options.connections; ++i) {
    channels_.push_back(MakeChannel(options.server, i < silent));
    stubs_.push_back(v1::TrainingService::NewStub(channels_.back()));
  }
  AddWatchers();
}

void Load::AddWatchers() {
  const int silent = options_.connections * options_.silent / 100;
  int churning = options_.streams * options_.churn / 100;
  for (int i = 0; i < options_.streams; ++i) {
    const int connection = i % options_.connections;
    auto kind = Watcher::Kind::kReader;
    if (connection < silent) {
      kind = Watcher::Kind::kSilent;
    } else if (churning > 0) {
      kind = Watcher::Kind::kChurning;
      --churning;
    }
    watchers_.push_back(std::make_unique<Watcher>(run_, *stubs_[connection], kind, options_.after));
  }
}

bool Load::Connect() {
  const auto deadline = std::chrono::system_clock::now() + kPatience;
  return std::all_of(channels_.begin(), channels_.end(),
                     [&](const auto& channel) { return channel->WaitForConnected(deadline); });
}

bool Load::AllReady() const {
  return run_.opened == options_.streams && Behind(run_.newest, false) == 0;
}

std::int64_t Load::Behind(std::int64_t sequence, bool silent_too) const {
  return std::count_if(watchers_.begin(), watchers_.end(), [&](const auto& watcher) {
    if (watcher->kind() == Watcher::Kind::kSilent && !silent_too) return false;
    return watcher->cursor() < sequence;
  });
}

int Load::Churn(int tick) {
  std::vector<Watcher*> due;
  int n = 0;
  for (const auto& watcher : watchers_) {
    if (watcher->kind() != Watcher::Kind::kChurning) continue;
    if (n++ % kChurnPhases == tick % kChurnPhases) due.push_back(watcher.get());
  }
  for (Watcher* watcher : due) watcher->Cancel();
  for (Watcher* watcher : due) {
    watcher->Wait();
    watcher->Open();
  }
  return static_cast<int>(due.size());
}

int Load::CloseAll() {
  const auto ended = std::count_if(watchers_.begin(), watchers_.end(),
                                   [](const auto& watcher) { return watcher->done(); });
  for (const auto& watcher : watchers_) watcher->Cancel();
  for (const auto& watcher : watchers_) watcher->Wait();
  return static_cast<int>(ended);
}

Watcher::Violations Load::TotalViolations() const {
  Watcher::Violations total;
  for (const auto& watcher : watchers_) {
    total.gaps += watcher->violations().gaps;
    total.doubles += watcher->violations().doubles;
    total.out_of_order += watcher->violations().out_of_order;
  }
  return total;
}

std::vector<float> Load::AllLags() const {
  std::vector<float> lags;
  for (const auto& watcher : watchers_) {
    lags.insert(lags.end(), watcher->lags().begin(), watcher->lags().end());
  }
  std::sort(lags.begin(), lags.end());
  return lags;
}

Load::Span Load::Measure() {
  Span span;
  span.from = UnixSeconds();
  const double cpu = CpuSeconds(options_.pid);
  const auto start = Clock::now();
  run_.measuring = true;
  for (int tick = 0; tick < options_.seconds; ++tick) {
    span.reopened += Churn(tick);
    std::this_thread::sleep_until(start + seconds(tick + 1));
    span.rss = std::max(span.rss, ResidentBytes(options_.pid));
  }
  run_.measuring = false;
  span.took = SecondsBetween(start, Clock::now());
  span.to = UnixSeconds();
  span.cpu = CpuSeconds(options_.pid) - cpu;
  span.messages = run_.measured_messages;
  return span;
}

std::int64_t Load::CatchUp() {
  for (const auto& watcher : watchers_) {
    if (watcher->kind() == Watcher::Kind::kSilent) watcher->ReadOn();
  }
  const std::int64_t last = run_.newest;
  WaitUntil([&] { return Behind(last, true) == 0; });
  return Behind(last, true);
}

void Load::PrintChecks(std::int64_t behind, int broken) const {
  const Watcher::Violations total = TotalViolations();
  std::printf("\"gaps\": %lld, \"doubles\": %lld, \"out_of_order\": %lld, ",
              static_cast<long long>(total.gaps), static_cast<long long>(total.doubles),
              static_cast<long long>(total.out_of_order));
  std::printf("\"behind\": %lld, \"broken\": %d}\n", static_cast<long long>(behind), broken);
}

int Load::Live() {
  const std::int64_t rss_before = ResidentBytes(options_.pid);
  if (!Connect()) return Fail("no server answers at " + options_.server);
  for (const auto& watcher : watchers_) watcher->Open();
  if (!WaitUntil([this] { return AllReady(); })) {
    Fail("only " + std::to_string(run_.opened) + " streams have received an event");
    // At once: reactions of the streams that are open use what would be destroyed.
    std::_Exit(1);
  }
  const Span span = Measure();
  const std::int64_t behind = CatchUp();
  const int broken = CloseAll();
  const std::vector<float> lags = AllLags();
  std::printf("{\"streams\": %d, \"from\": %.6f, \"to\": %.6f, ", options_.streams, span.from,
              span.to);
  std::printf("\"lag_p50\": %.3f, \"lag_p99\": %.3f, \"lag_max\": %.3f, ", Percentile(lags, 0.5),
              Percentile(lags, 0.99), Percentile(lags, 1));
  std::printf("\"messages_per_second\": %.1f, \"cpu_per_message\": %.3f, ",
              static_cast<double>(span.messages) / span.took,
              MicrosecondsEach(span.cpu, span.messages));
  std::printf("\"reopened\": %d, \"rss_before\": %lld, \"rss\": %lld, ", span.reopened,
              static_cast<long long>(rss_before), static_cast<long long>(span.rss));
  PrintChecks(behind, broken);
  return 0;
}

int Load::Replay() {
  if (!Connect()) return Fail("no server answers at " + options_.server);
  const double cpu = CpuSeconds(options_.pid);
  const auto start = Clock::now();
  for (const auto& watcher : watchers_) watcher->Open();
  int broken = 0;
  std::int64_t messages = 0;
  for (const auto& watcher : watchers_) {
    if (!watcher->Wait().ok()) ++broken;
    messages += watcher->received();
  }
  const double took = SecondsBetween(start, Clock::now());
  std::printf("{\"streams\": %d, \"messages\": %lld, \"messages_per_second\": %.1f, ",
              options_.streams, static_cast<long long>(messages),
              static_cast<double>(messages) / took);
  std::printf("\"cpu_per_message\": %.3f, ",
              MicrosecondsEach(CpuSeconds(options_.pid) - cpu, messages));
  PrintChecks(Behind(run_.newest, true), broken);
  return 0;
}

}  // namespace trainyard::bench
