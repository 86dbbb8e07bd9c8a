// Anything at all, its format detected; also as the inside of a gzip file, so
// that the fuzzer need not find a checksum.
#include <zlib.h>

#include <vector>

#include "tests/fuzz/ingest_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const trainyard::IngestSpec spec;
  if ((data[0] & 1) == 0) {
    trainyard::IngestAndCheck(spec, {trainyard::Write("data", data + 1, size - 1), ""});
    return 0;
  }
  const auto path = trainyard::FuzzFolder() / "data";
  gzFile file = gzopen(path.c_str(), "wb1");
  gzwrite(file, data + 1, static_cast<unsigned>(size - 1));
  gzclose(file);
  trainyard::IngestAndCheck(spec, {path, ""});
  return 0;
}
