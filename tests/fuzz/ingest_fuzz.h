// What the fuzz targets of the parsers share.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/data/dataset.h"
#include "core/data/ingest.h"

namespace trainyard {

// Writes bytes to a file of a folder of this process.
inline std::filesystem::path FuzzFolder() {
  static const std::filesystem::path folder = [] {
    const auto path =
        std::filesystem::temp_directory_path() / ("trainyard-fuzz-" + std::to_string(::getpid()));
    std::filesystem::create_directories(path / "staging");
    return path;
  }();
  return folder;
}

inline std::filesystem::path Write(const char* name, const std::uint8_t* data, std::size_t size) {
  const auto path = FuzzFolder() / name;
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  return path;
}

// Ingests; whatever is accepted must open and be as it was described. Anything
// else is a defect.
inline void IngestAndCheck(const IngestSpec& spec, const IngestFiles& files) {
  const auto staging = FuzzFolder() / "staging";
  std::filesystem::remove_all(staging);
  std::filesystem::create_directories(staging);
  IngestLimits limits;
  limits.max_stored_bytes = std::int64_t{16} << 20;
  const auto info = Ingest(spec, files, staging, limits);
  if (!info.ok()) return;
  const auto dataset = Dataset::Open(staging);
  if (!dataset.ok() || dataset->rows() != info->rows || dataset->features() != info->features) {
    std::abort();
  }
  if (spec.task != Task::kClassification) return;
  for (const int label : dataset->labels()) {
    if (label < 0 || label >= info->class_count) std::abort();
  }
}

}  // namespace trainyard
