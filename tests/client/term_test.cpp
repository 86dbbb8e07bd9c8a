#include <gmock/gmock.h>

#include "client/cli/live/refresh.h"
#include "client/cli/term/bars.h"
#include "client/cli/term/curve.h"
#include "client/cli/term/format.h"
#include "client/cli/term/image.h"
#include "client/cli/term/matrix.h"
#include "client/cli/term/table.h"

namespace trainyard::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr Look kPlain;

Look Colored(ColorDepth depth = ColorDepth::kTrue) {
  Look look;
  look.color = depth;
  look.unicode = true;
  return look;
}

TEST(Format, EnergyIsInWattHours) {
  EXPECT_EQ(WattHours(2763), "0.7675 Wh");
  EXPECT_EQ(WattHours(7.2), "2 mWh");
  EXPECT_EQ(WattHours(0), "0 mWh");
}

TEST(Format, Numbers) {
  EXPECT_EQ(Thousands(494710), "494,710");
  EXPECT_EQ(Thousands(999), "999");
  EXPECT_EQ(Thousands(-1234567), "-1,234,567");
  EXPECT_EQ(Thousands(-123), "-123");
  EXPECT_EQ(Percent(0.97534), "97.53 %");
  EXPECT_EQ(Bytes(999), "999 B");
  EXPECT_EQ(Bytes(1978840), "2.0 MB");
}

TEST(Format, Durations) {
  EXPECT_EQ(Duration(0.012), "0.012 s");
  EXPECT_EQ(Duration(4.25), "4.2 s");
  EXPECT_EQ(Duration(72), "1 m 12 s");
  EXPECT_EQ(Duration(3 * 3600 + 5 * 60), "3 h 05 m");
}

TEST(Text, WidthIgnoresColorsAndCountsCharacters) {
  EXPECT_EQ(DisplayWidth("\x1b[1mab\x1b[0m"), 2);
  EXPECT_EQ(DisplayWidth("█▌"), 2);
  EXPECT_EQ(Clip("abcdef", 3), "abc");
  EXPECT_EQ(Clip("\x1b[1m█▌█\x1b[0m", 2), "\x1b[1m█▌\x1b[0m");
  EXPECT_EQ(Pad("\x1b[1mab\x1b[0m", 4, Align::kRight), "  \x1b[1mab\x1b[0m");
}

TEST(Table, AlignsColumns) {
  Table table({{"NAME"}, {"ROWS", Align::kRight}});
  table.AddRow({"mnist-train", "60,000"});
  table.AddRow({"d", "7"});
  EXPECT_EQ(table.Render(kPlain),
            "NAME           ROWS\n"
            "mnist-train  60,000\n"
            "d                 7\n");
}

TEST(Table, FitsATerminalByWhatItsColumnsYield) {
  Table table({{"NAME"},
               {"NETWORK", Align::kLeft, Table::Yields::kItsEnd},
               {"CREATED", Align::kLeft, Table::Yields::kItself}});
  table.AddRow({"job-123", "net-784-500-200-10-0123abcd", "2026-11-27 13:44"});
  table.AddRow({"job-4", "small", "2026-11-27 13:45"});
  Look look;
  look.width = 20;
  EXPECT_THAT(table.Render(look), HasSubstr("net-784-500-200-10-0123abcd  2026"));
  look.breaks_lines = true;
  EXPECT_EQ(table.Render(look),
            "NAME     NETWORK\n"
            "job-123  net-784-50~\n"
            "job-4    small\n");
  look.width = 54;
  EXPECT_THAT(table.Render(look), HasSubstr("net-784-500-200-10-0123abcd  2026"));
  look.unicode = true;
  look.width = 10;  // as narrow as its header, and no narrower
  EXPECT_THAT(table.Render(look), HasSubstr("job-123  net-78…\n"));
}

TEST(FitLines, KeepsTheHeadingAndOneEnd) {
  const std::string text = "heading\n1\n2\n3\n4\n5\n";
  EXPECT_EQ(FitLines(text, 7, Keep::kFirst), text);
  EXPECT_EQ(FitLines(text, 6, Keep::kFirst), "heading\n1\n2\n3\n... 2 more\n");
  EXPECT_EQ(FitLines(text, 6, Keep::kLast), "heading\n... 2 more\n3\n4\n5\n");
}

