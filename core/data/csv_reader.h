// Ingests CSV: one row a line, the label or the targets among its columns.
#pragma once

#include <filesystem>

#include "absl/status/statusor.h"
#include "core/data/byte_source.h"
#include "core/data/ingest.h"

namespace trainyard {

// Lines end with LF or CRLF; a byte order mark, blank lines, spaces around
// numbers and quoted fields are accepted. Every row has as many fields as the
// first line; csv_columns.h says what they are.
//
// Errors, besides those of csv_line.h, csv_columns.h, number.h and
// DatasetWriter, with line, row, column, columnName and value:
// WRONG_FIELD_COUNT (with expected and found), NOT_TEXT, EMPTY_FILE;
// RESOURCE_EXHAUSTED with reason LINE_TOO_LONG or FIELD_TOO_LONG.
absl::StatusOr<DatasetInfo> IngestCsv(const IngestSpec& spec, BufferedReader& reader,
                                      const std::filesystem::path& staging,
                                      const IngestLimits& limits);

}  // namespace trainyard
