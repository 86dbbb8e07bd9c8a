// Bodies of ModelInfer over HTTP: the first byte is how much of the rest, in parts of
// 255, is JSON.
#include <cstdint>

#include "server/http/model_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data + 1), size - 1);
  const auto read = trainyard::server::InferBodyOf(body, body.size() * data[0] / 255);
  if (read.ok() && read->request.raw_input_contents_size() != read->request.inputs_size()) {
    __builtin_trap();
  }
  return 0;
}
