#include "server/http/api_descriptors.h"

// The file is made by the build; the compiler need not read it.
extern "C" const char trainyard_api_descriptors[], trainyard_api_descriptors_end[];
asm(".section .rodata\n"
    "trainyard_api_descriptors:\n"
    ".incbin \"" TRAINYARD_API_DESCRIPTORS
    "\"\n"
    "trainyard_api_descriptors_end:\n"
    ".byte 0\n"
    ".previous\n");

namespace trainyard::server {

std::string_view ApiDescriptors() {
  return {trainyard_api_descriptors,
          static_cast<std::size_t>(trainyard_api_descriptors_end - trainyard_api_descriptors)};
}

}  // namespace trainyard::server
