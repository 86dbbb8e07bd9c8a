// What each column of a CSV file is: a feature, the label or a target.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/data/ingest.h"

namespace trainyard {

struct CsvColumns {
  bool has_header = false;
  // Empty without a header.
  std::vector<std::string> names;
  // An entry for each column: the feature's index, or for the label and the
  // targets -1 - index.
  std::vector<int> slots;
  int features = 0;
  // 1 for classification.
  int targets = 0;

  // Empty without a header.
  std::string NameOf(std::size_t column) const { return has_header ? names[column] : ""; }
};

// Decides from the first line that is not blank. It is a header if it contains
// a column that `spec` names, or one named label, target or class in upper or
// lower case, or if none of its fields is a number. A column is named by its
// name, or by its index from 0.
//
// Errors: INVALID_ARGUMENT about a field of `spec` with reason
// LABEL_COLUMN_UNKNOWN, TARGET_COLUMN_UNKNOWN, TARGET_COLUMNS_REQUIRED,
// TARGET_COLUMN_REPEATED or COLUMN_AMBIGUOUS; about the file NO_FEATURES or
// SEPARATOR_UNSUPPORTED; RESOURCE_EXHAUSTED with reason TOO_MANY_FEATURES.
absl::StatusOr<CsvColumns> ResolveCsvColumns(const IngestSpec& spec, const IngestLimits& limits,
                                             std::vector<std::string> first_line);

}  // namespace trainyard
