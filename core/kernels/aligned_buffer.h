// Zeroed memory for vectors.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "core/kernels/kernels.h"

namespace trainyard {

// `size` elements on a 64-byte boundary, zero to begin with. Large ones ask for
// 2 MiB pages: walking a matrix otherwise spends its time on page tables.
template <typename T>
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(std::size_t size) : size_(size) {
    constexpr std::size_t kHugePage = std::size_t{2} << 20;
    const std::size_t bytes = size * sizeof(T);
    const std::size_t alignment = bytes >= kHugePage / 2 ? kHugePage : kRowAlignment;
    const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
    void* const memory = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
    if (memory == nullptr) throw std::bad_alloc();
    data_.reset(static_cast<T*>(memory));
    // Only advice: where it is refused, small pages do.
    if (alignment == kHugePage) madvise(memory, rounded, MADV_HUGEPAGE);
    std::memset(memory, 0, rounded);
  }

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  std::size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(T* memory) const { std::free(memory); }
  };
  std::unique_ptr<T, Free> data_;
  std::size_t size_ = 0;
};

}  // namespace trainyard
