#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "core/energy/energy_meter.h"
#include "tests/support/temp_folder.h"

namespace trainyard {
namespace {

namespace fs = std::filesystem;

// A machine made up: its sysfs, its procfs and this process's CPU time.
class EnergyTest : public testing::Test {
 protected:
  EnergyTest() { SetBusy(0); }

  void Write(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text << "\n";
  }
  fs::path Domain(const std::string& domain) {
    return folder_.path() / "sys/class/powercap" / domain;
  }
  void SetCounter(const std::string& domain, std::uint64_t microjoules) {
    Write(Domain(domain) / "energy_uj", std::to_string(microjoules));
  }
  void AddDomain(const std::string& domain, const std::string& name, std::uint64_t microjoules,
                 std::uint64_t largest = 1'000'000'000) {
    Write(Domain(domain) / "name", name);
    Write(Domain(domain) / "max_energy_range_uj", std::to_string(largest));
    SetCounter(domain, microjoules);
  }
  // Busy seconds of all CPUs, beside idle ones that do not count.
  void SetBusy(double seconds) {
    const auto ticks = static_cast<long>(seconds * static_cast<double>(::sysconf(_SC_CLK_TCK)));
    Write(folder_.path() / "proc/stat", "cpu  " + std::to_string(ticks / 2) + " " +
                                            std::to_string(ticks - ticks / 2) +
                                            " 0 123456 999 0 0 77 0 0\ncpu0 1 2 3 4 5 6 7 8 9 0");
  }
  EnergyMeter Start(double watts_per_core = 10) {
    return EnergyMeter({.watts_per_core = watts_per_core,
                        .sys_root = folder_.path() / "sys",
                        .proc_root = folder_.path() / "proc",
                        .process_cpu_seconds = [this] { return process_; }});
  }
  static void ExpectMeasured(const Energy& energy, double joules) {
    EXPECT_EQ(energy.source, EnergySource::kMeasured);
    EXPECT_NEAR(energy.joules, joules, 1e-9 + 1e-9 * joules);
  }
  static void ExpectEstimated(const Energy& energy, double joules) {
    EXPECT_EQ(energy.source, EnergySource::kEstimated);
    EXPECT_NEAR(energy.joules, joules, 1e-9 + 1e-9 * joules);
  }

  const TempFolder folder_;
  double process_ = 100;
};

TEST_F(EnergyTest, APackagesJoulesAreSharedByCpuTime) {
  AddDomain("intel-rapl:0", "package-0", 5'000'000);
  EnergyMeter meter = Start();
  SetCounter("intel-rapl:0", 25'000'000);
  process_ += 1;
  SetBusy(4);
  ExpectMeasured(meter.Read(), 5);  // 20 J, a quarter of the busy time
  SetCounter("intel-rapl:0", 35'000'000);
  process_ += 2;
  SetBusy(6);
  ExpectMeasured(meter.Read(), 10);  // alone
}

TEST_F(EnergyTest, ShortStretchesKeepTheShareOfTheLastLongOne) {
  AddDomain("intel-rapl:0", "package-0", 0);
  EnergyMeter meter = Start();
  SetCounter("intel-rapl:0", 10'000'000);
  process_ += 1;
  SetBusy(2);
  ExpectMeasured(meter.Read(), 5);
  // Three milliseconds: the counters of busy time have not moved.
  SetCounter("intel-rapl:0", 11'000'000);
  process_ += 0.003;
  ExpectMeasured(meter.Read(), 0.5);
}

TEST_F(EnergyTest, AShareIsNeverMoreThanAll) {
  AddDomain("intel-rapl:0", "package-0", 0);
  EnergyMeter meter = Start();
  SetCounter("intel-rapl:0", 3'000'000);
  process_ += 0.009;  // not a tick yet
  ExpectMeasured(meter.Read(), 3);
}

TEST_F(EnergyTest, ACounterBeginsAgainAfterItsLargestValue) {
  AddDomain("intel-rapl:0", "package-0", 990'000'000, 1'000'000'000);
  EnergyMeter meter = Start();
  SetCounter("intel-rapl:0", 5'000'000);
  process_ += 1;
  SetBusy(1);
  ExpectMeasured(meter.Read(), 15);
}

TEST_F(EnergyTest, PackagesAreAddedUpAndTheirPartsLeftOut) {
  AddDomain("intel-rapl:0", "package-0", 0);
  AddDomain("intel-rapl:1", "package-1", 0);
  AddDomain("intel-rapl:0:0", "core", 0);
  AddDomain("intel-rapl:2", "psys", 0);
  AddDomain("intel-rapl-mmio:0", "package-0", 0);
  EnergyMeter meter = Start();
  SetCounter("intel-rapl:0", 1'000'000);
  SetCounter("intel-rapl:1", 2'000'000);
  SetCounter("intel-rapl:0:0", 100'000'000);
  SetCounter("intel-rapl:2", 100'000'000);
  SetCounter("intel-rapl-mmio:0", 100'000'000);
  process_ += 1;
  SetBusy(1);
  ExpectMeasured(meter.Read(), 3);
}

TEST_F(EnergyTest, IsEstimatedFromCpuTimeWhereThereIsNoCounter) {
  EnergyMeter meter = Start(7.5);
  process_ += 4;
  ExpectEstimated(meter.Read(), 30);
  process_ += 0.002;
  ExpectEstimated(meter.Read(), 0.015);
}

TEST_F(EnergyTest, IsEstimatedWhereACounterCannotBeRead) {
  AddDomain("intel-rapl:0", "package-0", 0);
  AddDomain("intel-rapl:1", "package-1", 0);
  // Root's own, or not there: to a reader the same, and root runs tests too.
  fs::remove(Domain("intel-rapl:1") / "energy_uj");
  EnergyMeter meter = Start();
  SetCounter("intel-rapl:0", 50'000'000);
  process_ += 2;
  SetBusy(2);
  ExpectEstimated(meter.Read(), 20);
  // It can be read from now on, but where it stood is not known.
  SetCounter("intel-rapl:1", 50'000'000);
  process_ += 1;
  SetBusy(3);
  ExpectEstimated(meter.Read(), 10);
  SetCounter("intel-rapl:1", 53'000'000);
  process_ += 1;
  SetBusy(4);
  ExpectMeasured(meter.Read(), 3);
}

TEST_F(EnergyTest, ACounterThatFellWithoutARangeIsNotGuessedAt) {
  AddDomain("intel-rapl:0", "package-0", 500, 0);
  EnergyMeter meter = Start();
  SetCounter("intel-rapl:0", 400);
  process_ += 1;
  ExpectEstimated(meter.Read(), 10);
}

TEST(EnergyMeterTest, CountsThisProcessOnARealMachine) {
  EnergyMeter meter({});
  volatile double sum = 0;
  for (int i = 0; i < 1'000'000; ++i) sum = sum + i;
  EXPECT_GT(meter.Read().joules, 0);
}

}  // namespace
}  // namespace trainyard
