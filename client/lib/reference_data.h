// The published datasets that the command line can import: MNIST and
// Fashion-MNIST, four IDX files each.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/lib/checksum.h"

namespace trainyard::client {

// One published file. `name` is without .gz.
struct ReferenceFile {
  std::string name;
  // MD5 as published, and of what.
  std::string md5;
  Content md5_of = Content::kUncompressed;
};

// Images and labels that become one dataset.
struct ReferenceSplit {
  // Id of the dataset made from it, such as mnist-train.
  std::string dataset;
  ReferenceFile images;
  ReferenceFile labels;
};

struct ReferenceData {
  std::string name;
  // Base URLs, tried in order.
  std::vector<std::string> mirrors;
  std::vector<ReferenceSplit> splits;
};

// mnist or fashion-mnist. Errors: NOT_FOUND.
absl::StatusOr<ReferenceData> FindReferenceData(const std::string& name);

// Where files are looked for and kept.
struct ReferencePlaces {
  // Named by the user: only this folder is looked at. Empty: see below.
  std::filesystem::path from;
  // Folders that are looked at, then the cache, which downloads go to.
  std::vector<std::filesystem::path> folders;
  std::filesystem::path cache;
  // Tells the user what is done; one line, without a newline.
  std::function<void(const std::string&)> notice;
};

// The environment's folders: TRAINYARD_MNIST_DIR for mnist, and
// ~/.cache/trainyard/NAME (or below XDG_CACHE_HOME) as the cache.
ReferencePlaces DefaultPlaces(const std::string& name);

// The path of the file, plain or .gz: found, or downloaded and verified. A file
// of the user's own whose content is not the published one is used with a
// notice; one in the cache is downloaded again. Errors: NOT_FOUND where `from`
// lacks it; UNAVAILABLE or DATA_LOSS where no mirror gave the right content.
absl::StatusOr<std::filesystem::path> LocateReferenceFile(const ReferenceFile& file,
                                                          const std::vector<std::string>& mirrors,
                                                          const ReferencePlaces& places);

}  // namespace trainyard::client
