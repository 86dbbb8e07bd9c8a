#include "client/cli/job_comparison.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/job_view.h"
#include "client/cli/term/format.h"
#include "client/cli/term/table.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

constexpr std::size_t kEpochRows = 12;
constexpr std::size_t kDigestColumns = 12;

using Cells = std::vector<std::string>;

Cells CellsOf(const std::vector<ComparedJob>& jobs,
              const std::function<std::string(const ComparedJob&)>& cell) {
  Cells cells;
  for (const ComparedJob& one : jobs) cells.push_back(cell(one));
  return cells;
}

bool AllEqual(const Cells& cells) {
  return std::all_of(cells.begin(), cells.end(),
                     [&](const auto& cell) { return cell == cells[0]; });
}

// A value of several parts has a line for each: jobs fit beside each other.
void AddRow(Table& table, const std::string& title, const Cells& cells) {
  std::vector<std::vector<std::string>> parts;
  std::size_t lines = 1;
  for (const std::string& cell : cells) {
    parts.push_back(absl::StrSplit(cell, "  "));
    lines = std::max(lines, parts.back().size());
  }
  for (std::size_t line = 0; line < lines; ++line) {
    Cells row = {line == 0 ? title : ""};
    for (const auto& of_one : parts) row.push_back(line < of_one.size() ? of_one[line] : "");
    table.AddRow(std::move(row));
  }
}

// The id alone of what is the job's own user's, so that jobs fit beside each other.
std::string WithoutOwner(const ComparedJob& one, std::string value) {
  const std::string& name = one.job.name();
  const std::string owner = name.substr(0, name.find("/jobs/") + 1);
  if (!absl::StartsWith(value, owner)) return value;
  return value.substr(value.find('/', owner.size()) + 1);
}

// Settings that at least two jobs have differently, in the order of `job show`.
void AddSettings(Table& table, const std::vector<ComparedJob>& jobs) {
  std::vector<Properties> settings;
  for (const ComparedJob& one : jobs) settings.push_back(SettingsOf(one.job));
  std::vector<std::string> seen;
  for (const Properties& of_one : settings) {
    for (const auto& [key, value] : of_one.pairs()) {
      if (std::find(seen.begin(), seen.end(), key) != seen.end()) continue;
      seen.push_back(key);
      Cells cells;
      for (std::size_t i = 0; i < jobs.size(); ++i) {
        cells.push_back(WithoutOwner(jobs[i], settings[i].Get(key)));
      }
      if (!AllEqual(cells)) AddRow(table, key, cells);
    }
  }
}

double Seconds(const ComparedJob& one) {
  double seconds = 0;
  for (const auto& epoch : one.epochs) seconds += epoch.seconds();
  return seconds;
}

void AddResults(const Look& look, Table& table, const std::vector<ComparedJob>& jobs) {
  const auto add = [&](const char* title, const auto& cell) {
    const Cells cells = CellsOf(jobs, cell);
    if (!AllEqual(cells) || !cells[0].empty()) AddRow(table, title, cells);
  };
  const auto last = [](const ComparedJob& one) -> const auto& { return one.job.last_epoch(); };
  add("state", [&](const auto& one) { return PaintedState(look, one.job.state()); });
  add("epochs done", [](const auto& one) { return absl::StrCat(one.job.epochs_completed()); });
  add("cost",
      [&](const auto& one) { return one.job.has_last_epoch() ? Number(last(one).cost()) : ""; });
  add("accuracy", [&](const auto& one) {
    return last(one).has_train_accuracy() ? Percent(last(one).train_accuracy()) : "";
  });
  add("validation cost", [&](const auto& one) {
    return last(one).has_validation_cost() ? Number(last(one).validation_cost()) : "";
  });
  add("validation accuracy", [&](const auto& one) {
    return last(one).has_validation_accuracy() ? Percent(last(one).validation_accuracy()) : "";
  });
  add("time in epochs", [](const auto& one) { return Duration(Seconds(one)); });
  add("energy", [](const auto& one) {
    return one.job.energy_source() == v1::ENERGY_SOURCE_UNSPECIFIED
               ? ""
               : WattHours(one.job.energy_joules());
  });
  add("weights",
      [](const auto& one) { return one.job.weights_digest().substr(0, kDigestColumns); });
}

