// What the server counts of itself, for Prometheus.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "server/events/event_hub.h"

namespace trainyard::server {

// Names and meanings of all metrics are here. Those whom it counts do not know it:
// the composition root hands them its methods. Any thread.
class Metrics {
 public:
  Metrics();

  // A commit took so long, in seconds.
  void Committed(double seconds);
  // These events of a job have become durable.
  void Published(const std::string& job_uid, const std::vector<EventRow>& events);
  // A live event has been written to a watcher, so many seconds after it became
  // durable.
  void Delivered(double seconds);
  // A call of a method, such as TrainingService.GetTrainingJob, has begun.
  void RpcBegan(const std::string& method);
  // It ended with a code, such as NOT_FOUND, after so many seconds.
  void RpcEnded(const std::string& method, const std::string& code, double seconds);
  // An HTTP request has been answered with a status.
  void HttpAnswered(int status);

  // What is only looked at when somebody asks.
  struct Gauges {
    // By name of state.
    std::map<std::string, double> jobs_by_state;
    double queue_length = 0;
    double sse_streams = 0;
    double http_connections = 0;
  };
  // All of it in Prometheus's text format.
  std::string Text(const Gauges& gauges);

 private:
  void Apply(const Gauges& gauges);
  void Note(const std::string& job_uid, const v1::TrainingEvent& event);
  prometheus::Counter& CounterOf(const char* name, const char* help);
  prometheus::Gauge& GaugeOf(const char* name, const char* help);
  prometheus::Histogram& HistogramOf(const char* name, const char* help,
                                     const prometheus::Histogram::BucketBoundaries& bounds);

  prometheus::Registry registry_;
  prometheus::Family<prometheus::Gauge>& jobs_;
  prometheus::Family<prometheus::Gauge>& watchers_;
  prometheus::Family<prometheus::Gauge>& rpc_in_flight_;
  prometheus::Family<prometheus::Counter>& rpcs_;
  prometheus::Family<prometheus::Histogram>& rpc_seconds_;
  prometheus::Family<prometheus::Counter>& http_requests_;
  prometheus::Gauge& queue_length_;
  prometheus::Gauge& http_connections_;
  prometheus::Histogram& queue_wait_;
  prometheus::Histogram& commit_;
  prometheus::Histogram& lag_;
  prometheus::Counter& epochs_;
  prometheus::Counter& samples_;
  prometheus::Counter& energy_;
  prometheus::Gauge& resident_;
  prometheus::Counter& cpu_;
  prometheus::Gauge& files_;

  std::mutex mutex_;
  // When jobs that wait were queued, in seconds since 1970. Guarded by mutex_.
  std::unordered_map<std::string, double> queued_;
};

}  // namespace trainyard::server
