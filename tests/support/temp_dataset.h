// Small datasets for tests, written as the store has them.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/data/dataset.h"
#include "core/data/npy.h"

namespace trainyard::testing {

// A folder that is removed with the object.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "trainyard-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

template <typename T>
void WriteNpy(const std::filesystem::path& path, std::string_view descr,
              const std::vector<std::int64_t>& shape, const std::vector<T>& values) {
  std::ofstream file(path, std::ios::binary);
  file << MakeNpyHeader(descr, shape);
  file.write(reinterpret_cast<const char*>(values.data()),
             static_cast<std::streamsize>(values.size() * sizeof(T)));
  if (!file) throw std::runtime_error("cannot write " + path.string());
}

// Features are rows x columns, row-major.
struct TempRows {
  int columns = 0;
  std::vector<float> floats;
  std::vector<std::uint8_t> bytes;
};

inline Dataset Reopen(const TempFolder& folder) {
  absl::StatusOr<Dataset> dataset = Dataset::Open(folder.path());
  if (!dataset.ok()) throw std::runtime_error(dataset.status().ToString());
  return *std::move(dataset);
}

// A dataset over floats or bytes, whichever is given. Mapped: it outlives its
// files.
inline Dataset MakeDataset(const TempRows& rows, const std::vector<std::int32_t>& labels) {
  const TempFolder folder;
  const auto count = static_cast<std::int64_t>(labels.size());
  if (rows.bytes.empty()) {
    WriteNpy(folder.path() / "features.npy", "<f4", {count, rows.columns}, rows.floats);
  } else {
    WriteNpy(folder.path() / "features.npy", "|u1", {count, rows.columns}, rows.bytes);
  }
  WriteNpy(folder.path() / "targets.npy", "<i4", {count}, labels);
  return Reopen(folder);
}

inline Dataset MakeRegressionDataset(const TempRows& rows, int target_columns,
                                     const std::vector<float>& targets) {
  const TempFolder folder;
  const auto count = static_cast<std::int64_t>(targets.size()) / target_columns;
  WriteNpy(folder.path() / "features.npy", "<f4", {count, rows.columns}, rows.floats);
  WriteNpy(folder.path() / "targets.npy", "<f4", {count, target_columns}, targets);
  return Reopen(folder);
}

}  // namespace trainyard::testing
