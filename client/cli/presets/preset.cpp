#include "client/cli/presets/preset.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "client/cli/term/text.h"

namespace trainyard::client {
namespace {

using Source = v1::GeneratorSource;

Preset Notebook() {
  Preset preset;
  preset.name = "notebook";
  preset.about = "the course notebook's run, 784-500-200-10 over 100 digits";
  preset.datasets = {{"notebook-train", Source::DIGITS, 100, {}, 1},
                     {"notebook-test", Source::DIGITS, 100, {}, 2}};
  preset.training_sets = {"notebook-train"};
  preset.validation_set = "notebook-test";
  preset.network = "notebook";
  preset.words.layers = "784,500,200,10";
  preset.options = {{"--epochs", "50"}, {"--learning-rate", "0.3"}, {"--batch-size", "1"}};
  return preset;
}

Preset Gates() {
  Preset preset;
  preset.name = "gates";
  preset.about = "the notebook's logic gates, one job each, and what they answer";
  preset.datasets = {{"gate-or", Source::OR, 4, {}, 0},
                     {"gate-and", Source::AND, 4, {}, 0},
                     {"gate-xor", Source::XOR, 4, {}, 0},
                     {"gate-nand", Source::NAND, 4, {}, 0},
                     {"gate-nor", Source::NOR, 4, {}, 0}};
  for (const PresetDataset& dataset : preset.datasets) preset.training_sets.push_back(dataset.id);
  preset.network = "gates";
  preset.words.layers = "2,4,1";
  preset.words.init = "uniform:0:1";
  preset.words.no_bias = true;
  preset.options = {{"--epochs", "1000"},
                    {"--learning-rate", "0.1"},
                    {"--batch-size", "4"},
                    {"--gradient-reduction", "sum"}};
  return preset;
}

Preset Playground() {
  Preset preset;
  preset.name = "playground";
  preset.about = "two spirals told apart by a small tanh network";
  preset.datasets = {{"playground-train", Source::SPIRAL, 500, 0.05, 1},
                     {"playground-test", Source::SPIRAL, 500, 0.05, 2}};
  preset.training_sets = {"playground-train"};
  preset.validation_set = "playground-test";
  preset.network = "playground";
  preset.words.layers = "2,16,16,1";
  preset.words.activation = "tanh,tanh,tanh";
  preset.words.init = "xavier";
  preset.options = {{"--epochs", "400"}, {"--learning-rate", "0.03"}, {"--batch-size", "10"}};
  return preset;
}

Preset Regression() {
  Preset preset;
  preset.name = "regression";
  preset.about = "a plane fitted by a small network with a linear output";
  preset.datasets = {{"regression-train", Source::PLANE, 500, {}, 1},
                     {"regression-test", Source::PLANE, 500, {}, 2}};
  preset.training_sets = {"regression-train"};
  preset.validation_set = "regression-test";
  preset.network = "regression";
  preset.words.layers = "2,8,1";
  preset.words.activation = "tanh,linear";
  preset.words.init = "xavier";
  preset.options = {{"--epochs", "100"}, {"--learning-rate", "0.03"}, {"--batch-size", "10"}};
  return preset;
}

Preset Mnist() {
  Preset preset;
  preset.name = "mnist";
  preset.about = "MNIST, imported before, with ReLU and cross entropy";
  preset.import = "mnist";
  preset.training_sets = {"mnist-train"};
  preset.validation_set = "mnist-test";
  preset.network = "mnist";
  preset.words.layers = "784,500,200,10";
  preset.words.activation = "relu";
  preset.words.loss = "cross-entropy";
  preset.words.init = "he";
  // The quickest way to 98 % of the test set that tests/bench/recipe.py knows.
  preset.options = {{"--epochs", "4"},        {"--learning-rate", "0.002"},
                    {"--batch-size", "128"},  {"--optimizer", "adam"},
                    {"--schedule", "cosine"}, {"--warmup-epochs", "0.5"}};
  return preset;
}

}  // namespace

const std::vector<Preset>& Presets() {
  static const std::vector<Preset> presets = {Notebook(), Gates(), Playground(), Regression(),
                                              Mnist()};
  return presets;
}

const Preset* FindPreset(const std::string& name) {
  const auto found = std::ranges::find(Presets(), name, &Preset::name);
  return found == Presets().end() ? nullptr : &*found;
}

std::vector<std::string> PresetNames() {
  std::vector<std::string> names;
  for (const Preset& preset : Presets()) names.push_back(preset.name);
  return names;
}

std::string PresetHelp() {
  std::string text = "Presets, whose values the options above replace:\n";
  for (const Preset& preset : Presets()) {
    absl::StrAppend(&text, "  ", Pad(preset.name, 12, Align::kLeft), preset.about, "\n");
    absl::StrAppend(&text, "              ", preset.network, ": ", preset.words.layers);
    for (const auto& [option, value] : preset.options) {
      absl::StrAppend(&text, " ", option, " ", value);
    }
    absl::StrAppend(&text, "\n");
  }
  return text;
}

}  // namespace trainyard::client
