#include "server/metrics/metrics.h"

#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "core/base/text.h"
#include "trainyard/v1/training.pb.h"

namespace trainyard::server {
namespace {

using Bounds = prometheus::Histogram::BucketBoundaries;

// Seconds.
const Bounds kShort{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10};
const Bounds kLong{0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600.0, 24 * 3600.0};

constexpr char kWatch[] = "TrainingService.WatchTrainingJob";

template <typename Builder>
auto& Family(Builder builder, prometheus::Registry& registry, const char* name, const char* help) {
  return builder.Name(name).Help(help).Register(registry);
}

double SecondsOf(const google::protobuf::Timestamp& time) {
  return static_cast<double>(time.seconds()) + 1e-9 * time.nanos();
}

double CpuSeconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  double all = 0;
  double resident = 0;
  file >> all >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double OpenFiles() {
  std::error_code error;
  double count = 0;
  for (auto entry = std::filesystem::directory_iterator("/proc/self/fd", error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    ++count;
  }
  return count;
}

}  // namespace

prometheus::Counter& Metrics::CounterOf(const char* name, const char* help) {
  return Family(prometheus::BuildCounter(), registry_, name, help).Add({});
}

prometheus::Gauge& Metrics::GaugeOf(const char* name, const char* help) {
  return Family(prometheus::BuildGauge(), registry_, name, help).Add({});
}

prometheus::Histogram& Metrics::HistogramOf(const char* name, const char* help,
                                            const Bounds& bounds) {
  return Family(prometheus::BuildHistogram(), registry_, name, help).Add({}, bounds);
}

Metrics::Metrics()
    : jobs_(Family(prometheus::BuildGauge(), registry_, "trainyard_jobs", "Jobs by state")),
      watchers_(Family(prometheus::BuildGauge(), registry_, "trainyard_watchers",
                       "Open streams of events, by what they come through: grpc or sse")),
      rpc_in_flight_(Family(prometheus::BuildGauge(), registry_, "trainyard_rpcs_in_flight",
                            "Calls that have begun and not ended, by method")),
      rpcs_(Family(prometheus::BuildCounter(), registry_, "trainyard_rpcs_total",
                   "Calls that have ended, by method and code")),
      rpc_seconds_(Family(prometheus::BuildHistogram(), registry_, "trainyard_rpc_seconds",
                          "Time from a call's begin to its end, by method")),
      http_requests_(Family(prometheus::BuildCounter(), registry_, "trainyard_http_requests_total",
                            "HTTP requests that have been answered, by status")),
      queue_length_(GaugeOf("trainyard_queue_length", "Jobs that wait for a slot")),
      http_connections_(GaugeOf("trainyard_http_connections", "Open HTTP connections")),
      queue_wait_(HistogramOf("trainyard_queue_wait_seconds",
                              "How long jobs waited for a slot, each time", kLong)),
      commit_(HistogramOf("trainyard_commit_seconds",
                          "Time until a commit to the database was durable", kShort)),
      lag_(HistogramOf("trainyard_watch_lag_seconds",
                       "Time from a live event's commit until a watcher has taken it", kShort)),
      epochs_(CounterOf("trainyard_epochs_total", "Epochs that have been completed")),
      samples_(CounterOf("trainyard_samples_total", "Rows that jobs have trained on")),
      energy_(CounterOf("trainyard_energy_joules_total", "Energy of the completed epochs")),
      resident_(GaugeOf("process_resident_memory_bytes", "Resident memory of the server")),
      cpu_(CounterOf("process_cpu_seconds_total", "CPU time of the server")),
      files_(GaugeOf("process_open_fds", "Open file descriptors of the server")) {}

void Metrics::Committed(double seconds) { commit_.Observe(seconds); }

void Metrics::Delivered(double seconds) { lag_.Observe(seconds); }

void Metrics::Published(const std::string& job_uid, const std::vector<EventRow>& events) {
  for (const EventRow& row : events) {
    v1::TrainingEvent event;
    if (event.ParseFromString(row.body)) Note(job_uid, event);
  }
}

void Metrics::Note(const std::string& job_uid, const v1::TrainingEvent& event) {
  if (event.has_epoch()) {
    epochs_.Increment();
    samples_.Increment(std::round(event.epoch().samples_per_second() * event.epoch().seconds()));
    energy_.Increment(event.epoch().energy_joules());
  }
  if (!event.has_state_change()) return;
  const auto state = event.state_change().state();
  const double time = SecondsOf(event.time());
  const std::lock_guard lock(mutex_);
  if (state == v1::TrainingJob::QUEUED) {
    queued_[job_uid] = time;
    return;
  }
  const auto waited = queued_.extract(job_uid);
  if (!waited.empty() && state == v1::TrainingJob::RUNNING) {
    queue_wait_.Observe(time - waited.mapped());
  }
}

void Metrics::RpcBegan(const std::string& method) {
  rpc_in_flight_.Add({{"method", method}}).Increment();
}

void Metrics::RpcEnded(const std::string& method, const std::string& code, double seconds) {
  rpc_in_flight_.Add({{"method", method}}).Decrement();
  rpcs_.Add({{"method", method}, {"code", code}}).Increment();
  rpc_seconds_.Add({{"method", method}}, kShort).Observe(seconds);
}

void Metrics::HttpAnswered(int status) {
  http_requests_.Add({{"status", StrCat(status)}}).Increment();
}

void Metrics::Apply(const Gauges& gauges) {
  for (const auto& [state, count] : gauges.jobs_by_state) {
    jobs_.Add({{"state", state}}).Set(count);
  }
  queue_length_.Set(gauges.queue_length);
  http_connections_.Set(gauges.http_connections);
  // An SSE stream is a watcher within the server, too.
  const double all = rpc_in_flight_.Add({{"method", kWatch}}).Value() +
                     rpc_in_flight_.Add({{"method", StrCat(kWatch, "s")}}).Value();
  watchers_.Add({{"transport", "sse"}}).Set(gauges.sse_streams);
  watchers_.Add({{"transport", "grpc"}}).Set(std::max(0.0, all - gauges.sse_streams));
  resident_.Set(ResidentBytes());
  cpu_.Increment(CpuSeconds() - cpu_.Value());
  files_.Set(OpenFiles());
}

std::string Metrics::Text(const Gauges& gauges) {
  Apply(gauges);
  return prometheus::TextSerializer().Serialize(registry_.Collect());
}

}  // namespace trainyard::server
