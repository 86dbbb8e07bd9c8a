// Preloaded into a server by a test: fsync and fdatasync fail, as on a broken disk,
// for files whose path has the text in it that the file $TRAINYARD_FAIL_SYNC holds, or
// is what it holds after a '='.
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

bool IsToFail(int descriptor) {
  const char* const file = ::getenv("TRAINYARD_FAIL_SYNC");
  if (file == nullptr) return false;
  const int opened = ::open(file, O_RDONLY | O_CLOEXEC);
  if (opened < 0) return false;
  char part[256] = {};
  const ssize_t size = ::read(opened, part, sizeof(part) - 1);
  ::close(opened);
  char link[64];
  char path[4096] = {};
  std::snprintf(link, sizeof(link), "/proc/self/fd/%d", descriptor);
  if (size <= 0 || ::readlink(link, path, sizeof(path) - 1) <= 0) return false;
  return part[0] == '=' ? std::strcmp(path, part + 1) == 0 : std::strstr(path, part) != nullptr;
}

int Call(const char* name, int descriptor) {
  if (IsToFail(descriptor)) {
    errno = EIO;
    return -1;
  }
  using Function = int (*)(int);
  static_assert(sizeof(Function) == sizeof(void*));
  void* const next = ::dlsym(RTLD_NEXT, name);
  Function function;
  std::memcpy(&function, &next, sizeof(function));
  return function(descriptor);
}

}  // namespace

extern "C" int fsync(int descriptor) { return Call("fsync", descriptor); }
extern "C" int fdatasync(int descriptor) { return Call("fdatasync", descriptor); }
