// Preloaded into a server by a test: writes to files whose path ends in $TRAINYARD_SLOW_WRITES
// take a millisecond more, so that there is time to be killed between what a commit begins
// and what it has done.
#include <dlfcn.h>
#include <sys/types.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <thread>

namespace {

bool IsSlow(int descriptor) {
  const char* const end = ::getenv("TRAINYARD_SLOW_WRITES");
  if (end == nullptr) return false;
  char link[64];
  char path[4096] = {};
  std::snprintf(link, sizeof(link), "/proc/self/fd/%d", descriptor);
  return ::readlink(link, path, sizeof(path) - 1) > 0 && std::string_view(path).ends_with(end);
}

}  // namespace

// What SQLite writes with.
extern "C" ssize_t pwrite64(int descriptor, const void* bytes, size_t count, off64_t offset) {
  if (IsSlow(descriptor)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  using Function = ssize_t (*)(int, const void*, size_t, off64_t);
  static_assert(sizeof(Function) == sizeof(void*));
  void* const next = ::dlsym(RTLD_NEXT, "pwrite64");
  Function function;
  std::memcpy(&function, &next, sizeof(function));
  return function(descriptor, bytes, count, offset);
}
