#include "client/lib/reference_data.h"

#include <unistd.h>

#include <cstdlib>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/lib/download.h"

namespace trainyard::client {
namespace {

namespace fs = std::filesystem;

ReferenceData Mnist() {
  constexpr Content kInside = Content::kUncompressed;
  return {"mnist",
          {"https://ossci-datasets.s3.amazonaws.com/mnist/",
           "https://storage.googleapis.com/cvdf-datasets/mnist/"},
          {{"mnist-train",
            {"train-images-idx3-ubyte", "6bbc9ace898e44ae57da46a324031adb", kInside},
            {"train-labels-idx1-ubyte", "a25bea736e30d166cdddb491f175f624", kInside}},
           {"mnist-test",
            {"t10k-images-idx3-ubyte", "2646ac647ad5339dbf082846283269ea", kInside},
            {"t10k-labels-idx1-ubyte", "27ae3e4e09519cfbb04c329615203637", kInside}}}};
}

// Published as checksums of the compressed files.
ReferenceData FashionMnist() {
  constexpr Content kStored = Content::kStored;
  return {"fashion-mnist",
          {"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"},
          {{"fashion-mnist-train",
            {"train-images-idx3-ubyte", "8d4fb7e6c68d591d4c3dfef9ec88bf0d", kStored},
            {"train-labels-idx1-ubyte", "25c81989df183df01b3e8a0aad5dffbe", kStored}},
           {"fashion-mnist-test",
            {"t10k-images-idx3-ubyte", "bef4ecab320f06d8554ea6380940ec79", kStored},
            {"t10k-labels-idx1-ubyte", "bb300cfdad3c16e7a12a480ee83cd310", kStored}}}};
}

std::optional<fs::path> FindIn(const fs::path& folder, const ReferenceFile& file) {
  for (const char* suffix : {".gz", ""}) {
    const fs::path path = folder / (file.name + suffix);
    std::error_code error;
    if (fs::is_regular_file(path, error)) return path;
  }
  return std::nullopt;
}

absl::Status Verify(const fs::path& path, const ReferenceFile& file) {
  // The checksum of a compressed file says nothing about a plain one.
  if (file.md5_of == Content::kStored && path.extension() != ".gz") return absl::OkStatus();
  const absl::StatusOr<std::string> md5 = Md5OfFile(path, file.md5_of);
  if (!md5.ok()) return md5.status();
  if (*md5 == file.md5) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("its checksum is ", *md5, ", the published one is ", file.md5));
}

void Tell(const ReferencePlaces& places, const std::string& text) {
  if (places.notice) places.notice(text);
}

// To a name of this process alone, so that two imports do not meet in one file.
absl::Status Fetch(const std::string& mirror, const ReferenceFile& file, const fs::path& target) {
  const std::string url =
      absl::StrCat(mirror, absl::EndsWith(mirror, "/") ? "" : "/", file.name, ".gz");
  const fs::path partial = absl::StrCat(target.string(), ".", getpid(), ".part");
  absl::Status status = Download(url, partial);
  if (!status.ok()) return status;
  std::error_code error;
  status = Verify(partial, file);
  if (status.ok()) fs::rename(partial, target, error);
  if (error) status = absl::UnavailableError(error.message());
  if (status.ok()) return status;
  fs::remove(partial, error);
  return absl::Status(status.code(), absl::StrCat(url, ": ", status.message()));
}

absl::StatusOr<fs::path> FetchFromAny(const ReferenceFile& file,
                                      const std::vector<std::string>& mirrors,
                                      const ReferencePlaces& places) {
  std::error_code error;
  fs::create_directories(places.cache, error);
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("cannot make ", places.cache.string(), ": ", error.message()));
  }
  const fs::path target = places.cache / (file.name + ".gz");
  absl::Status status = absl::UnavailableError("no mirror to download from");
  for (const std::string& mirror : mirrors) {
    Tell(places, absl::StrCat("downloading ", file.name, ".gz from ", mirror));
    status = Fetch(mirror, file, target);
    if (status.ok()) return target;
    Tell(places, std::string(status.message()));
  }
  return status;
}

}  // namespace

absl::StatusOr<ReferenceData> FindReferenceData(const std::string& name) {
  if (name == "mnist") return Mnist();
  if (name == "fashion-mnist") return FashionMnist();
  return absl::NotFoundError(absl::StrCat("no published dataset is called ", name));
}

ReferencePlaces DefaultPlaces(const std::string& name) {
  ReferencePlaces places;
  const char* mnist = std::getenv("TRAINYARD_MNIST_DIR");
  if (name == "mnist" && mnist != nullptr && *mnist != '\0') places.folders.emplace_back(mnist);
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const fs::path base = cache != nullptr && *cache != '\0' ? fs::path(cache)
                        : home != nullptr                  ? fs::path(home) / ".cache"
                                                           : fs::temp_directory_path();
  places.cache = base / "trainyard" / name;
  return places;
}

absl::StatusOr<fs::path> LocateReferenceFile(const ReferenceFile& file,
                                             const std::vector<std::string>& mirrors,
                                             const ReferencePlaces& places) {
  const std::vector<fs::path> own =
      places.from.empty() ? places.folders : std::vector<fs::path>{places.from};
  for (const fs::path& folder : own) {
    const std::optional<fs::path> path = FindIn(folder, file);
    if (!path) continue;
    if (absl::Status status = Verify(*path, file); !status.ok()) {
      Tell(places, absl::StrCat("note: ", path->string(),
                                " is not the published file: ", status.message()));
    }
    return *path;
  }
  if (!places.from.empty()) {
    return absl::NotFoundError(
        absl::StrCat(places.from.string(), " holds neither ", file.name, ".gz nor ", file.name));
  }
  if (const std::optional<fs::path> path = FindIn(places.cache, file)) {
    if (Verify(*path, file).ok()) return *path;
    Tell(places, absl::StrCat(path->string(), " is damaged"));
  }
  return FetchFromAny(file, mirrors, places);
}

}  // namespace trainyard::client
