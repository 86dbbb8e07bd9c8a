#include "client/cli/dataset_view.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/cli/options.h"
#include "client/cli/report.h"
#include "client/cli/term/bars.h"
#include "client/cli/term/format.h"
#include "client/cli/term/image.h"
#include "client/cli/term/table.h"
#include "client/lib/error.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

std::string TaskWord(const v1::Dataset& dataset) {
  return absl::AsciiStrToLower(v1::Task_Name(dataset.task()));
}

std::string FeaturesOf(const v1::Dataset& dataset) {
  std::string text = Thousands(dataset.feature_count());
  if (dataset.has_image_shape()) {
    absl::StrAppend(&text, " (", dataset.image_shape().height(), " x ",
                    dataset.image_shape().width(), " image)");
  }
  return text;
}

// Empty where it is its owner's alone.
std::string SharedWith(const v1::Dataset& dataset) {
  if (dataset.visibility() == v1::CLASS) return "with the class";
  if (dataset.visibility() != v1::HIDDEN) return "";
  const v1::HiddenPolicy& policy = dataset.hidden_policy();
  const std::string often = policy.evaluations_per_day() == 0
                                ? "as often as one likes"
                                : absl::StrCat(policy.evaluations_per_day(), " times a day each");
  return absl::StrCat("hidden: evaluated on ", often, ", which shows the accuracy",
                      policy.show_confusion_matrix() ? " and the confusion matrix" : " alone");
}

std::string Describe(const Look& look, const v1::Dataset& dataset) {
  Properties properties;
  properties.Add("dataset", dataset.name());
  properties.Add("state", v1::Dataset::State_Name(dataset.state()));
  if (dataset.state() == v1::Dataset::FAILED) {
    properties.Add("error", DecodeError(dataset.error()).message);
  }
  if (dataset.state() == v1::Dataset::ACTIVE) {
    properties.Add("task", TaskWord(dataset));
    properties.Add("rows", Thousands(dataset.row_count()));
    properties.Add("features", FeaturesOf(dataset));
    if (dataset.class_count() > 0) properties.Add("classes", absl::StrCat(dataset.class_count()));
    if (dataset.target_count() > 0) properties.Add("targets", absl::StrCat(dataset.target_count()));
    properties.Add("values",
                   absl::AsciiStrToLower(v1::Dataset::FeatureType_Name(dataset.feature_type())));
    // Nobody but its owner is told more of a hidden one.
    if (!dataset.digest().empty()) {
      properties.Add("auto scaling", InputScalingWord(dataset.auto_input_scaling()));
      properties.Add("size", Bytes(dataset.size_bytes()));
      properties.Add("digest", dataset.digest());
    }
  }
  if (const std::string shared = SharedWith(dataset); !shared.empty()) {
    properties.Add("shared", shared);
  }
  properties.Add("created", LocalTime(dataset.create_time()));
  return properties.Render(look);
}

// Down to the pixel grid's own range where the values are not bytes.
GreyImage ImageOf(const v1::DatasetRow& row, const v1::ImageShape& shape) {
  GreyImage image{shape.height(), shape.width(), {row.features().begin(), row.features().end()}};
  const auto [low, high] = std::minmax_element(image.values.begin(), image.values.end());
  if (*low < 0 || *high > 255 || *high <= 1) {
    image.low = *low;
    image.high = *high;
  }
  return image;
}

std::string Heading(const v1::DatasetRow& row) {
  std::string text = absl::StrCat("row ", row.row());
  if (row.has_label()) absl::StrAppend(&text, "  label ", row.label());
  if (row.targets_size() > 0) {
    absl::StrAppend(&text, row.targets_size() == 1 ? "  target" : "  targets");
    for (const float target : row.targets()) absl::StrAppend(&text, " ", Number(double{target}));
  }
  return text;
}

bool IsImage(const v1::PreviewDatasetResponse& preview, const v1::DatasetRow& row) {
  const v1::ImageShape& shape = preview.image_shape();
  return shape.height() > 0 && shape.height() * shape.width() == row.features_size();
}

std::string RenderImages(const Look& look, const v1::PreviewDatasetResponse& preview) {
  std::string text;
  for (const v1::DatasetRow& row : preview.rows()) {
    absl::StrAppend(&text, Painted(look, Paint::kBold, Heading(row)), "\n",
                    RenderImage(look, ImageOf(row, preview.image_shape())));
  }
  return text;
}

