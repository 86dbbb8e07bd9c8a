#include "core/energy/package_counters.h"

#include <fstream>
#include <string>
#include <system_error>

namespace trainyard {
namespace {

std::optional<std::uint64_t> ReadNumber(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::uint64_t number = 0;
  if (!(file >> number)) return std::nullopt;
  return number;
}

bool IsPackage(const std::filesystem::path& domain) {
  if (!domain.filename().string().starts_with("intel-rapl:")) return false;
  std::ifstream file(domain / "name");
  std::string name;
  return file >> name && name.starts_with("package-");
}

}  // namespace

PackageCounters::PackageCounters(const std::filesystem::path& sys_root) {
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator(sys_root / "class" / "powercap", error)) {
    if (!IsPackage(entry.path())) continue;
    Package package{entry.path() / "energy_uj", 0, std::nullopt};
    package.largest = ReadNumber(entry.path() / "max_energy_range_uj").value_or(0);
    package.last = ReadNumber(package.counter);
    packages_.push_back(std::move(package));
  }
}

std::optional<double> PackageCounters::ReadJoules() {
  double microjoules = 0;
  bool complete = !packages_.empty();
  for (Package& package : packages_) {
    const auto now = ReadNumber(package.counter);
    const auto before = package.last;
    package.last = now;
    if (!now || !before || (*now < *before && package.largest < *before)) {
      complete = false;
      continue;
    }
    const std::uint64_t wrapped = *now < *before ? package.largest : 0;
    microjoules += static_cast<double>(wrapped + *now - *before);
  }
  if (!complete) return std::nullopt;
  return microjoules * 1e-6;
}

}  // namespace trainyard
