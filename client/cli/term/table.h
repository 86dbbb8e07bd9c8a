// Aligned columns with a header.
#pragma once

#include <string>
#include <vector>

#include "client/cli/term/text.h"

namespace trainyard::client {

class Table {
 public:
  // What a column gives up where the table is too wide for a terminal.
  enum class Yields { kNothing, kItsEnd, kItself };
  struct Column {
    std::string header;
    Align align = Align::kLeft;
    Yields yields = Yields::kNothing;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // As many cells as there are columns.
  void AddRow(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.empty(); }

  // Lines, each ending with a newline; the header in bold.
  std::string Render(const Look& look) const;

 private:
  // Of each column, so that a line fits where that can be; 0 of one that gave way.
  std::vector<int> Widths(const Look& look) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// "key  value" lines with the keys in one column.
class Properties {
 public:
  // Left out where the value is empty.
  void Add(std::string key, std::string value);
  // All of them.
  void Add(const Properties& others);
  // Empty where it is not there.
  std::string Get(absl::string_view key) const;
  const std::vector<std::pair<std::string, std::string>>& pairs() const { return pairs_; }
  std::string Render(const Look& look) const;

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

}  // namespace trainyard::client
