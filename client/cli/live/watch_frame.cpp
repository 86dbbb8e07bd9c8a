#include "client/cli/live/watch_frame.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/job_view.h"
#include "client/cli/term/bars.h"
#include "client/cli/term/curve.h"
#include "client/cli/term/format.h"
#include "client/cli/term/text.h"
#include "client/lib/error.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

std::string Heading(const Look& look, const WatchModel& model) {
  std::string text = absl::StrCat(Painted(look, Paint::kBold, BareId(model.job().name())), "  ",
                                  PaintedState(look, model.state()), "  ",
                                  Painted(look, Paint::kDim, DescribeRun(model.job())));
  if (model.attempt() > 1) absl::StrAppend(&text, "  attempt ", model.attempt());
  return text;
}

std::vector<std::string> Curve(const Look& look, const WatchModel& model) {
  std::vector<std::pair<double, double>> points;
  for (const auto& [number, epoch] : model.epochs()) points.emplace_back(number, epoch.cost());
  CurveFrame frame;
  frame.width = std::clamp(look.width - 14, 16, 72);
  // Heading, blank, axis, labels, blank, two bars, figures, notice.
  frame.height = std::clamp(look.height - 11, 3, 12);
  frame.x_first = model.epochs().begin()->first;
  frame.x_last = std::max(model.job().spec().epochs(), model.epochs().rbegin()->first);
  // Of a run that ended early only what there is.
  if (HasEnded(model.state())) frame.x_last = model.epochs().rbegin()->first;
  frame.x_label = "cost by epoch";
  return DrawCurve(look, points, frame);
}

std::string BarLine(const Look& look, const std::string& label, double share,
                    const std::string& after) {
  const int width = std::clamp(look.width - 52, 10, 40);
  return absl::StrCat(Pad(label, 16), ProgressBar(look, share, width),
                      absl::StrFormat(" %3d %%  ", static_cast<int>(share * 100)), after);
}

// Both bars; their place is kept between epochs, so that nothing jumps.
void AddProgress(const Look& look, const WatchModel& model, std::vector<std::string>& lines) {
  const int total = model.job().spec().epochs();
  const v1::EpochCompleted* last = model.last_epoch();
  const int done = last == nullptr ? 0 : last->epoch();
  const auto& progress = model.progress();
  double share = 0;
  double rate = last == nullptr ? 0 : last->samples_per_second();
  if (progress && progress->row_count() > 0) {
    share = static_cast<double>(progress->rows_done()) / static_cast<double>(progress->row_count());
    rate = progress->samples_per_second();
  }
  const int current = std::min(done + 1, total);
  lines.push_back(
      BarLine(look, absl::StrCat("epoch ", current, "/", total), share,
              rate > 0 ? absl::StrCat(Thousands(std::lround(rate)), " samples/s") : ""));
  const auto left = model.SecondsLeft();
  lines.push_back(
      BarLine(look, "run", model.ShareDone(), left ? absl::StrCat(Duration(*left), " left") : ""));
}

std::string Figures(const Look& look, const v1::EpochCompleted& epoch) {
  const auto strong = [&look](const std::string& text) {
    return Painted(look, Paint::kBold, text);
  };
  std::string text = absl::StrCat("cost ", strong(absl::StrFormat("%.4f", epoch.cost())), "  mean ",
                                  absl::StrFormat("%.4f", epoch.mean_cost()));
  if (epoch.has_train_accuracy()) {
    absl::StrAppend(&text, "  accuracy ", strong(Percent(epoch.train_accuracy())));
  }
  if (epoch.has_validation_cost()) {
    absl::StrAppend(&text, "  validation cost ", absl::StrFormat("%.4f", epoch.validation_cost()));
  }
  if (epoch.has_validation_accuracy()) {
    absl::StrAppend(&text, " accuracy ", strong(Percent(epoch.validation_accuracy())));
  }
  return text;
}

std::string Summary(const WatchModel& model) {
  const v1::EpochCompleted* last = model.last_epoch();
  if (last == nullptr) return "no epochs";
  return absl::StrCat(model.epochs().size(), model.epochs().size() == 1 ? " epoch" : " epochs",
                      " in ", Duration(model.SecondsTrained()), ", ",
                      Thousands(std::lround(last->samples_per_second())), " samples/s");
}

void AddOutcome(const Look& look, const WatchModel& model, std::vector<std::string>& lines) {
  lines.push_back(Summary(model));
  if (!model.error()) return;
  const ErrorDetails error = DecodeError(*model.error());
  lines.push_back(
      absl::StrCat(Painted(look, Paint::kBad, error.reason.empty() ? "error" : error.reason), "  ",
                   error.message));
}

}  // namespace

std::vector<std::string> WatchFrame(const Look& look, const WatchModel& model,
                                    const std::string& notice) {
  std::vector<std::string> lines = {Heading(look, model)};
  if (!model.reason().empty() && !HasEnded(model.state()) &&
      model.state() != v1::TrainingJob::RUNNING) {
    lines.push_back(absl::StrCat("  ", model.reason()));
  }
  lines.emplace_back();
  if (!model.epochs().empty()) {
    for (std::string& line : Curve(look, model)) lines.push_back(std::move(line));
    lines.emplace_back();
  }
  if (HasEnded(model.state())) {
    AddOutcome(look, model, lines);
  } else if (model.job().spec().epochs() > 0) {
    AddProgress(look, model, lines);
  }
  if (model.last_epoch() != nullptr) lines.push_back(Figures(look, *model.last_epoch()));
  if (!model.warnings().empty()) {
    lines.push_back(absl::StrCat(Painted(look, Paint::kWarning, "warning"), "  ",
                                 model.warnings().back().message()));
  }
  if (!notice.empty()) lines.push_back(Painted(look, Paint::kWarning, notice));
  // The last column is left free: some terminals wrap when it is written.
  for (std::string& line : lines) line = Clip(line, look.width - 1);
  return lines;
}

}  // namespace trainyard::client
