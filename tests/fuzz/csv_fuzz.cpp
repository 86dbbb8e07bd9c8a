// CSV: the first byte chooses the task and whether a column is named.
#include "tests/fuzz/ingest_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  trainyard::IngestSpec spec;
  spec.format = trainyard::FileFormat::kCsv;
  if ((data[0] & 1) != 0) {
    spec.task = trainyard::Task::kRegression;
    spec.target_columns = {"0"};
  }
  if ((data[0] & 2) != 0) spec.label_column = "y";
  trainyard::IngestAndCheck(spec, {trainyard::Write("data", data + 1, size - 1), ""});
  return 0;
}
