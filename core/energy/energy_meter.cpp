#include "core/energy/energy_meter.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <string>
#include <utility>

namespace trainyard {
namespace {

constexpr double kShareStretch = 0.1;

// Seconds that all CPUs together have been busy since the machine started.
std::optional<double> BusySeconds(const std::filesystem::path& proc_root) {
  std::ifstream file(proc_root / "stat");
  std::string word;
  double user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0;
  if (!(file >> word >> user >> nice >> system >> idle >> iowait >> irq >> softirq) ||
      word != "cpu") {
    return std::nullopt;
  }
  return (user + nice + system + irq + softirq) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double ClockSeconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace

EnergyMeter::EnergyMeter(EnergySettings settings)
    : settings_(std::move(settings)), packages_(settings_.sys_root) {
  last_process_ = share_process_ = ProcessSeconds();
  share_busy_ = BusySeconds(settings_.proc_root).value_or(0);
}

double EnergyMeter::ProcessSeconds() const {
  return settings_.process_cpu_seconds ? settings_.process_cpu_seconds() : ClockSeconds();
}

double EnergyMeter::Share(double process) {
  const double own = process - share_process_;
  const bool enough = own >= kShareStretch;
  if (share_ > 0 && !enough) return share_;
  const auto busy = BusySeconds(settings_.proc_root);
  if (!busy || own <= 0) return 1;
  const double share = own / std::max(own, *busy - share_busy_);
  if (!enough) return share;
  share_process_ = process;
  share_busy_ = *busy;
  return share_ = share;
}

Energy EnergyMeter::Read() {
  const double process = ProcessSeconds();
  const double own = process - std::exchange(last_process_, process);
  if (const auto joules = packages_.ReadJoules()) {
    return {*joules * Share(process), EnergySource::kMeasured};
  }
  return {own * settings_.watts_per_core, EnergySource::kEstimated};
}

}  // namespace trainyard
