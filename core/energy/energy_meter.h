// What a process's computing costs in energy.
#pragma once

#include <filesystem>
#include <functional>

#include "core/energy/package_counters.h"

namespace trainyard {

enum class EnergySource {
  // From the processor's own counters.
  kMeasured,
  // From CPU time and an assumed power.
  kEstimated,
};

struct Energy {
  double joules = 0;
  EnergySource source = EnergySource::kEstimated;
};

// Watts of one busy core for estimates: a server's processor of 150 to 300 W
// under load has 16 to 32 cores, and a laptop's takes about as much a core.
inline constexpr double kDefaultWattsPerCore = 10;

struct EnergySettings {
  double watts_per_core = kDefaultWattsPerCore;
  // Where sysfs and procfs are.
  std::filesystem::path sys_root = "/sys";
  std::filesystem::path proc_root = "/proc";
  // CPU seconds of this process so far, all threads; the clock where empty.
  std::function<double()> process_cpu_seconds = {};
};

// Measured where RAPL's package counters can be read (usually by root alone):
//   joules = sum of the packages' joules * share,
//   share = this process's CPU seconds / the machine's busy CPU seconds
// (user, nice, system, irq and softirq of PROC/stat), at most 1. A package's
// energy is the whole processor's, memory controller and idle cores included,
// so what nobody else uses is charged to who computes. The share is that of the
// last stretch of at least 0.1 CPU seconds, for PROC/stat counts in hundredths
// of a second.
//
// Estimated elsewhere: joules = CPU seconds of this process * watts_per_core.
//
// One thread at a time.
class EnergyMeter {
 public:
  // Starts.
  explicit EnergyMeter(EnergySettings settings);

  // What was used since the start, or since the last call.
  Energy Read();

 private:
  // The process's share of the busy CPU time; `process` is its CPU seconds.
  double Share(double process);
  double ProcessSeconds() const;

  EnergySettings settings_;
  PackageCounters packages_;
  double last_process_ = 0;
  // Where the stretch of the share began.
  double share_process_ = 0;
  double share_busy_ = 0;
  double share_ = 0;
};

}  // namespace trainyard
