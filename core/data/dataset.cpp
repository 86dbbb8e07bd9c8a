#include "core/data/dataset.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <limits>
#include <utility>

#include "core/base/error.h"
#include "core/data/npy.h"

namespace trainyard {
namespace {

static_assert(std::endian::native == std::endian::little,
              "stored datasets are little-endian and mapped as they are");

absl::Status Damaged(const std::filesystem::path& path, std::string_view what) {
  std::string message = "the stored dataset is damaged: " + path.native() + ": ";
  message += what;
  return MakeError(
      absl::StatusCode::kDataLoss,
      {.reason = "DATASET_DAMAGED", .field = "", .metadata = {{"path", path.native()}}}, message);
}

// One mapped .npy file.
class MappedArray {
 public:
  MappedArray() = default;
  ~MappedArray() {
    if (address_ != nullptr) ::munmap(address_, bytes_);
  }
  MappedArray(const MappedArray&) = delete;
  MappedArray& operator=(const MappedArray&) = delete;

  absl::Status Open(const std::filesystem::path& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return SystemError(errno, "open", path.native());
    absl::Status status = Map(descriptor, path);
    ::close(descriptor);
    if (!status.ok()) return status;
    auto header = ParseNpyHeader({static_cast<const std::uint8_t*>(address_), bytes_});
    if (!header.ok()) return Damaged(path, std::string(header.status().message()));
    header_ = *std::move(header);
    return CheckSize(path);
  }

  const NpyHeader& header() const { return header_; }
  std::int64_t dimension(std::size_t i) const { return header_.shape[i]; }

  template <typename T>
  const T* data() const {
    return reinterpret_cast<const T*>(static_cast<const std::uint8_t*>(address_) +
                                      header_.data_offset);
  }

 private:
  absl::Status Map(int descriptor, const std::filesystem::path& path) {
    struct stat status {};
    if (::fstat(descriptor, &status) != 0) return SystemError(errno, "stat", path.native());
    if (!S_ISREG(status.st_mode) || status.st_size < kNpyHeaderBytes) {
      return Damaged(path, "it is too short");
    }
    bytes_ = static_cast<std::size_t>(status.st_size);
    void* const address = ::mmap(nullptr, bytes_, PROT_READ, MAP_SHARED, descriptor, 0);
    if (address == MAP_FAILED) return SystemError(errno, "map", path.native());
    address_ = address;
    return absl::OkStatus();
  }

  // Exactly as long as the shape says, in C order and aligned.
  absl::Status CheckSize(const std::filesystem::path& path) const {
    if (header_.fortran_order || header_.data_offset != kNpyHeaderBytes) {
      return Damaged(path, "its header is not one of ours");
    }
    const std::size_t dimensions = header_.shape.size();
    if (dimensions < 1 || dimensions > 2) return Damaged(path, "its shape is wrong");
    std::int64_t size = header_.item_bytes;
    for (const std::int64_t dimension : header_.shape) {
      if (dimension < 1 || __builtin_mul_overflow(size, dimension, &size)) {
        return Damaged(path, "its shape is wrong");
      }
    }
    if (static_cast<std::uint64_t>(size) + kNpyHeaderBytes != bytes_) {
      return Damaged(path, "its length is not what its header says");
    }
    return absl::OkStatus();
  }

  void* address_ = nullptr;
  std::size_t bytes_ = 0;
  NpyHeader header_;
};

}  // namespace

struct Dataset::Mapping {
  absl::Status Check(const std::filesystem::path& folder);

  MappedArray feature_array;
  MappedArray target_array;
  Task task = Task::kClassification;
  FeatureType feature_type = FeatureType::kUint8;
  std::int64_t rows = 0;
  int features = 0;
  int target_count = 0;
};

absl::Status Dataset::Mapping::Check(const std::filesystem::path& folder) {
  const std::string feature_descr = feature_array.header().descr();
  const bool is_bytes = feature_descr == "|u1";
  if (feature_array.header().shape.size() != 2 || (!is_bytes && feature_descr != "<f4") ||
      feature_array.dimension(1) > std::numeric_limits<int>::max()) {
    return Damaged(folder / "features.npy", "its type or shape is wrong");
  }
  feature_type = is_bytes ? FeatureType::kUint8 : FeatureType::kFloat32;
  rows = feature_array.dimension(0);
  features = static_cast<int>(feature_array.dimension(1));

  const std::string target_descr = target_array.header().descr();
  const std::size_t target_dimensions = target_array.header().shape.size();
  const bool is_labels = target_descr == "<i4" && target_dimensions == 1;
  if (!is_labels && !(target_descr == "<f4" && target_dimensions == 2 &&
                      target_array.dimension(1) <= std::numeric_limits<int>::max())) {
    return Damaged(folder / "targets.npy", "its type or shape is wrong");
  }
  if (target_array.dimension(0) != rows) {
    return Damaged(folder / "targets.npy", "it has not as many rows as features.npy");
  }
  task = is_labels ? Task::kClassification : Task::kRegression;
  target_count = is_labels ? 0 : static_cast<int>(target_array.dimension(1));
  return absl::OkStatus();
}

Dataset::Dataset(std::shared_ptr<const Mapping> mapping) : mapping_(std::move(mapping)) {}

absl::StatusOr<Dataset> Dataset::Open(const std::filesystem::path& folder) {
  auto mapping = std::make_shared<Mapping>();
  if (absl::Status status = mapping->feature_array.Open(folder / "features.npy"); !status.ok()) {
    return status;
  }
  if (absl::Status status = mapping->target_array.Open(folder / "targets.npy"); !status.ok()) {
    return status;
  }
  if (absl::Status status = mapping->Check(folder); !status.ok()) return status;
  return Dataset(std::move(mapping));
}

Task Dataset::task() const { return mapping_->task; }
std::int64_t Dataset::rows() const { return mapping_->rows; }
int Dataset::features() const { return mapping_->features; }
FeatureType Dataset::feature_type() const { return mapping_->feature_type; }
int Dataset::target_count() const { return mapping_->target_count; }

std::span<const std::uint8_t> Dataset::BytesOf(std::int64_t row) const {
  const auto width = static_cast<std::size_t>(features());
  return {mapping_->feature_array.data<std::uint8_t>() + static_cast<std::size_t>(row) * width,
          width};
}

std::span<const float> Dataset::FloatsOf(std::int64_t row) const {
  const auto width = static_cast<std::size_t>(features());
  return {mapping_->feature_array.data<float>() + static_cast<std::size_t>(row) * width, width};
}

void Dataset::CopyRow(std::int64_t row, std::span<float> out) const {
  if (feature_type() == FeatureType::kUint8) {
    std::ranges::copy(BytesOf(row), out.begin());
  } else {
    std::ranges::copy(FloatsOf(row), out.begin());
  }
}

std::span<const std::int32_t> Dataset::labels() const {
  if (task() != Task::kClassification) return {};
  return {mapping_->target_array.data<std::int32_t>(), static_cast<std::size_t>(rows())};
}

std::span<const float> Dataset::targets() const {
  if (task() != Task::kRegression) return {};
  return {mapping_->target_array.data<float>(),
          static_cast<std::size_t>(rows()) * static_cast<std::size_t>(target_count())};
}

}  // namespace trainyard
