// trainyard dataset generate NAME --kind KIND

#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"
#include "client/cli/choices.h"
#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/dataset_maker.h"
#include "client/cli/dataset_view.h"

namespace trainyard::client {
namespace {

struct Options {
  std::string name;
  std::string kind;
  std::string task;
  std::int64_t rows = 0;
  std::optional<double> noise;
  std::int64_t seed = 0;
};

// GAUSS_REGRESSION as gauss-regression.
std::string WordOf(const std::string& kind) {
  return absl::StrReplaceAll(absl::AsciiStrToLower(kind), {{"_", "-"}});
}

v1::GeneratorSource::Kind KindOf(const std::string& word) {
  v1::GeneratorSource::Kind kind = v1::GeneratorSource::KIND_UNSPECIFIED;
  v1::GeneratorSource::Kind_Parse(absl::StrReplaceAll(absl::AsciiStrToUpper(word), {{"-", "_"}}),
                                  &kind);
  return kind;
}

std::vector<std::string> KindWords() {
  std::vector<std::string> words;
  for (int kind = 1; kind < v1::GeneratorSource::Kind_ARRAYSIZE; ++kind) {
    words.push_back(WordOf(v1::GeneratorSource::Kind_Name(kind)));
  }
  return words;
}

int Run(Context& context, const Options& options) {
  v1::CreateDatasetRequest request;
  request.set_dataset_id(options.name);
  v1::GeneratorSource& generator = *request.mutable_dataset()->mutable_generator();
  generator.set_kind(KindOf(options.kind));
  generator.set_row_count(options.rows);
  if (options.noise) generator.set_noise(*options.noise);
  generator.set_seed(options.seed);
  if (options.task == "regression") request.mutable_dataset()->set_task(v1::REGRESSION);
  if (options.task == "classification") request.mutable_dataset()->set_task(v1::CLASSIFICATION);
  v1::Dataset dataset;
  const int code = MakeDataset(context, request, {}, &dataset);
  if (code == kDone) PrintDataset(context, dataset);
  return code;
}

}  // namespace

void AddDatasetGenerate(CLI::App& group, Context& context) {
  auto [command, options] =
      AddCommand<Options>(group, context, "generate", "Have the server make a dataset", Run);
  command.add_option("NAME", options.name, "Id of the new dataset")->required();
  command
      .add_option("--kind", options.kind,
                  "Handwritten-like digits; the truth table of a gate (and, or, xor, nand, nor); "
                  "points as in the TensorFlow Playground with two classes (circle, xor-points, "
                  "gauss, spiral) or a real target (plane, gauss-regression)")
      ->required()
      ->check(Choices(KindWords()));
  command
      .add_option("--task", options.task,
                  "Needed for nothing but gauss: with regression it is gauss-regression")
      ->check(Choices({"classification", "regression"}));
  command.add_option("--rows", options.rows, "Rows to make (default: 1000; a gate has its 4)");
  command.add_option("--noise", options.noise,
                     "Strength of the noise: from 0 to 1 for digits (default: 0.5), from 0 to 0.5 "
                     "for the others (default: 0)");
  command.add_option("--seed", options.seed, "The same seed makes the same rows (default: 0)");
}

}  // namespace trainyard::client
