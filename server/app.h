// The composition root: builds every part of the server in order, and takes
// them down in reverse.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/energy/energy_meter.h"

namespace trainyard::server {

struct AppOptions {
  std::filesystem::path data_dir;
  // HOST:PORT; port 0 picks a free one.
  std::string listen = "127.0.0.1:7700";
  // The same for HTTP; off where it is empty.
  std::string http;
  // Origins whose pages may call over HTTP, beside our own.
  std::vector<std::string> http_allow_origins;
  // Where people reach the HTTP interface, where it is not this host and port.
  std::string http_url;
  // Jobs that run at once.
  int slots = 1;
  // Seconds after which a job gives way to others' that wait.
  double quantum = 30;
  // Newest events that are kept of each job; all where it is 0.
  std::int64_t keep_events = 0;
  // Days for which the audit log is kept; for ever where it is 0.
  std::int64_t keep_audit_days = 400;
  // What workers estimate energy with where they cannot measure it.
  double watts_per_core = kDefaultWattsPerCore;
  // Of a class's server: take tokens in plaintext, behind something that encrypts.
  bool insecure = false;
  // The trainyard-worker binary.
  std::filesystem::path worker;
};

// A running server. Made and destroyed by main.
class App {
 public:
  // Returns when calls are accepted. Errors: FAILED_PRECONDITION, UNAVAILABLE
  // where the address is taken, DATA_LOSS.
  static absl::StatusOr<std::unique_ptr<App>> Start(const AppOptions& options);
  virtual ~App() = default;

  // HOST:PORT that it listens on.
  virtual std::string address() const = 0;
  // The same for HTTP; empty where that is off.
  virtual std::string http_address() const = 0;
  // Ends streams with UNAVAILABLE, puts running jobs back into the queue, ends
  // workers, and stops accepting calls. Bounded in time.
  virtual void Drain() = 0;
};

}  // namespace trainyard::server
