#include "client/cli/options.h"

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace trainyard::client {
namespace {

absl::StatusOr<v1::Activation> ParseActivation(absl::string_view word) {
  v1::Activation activation = v1::ACTIVATION_UNSPECIFIED;
  const std::string name = absl::StrReplaceAll(absl::AsciiStrToUpper(word), {{"-", "_"}});
  if (word.empty() || !v1::Activation_Parse(name, &activation)) {
    return absl::InvalidArgumentError(absl::StrCat("--activation: '", word, "' is not one of ",
                                                   absl::StrJoin(kActivations, ", ")));
  }
  return activation;
}

// LEAKY_RELU as leaky-relu.
std::string Lower(const std::string& name) {
  return absl::StrReplaceAll(absl::AsciiStrToLower(name), {{"_", "-"}});
}

}  // namespace

absl::StatusOr<std::vector<int>> ParseLayers(absl::string_view text) {
  std::vector<int> units;
  for (const absl::string_view word : absl::StrSplit(text, ',')) {
    int count = 0;
    if (!absl::SimpleAtoi(word, &count) || count < 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("--layers: '", word, "' is not a number of units"));
    }
    units.push_back(count);
  }
  if (units.size() < 2) {
    return absl::InvalidArgumentError(
        "--layers: needs the inputs and at least one layer, as in 784,500,200,10");
  }
  return units;
}

absl::Status ApplyActivations(absl::string_view text, v1::NetworkSpec* spec) {
  if (text.empty()) return absl::OkStatus();
  std::vector<v1::Activation> activations;
  for (const absl::string_view word : absl::StrSplit(text, ',')) {
    const absl::StatusOr<v1::Activation> activation = ParseActivation(word);
    if (!activation.ok()) return activation.status();
    activations.push_back(*activation);
  }
  const int layers = spec->layers_size();
  if (activations.size() == 1 && layers > 1) {
    activations.assign(static_cast<std::size_t>(layers - 1), activations[0]);
  } else if (static_cast<int>(activations.size()) != layers) {
    return absl::InvalidArgumentError(
        absl::StrCat("--activation: ", activations.size(), " given for ", layers,
                     layers == 1 ? " layer" : " layers",
                     " after the input; give one for each, or one for all hidden layers"));
  }
  for (std::size_t i = 0; i < activations.size(); ++i) {
    spec->mutable_layers(static_cast<int>(i))->set_activation(activations[i]);
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::Initializer> ParseInitializer(absl::string_view text) {
  v1::Initializer initializer;
  const std::vector<absl::string_view> words = absl::StrSplit(text, ':');
  double low = 0;
  double high = 0;
  if (words[0] == "uniform" && words.size() == 3 && absl::SimpleAtod(words[1], &low) &&
      absl::SimpleAtod(words[2], &high)) {
    initializer.mutable_uniform()->set_low(low);
    initializer.mutable_uniform()->set_high(high);
  } else if (text == "xavier") {
    initializer.mutable_xavier();
  } else if (text == "he") {
    initializer.mutable_he();
  } else if (text == "zeros") {
    initializer.mutable_zeros();
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("--init: '", text, "' is not uniform:LOW:HIGH, xavier, he or zeros"));
  }
  return initializer;
}

v1::Loss ParseLoss(absl::string_view word) {
  return word == "cross-entropy" ? v1::CROSS_ENTROPY : v1::TOTAL_SQUARED_ERROR;
}

v1::InputScaling ParseInputScaling(absl::string_view word) {
  if (word == "none") return v1::NONE;
  if (word == "255") return v1::DIVIDE_BY_255;
  if (word == "standard") return v1::STANDARD;
  return v1::AUTO;
}

absl::StatusOr<std::vector<std::vector<float>>> ParseRows(absl::string_view csv) {
  std::vector<std::vector<float>> rows;
  int line_number = 0;
  for (absl::string_view line : absl::StrSplit(csv, '\n')) {
    ++line_number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty()) continue;
    std::vector<float>& row = rows.emplace_back();
    for (const absl::string_view cell : absl::StrSplit(line, ',')) {
      if (!absl::SimpleAtof(absl::StripAsciiWhitespace(cell), &row.emplace_back())) {
        return absl::InvalidArgumentError(absl::StrCat(
            "line ", line_number, ", column ", row.size(), ": '", cell, "' is not a number"));
      }
    }
  }
  if (rows.empty()) return absl::InvalidArgumentError("no rows");
  return rows;
}

std::string ActivationWord(v1::Activation activation) {
  return Lower(v1::Activation_Name(activation));
}

std::string LossWord(v1::Loss loss) {
  return loss == v1::TOTAL_SQUARED_ERROR ? "tse" : loss == v1::CROSS_ENTROPY ? "cross-entropy" : "";
}

std::string InputScalingWord(v1::InputScaling scaling) {
  return scaling == v1::DIVIDE_BY_255 ? "255" : Lower(v1::InputScaling_Name(scaling));
}

std::string InitializerWords(const v1::Initializer& initializer) {
  switch (initializer.kind_case()) {
    case v1::Initializer::kUniform:
      return absl::StrCat("uniform:", initializer.uniform().low(), ":",
                          initializer.uniform().high());
    case v1::Initializer::kXavier:
      return "xavier";
    case v1::Initializer::kHe:
      return "he";
    case v1::Initializer::kZeros:
      return "zeros";
    case v1::Initializer::kWeights:
      return absl::StrCat("given weights ", initializer.weights().digest().substr(0, 12));
    case v1::Initializer::KIND_NOT_SET:
      break;
  }
  return "";
}

}  // namespace trainyard::client
