// trainyard dataset generate NAME --kind digits

#include <optional>

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
  std::int64_t rows = 0;
  std::optional<double> noise;
  std::int64_t seed = 0;
};

int Run(Context& context, const Options& options) {
  v1::CreateDatasetRequest request;
  request.set_dataset_id(options.name);
  v1::GeneratorSource& generator = *request.mutable_dataset()->mutable_generator();
  generator.set_kind(v1::GeneratorSource::DIGITS);
  generator.set_row_count(options.rows);
  if (options.noise) generator.set_noise(*options.noise);
  generator.set_seed(options.seed);
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
  command.add_option("--kind", options.kind, "What to make: handwritten-like digits")
      ->required()
      ->check(Choices({"digits"}));
  command.add_option("--rows", options.rows, "Rows to make (default: 1000)");
  command.add_option("--noise", options.noise, "Strength of the noise, from 0 to 1");
  command.add_option("--seed", options.seed, "The same seed makes the same rows (default: 0)");
}

}  // namespace trainyard::client
