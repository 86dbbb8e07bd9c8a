// The energy counters of the machine's processor packages, as Linux shows them:
// SYS/class/powercap/intel-rapl:N (AMD's processors have the same).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace trainyard {

// One thread at a time.
class PackageCounters {
 public:
  // Finds the packages below `sys_root` and reads where they stand. Domains
  // within a package, and those of the whole platform, are left out: they would
  // be counted twice.
  explicit PackageCounters(const std::filesystem::path& sys_root);

  // Joules of all packages since the start, or since the last call. Empty where
  // there is none, or one of them cannot be read now or could not then. A
  // counter that is less than before has begun again at zero, once: at 200 W it
  // does so every twenty minutes or more.
  std::optional<double> ReadJoules();

 private:
  struct Package {
    std::filesystem::path counter;
    // Microjoules: the counter's largest value, and its last.
    std::uint64_t largest = 0;
    std::optional<std::uint64_t> last;
  };
  std::vector<Package> packages_;
};

}  // namespace trainyard