const v1::EpochCompleted* EpochOf(const ComparedJob& one, int epoch) {
  const auto found =
      std::lower_bound(one.epochs.begin(), one.epochs.end(), epoch,
                       [](const auto& each, int wanted) { return each.epoch() < wanted; });
  return found == one.epochs.end() || found->epoch() != epoch ? nullptr : &*found;
}

// Evenly over the run, the first and the last among them.
std::vector<int> EpochsToShow(const std::vector<ComparedJob>& jobs) {
  int last = 0;
  for (const auto& one : jobs) {
    if (!one.epochs.empty()) last = std::max(last, one.epochs.back().epoch());
  }
  std::vector<int> shown;
  const int rows = std::min(last, static_cast<int>(kEpochRows));
  for (int row = 0; row < rows; ++row) {
    shown.push_back(rows == 1 ? last : 1 + (last - 1) * row / (rows - 1));
  }
  return shown;
}

void AddCosts(Table& table, const std::vector<ComparedJob>& jobs) {
  for (const int epoch : EpochsToShow(jobs)) {
    AddRow(table, absl::StrCat("cost of epoch ", epoch), CellsOf(jobs, [&](const auto& one) {
             const auto* found = EpochOf(one, epoch);
             return found == nullptr ? "" : Number(found->cost());
           }));
  }
}

std::string Verdict(const ComparedJob& a, const ComparedJob& b) {
  const std::string ids = absl::StrCat(BareId(a.job.name()), " and ", BareId(b.job.name()));
  const auto [shared, difference] = CompareEpochs(a, b);
  if (shared == 0) return absl::StrCat(ids, ": no epoch is done of both yet\n");
  if (difference > 0) return absl::StrCat(ids, ": costs differ from epoch ", difference, " on\n");
  const std::string epochs = shared == 1 ? "1 epoch" : absl::StrCat(shared, " epochs");
  if (a.epochs.size() != shared || b.epochs.size() != shared) {
    return absl::StrCat(ids, ": costs of the ", epochs, " that both have are equal to the bit\n");
  }
  const std::string& weights = a.job.weights_digest();
  const bool same = !weights.empty() && weights == b.job.weights_digest();
  return absl::StrCat(ids, ": costs of ", epochs, " are equal to the bit",
                      same ? ", and so are the weights" : "", "\n");
}

}  // namespace

SharedEpochs CompareEpochs(const ComparedJob& a, const ComparedJob& b) {
  SharedEpochs shared;
  for (const v1::EpochCompleted& one : a.epochs) {
    const v1::EpochCompleted* const other = EpochOf(b, one.epoch());
    if (other == nullptr) continue;
    ++shared.count;
    const bool equal =
        std::bit_cast<std::uint64_t>(one.cost()) == std::bit_cast<std::uint64_t>(other->cost());
    if (!equal && shared.first_difference == 0) shared.first_difference = one.epoch();
  }
  return shared;
}

std::string RenderComparison(const Look& look, const std::vector<ComparedJob>& jobs) {
  std::vector<Table::Column> columns = {{""}};
  for (const ComparedJob& one : jobs) columns.push_back({BareId(one.job.name()), Align::kRight});
  Table table(std::move(columns));
  AddSettings(table, jobs);
  AddResults(look, table, jobs);
  AddCosts(table, jobs);
  std::string text = absl::StrCat(table.Render(look), "\n");
  for (std::size_t i = 1; i < jobs.size(); ++i) absl::StrAppend(&text, Verdict(jobs[0], jobs[i]));
  return text;
}

}  // namespace trainyard::client
