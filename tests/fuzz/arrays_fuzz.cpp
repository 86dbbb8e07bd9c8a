// IDX and NPY: the first byte chooses the format and the task, the second
// where the data end and the labels begin.
#include <algorithm>

#include "tests/fuzz/ingest_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  trainyard::IngestSpec spec;
  spec.format = (data[0] & 1) != 0 ? trainyard::FileFormat::kIdx : trainyard::FileFormat::kNpy;
  if ((data[0] & 2) != 0) spec.task = trainyard::Task::kRegression;
  const std::size_t split = std::min<std::size_t>(std::size_t{data[1]} * 4, size - 2);
  trainyard::IngestAndCheck(spec, {trainyard::Write("data", data + 2, split),
                                   trainyard::Write("labels", data + 2 + split, size - 2 - split)});
  return 0;
}