TEST(Table, PropertiesLeaveOutWhatIsEmpty) {
  Properties properties;
  properties.Add("job", "j");
  properties.Add("error", "");
  properties.Add("weights", "abc");
  EXPECT_EQ(properties.Render(kPlain), "job      j\nweights  abc\n");
}

TEST(Bars, AreScaledToTheLargest) {
  Look look;
  look.width = 30;
  EXPECT_EQ(RenderBars(look, {{"0", 10}, {"1", 5}, {"10", 0}}),
            " 0  10   66.67 %  ############\n"
            " 1   5   33.33 %  ######\n"
            "10   0    0.00 %\n");
}

TEST(Bars, Progress) {
  EXPECT_EQ(ProgressBar(kPlain, 0.5, 8), "====----");
  EXPECT_EQ(ProgressBar(kPlain, 7, 4), "====");
}

TEST(Curve, FallsWithStars) {
  CurveFrame frame;
  frame.width = 9;
  frame.height = 3;
  frame.x_last = 3;
  frame.x_label = "epoch";
  EXPECT_THAT(DrawCurve(kPlain, {{1, 90}, {2, 45}, {3, 0}}, frame),
              ElementsAre("       90 |**       ",  //
                          "       45 |  ****   ",  //
                          "        0 |      ***",  //
                          "          +---------",  //
                          "           1 epoch 3"));
}

TEST(Curve, UsesBrailleDots) {
  Look look;
  look.unicode = true;
  CurveFrame frame;
  frame.width = 2;
  frame.height = 1;
  frame.x_last = 2;
  const auto lines = DrawCurve(look, {{1, 1}, {2, 0}}, frame);
  EXPECT_EQ(lines[0], "        1 ┤⠑⢄");
}

TEST(Curve, LeavesOutWhatIsNotFinite) {
  CurveFrame frame;
  frame.width = 8;
  frame.x_last = 3;
  EXPECT_EQ(DrawCurve(kPlain, {{1, 2}, {2, NAN}, {3, INFINITY}}, frame).size(), 12u);
}

TEST(Image, ShadesOfAscii) {
  const GreyImage image{2, 3, {0, 128, 255, 255, 0, 0}};
  EXPECT_EQ(RenderImage(kPlain, image), "  ++@@\n@@\n");
}

TEST(Image, HalfBlocksInTrueColor) {
  const GreyImage image{2, 1, {255, 0}};
  EXPECT_EQ(RenderImage(Colored(), image), "\x1b[38;2;255;255;255;48;2;0;0;0m▀\x1b[0m\n");
  EXPECT_EQ(RenderImage(Colored(ColorDepth::k256), image), "\x1b[38;5;231;48;5;16m▀\x1b[0m\n");
}

v1::ConfusionMatrix Matrix() {
  v1::ConfusionMatrix matrix;
  matrix.set_size(2);
  for (const int count : {9, 1, 0, 12}) matrix.add_counts(count);
  return matrix;
}

TEST(Matrix, RowsAreTheTruth) {
  EXPECT_EQ(RenderConfusionMatrix(kPlain, Matrix()),
            "confusion matrix (rows: truth, columns: prediction)\n"
            "truth    0   1     rows\n"
            "    0    9   1       10\n"
            "    1    .  12       12\n");
}

TEST(Matrix, ShadesWhereThereIsColor) {
  const std::string text = RenderConfusionMatrix(Colored(), Matrix());
  EXPECT_THAT(text, HasSubstr("\x1b[48;2;24;130;60;38;5;231m 12 \x1b[0m"));
}

TEST(Matrix, ListsConfusionsLargestFirst) {
  EXPECT_EQ(RenderConfusions(Matrix(), 3), "  0 taken for 1: 1 row\n");
}

TEST(Matrix, TooWideBecomesItsConfusions) {
  v1::ConfusionMatrix matrix;
  matrix.set_size(100);
  matrix.mutable_counts()->Resize(10000, 3);
  EXPECT_THAT(RenderConfusionMatrix(kPlain, matrix), HasSubstr("too wide"));
}

}  // namespace
}  // namespace trainyard::client