// A table where it fits, else wrapped lines under a heading each.
std::string RenderValues(const Look& look, const v1::PreviewDatasetResponse& preview) {
  constexpr int kColumnsOfATable = 12;
  const int features = preview.rows(0).features_size();
  std::string text;
  if (features <= kColumnsOfATable) {
    std::vector<Table::Column> columns = {{"row", Align::kRight}};
    for (int i = 0; i < features; ++i) columns.push_back({absl::StrCat("x", i), Align::kRight});
    const bool labels = preview.rows(0).has_label();
    const int targets = preview.rows(0).targets_size();
    if (labels) columns.push_back({"label", Align::kRight});
    for (int i = 0; i < targets; ++i) columns.push_back({absl::StrCat("t", i), Align::kRight});
    Table table(columns);
    for (const v1::DatasetRow& row : preview.rows()) {
      std::vector<std::string> cells = {absl::StrCat(row.row())};
      for (const float value : row.features()) cells.push_back(Number(double{value}));
      if (labels) cells.push_back(absl::StrCat(row.label()));
      for (const float value : row.targets()) cells.push_back(Number(double{value}));
      cells.resize(columns.size());
      table.AddRow(std::move(cells));
    }
    return table.Render(look);
  }
  for (const v1::DatasetRow& row : preview.rows()) {
    absl::StrAppend(&text, Painted(look, Paint::kBold, Heading(row)), "\n");
    std::vector<std::string> cells;
    int width = 1;
    for (const float value : row.features()) {
      cells.push_back(Number(double{value}));
      width = std::max(width, DisplayWidth(cells.back()));
    }
    const auto per_line = static_cast<std::size_t>(std::max(1, (look.width - 1) / (width + 2)));
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const bool last = i + 1 == cells.size() || i % per_line == per_line - 1;
      absl::StrAppend(&text, "  ", Pad(cells[i], width, Align::kRight), last ? "\n" : "");
    }
  }
  return text;
}

}  // namespace

void PrintDataset(Context& context, const v1::Dataset& dataset) {
  if (context.json) return PrintJson(context, dataset);
  const Look look = context.look();
  context.out() << Describe(look, dataset);
  if (dataset.label_histogram().empty()) return;
  std::vector<Bar> bars;
  for (int label = 0; label < dataset.label_histogram_size(); ++label) {
    bars.push_back({absl::StrCat(label), dataset.label_histogram(label)});
  }
  context.out() << "\n"
                << Painted(look, Paint::kBold, "rows of each label") << "\n"
                << RenderBars(look, bars);
}

void PrintDatasets(Context& context, const v1::ListDatasetsResponse& datasets, bool full_names) {
  if (context.json) return PrintJson(context, datasets);
  Table table({{"NAME"},
               {"STATE"},
               {"TASK"},
               {"ROWS", Align::kRight},
               {"FEATURES", Align::kRight},
               {"CLASSES", Align::kRight},
               {"SIZE", Align::kRight},
               {"CREATED", Align::kLeft, Table::Yields::kItself}});
  for (const v1::Dataset& dataset : datasets.datasets()) {
    const bool active = dataset.state() == v1::Dataset::ACTIVE;
    table.AddRow({full_names ? dataset.name() : BareId(dataset.name()),
                  v1::Dataset::State_Name(dataset.state()), TaskWord(dataset),
                  active ? Thousands(dataset.row_count()) : "", active ? FeaturesOf(dataset) : "",
                  dataset.class_count() > 0 ? absl::StrCat(dataset.class_count()) : "",
                  active ? Bytes(dataset.size_bytes()) : "", LocalTime(dataset.create_time())});
  }
  context.out() << (table.empty() ? "no datasets; make one with: trainyard dataset create NAME "
                                    "--file FILE\n"
                                  : table.Render(context.look()));
}

void PrintRows(Context& context, const v1::PreviewDatasetResponse& preview) {
  if (context.json) return PrintJson(context, preview);
  if (preview.rows().empty()) return;
  const Look look = context.look();
  const bool images = IsImage(preview, preview.rows(0)) &&
                      ImageColumns(look, ImageOf(preview.rows(0), preview.image_shape())) <=
                          std::max(look.width, 80);
  context.out() << (images ? RenderImages(look, preview) : RenderValues(look, preview));
}

}  // namespace trainyard::client
