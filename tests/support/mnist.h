// The real MNIST, where this machine has it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace trainyard::testing {

// The first of $TRAINYARD_MNIST_DIR, ../shared/data/mnist beside the project
// and ~/.cache/trainyard/mnist that has `file`; empty where none has.
inline std::filesystem::path FindMnist(const std::string& file) {
  std::vector<std::filesystem::path> folders;
  if (const char* const named = std::getenv("TRAINYARD_MNIST_DIR")) folders.emplace_back(named);
  folders.emplace_back(std::filesystem::path(TRAINYARD_SOURCE_DIR) / "../shared/data/mnist");
  if (const char* const home = std::getenv("HOME")) {
    folders.push_back(std::filesystem::path(home) / ".cache/trainyard/mnist");
  }
  for (const std::filesystem::path& folder : folders) {
    if (std::filesystem::exists(folder / file)) return folder / file;
  }
  return {};
}

}  // namespace trainyard::testing
