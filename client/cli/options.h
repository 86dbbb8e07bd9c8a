// Option values that are more than a word: text to proto, without a server.
// Errors are INVALID_ARGUMENT with what was expected.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "trainyard/v1/network.pb.h"
#include "trainyard/v1/training.pb.h"

namespace trainyard::client {

// The words that options take, for checks, help and completion.
inline const std::vector<std::string> kActivations = {
    "sigmoid", "relu", "tanh", "linear", "softmax", "step", "leaky-relu", "gelu", "softplus"};
inline const std::vector<std::string> kLosses = {"tse", "cross-entropy"};

// "784,500,200,10": units of every layer, the input first; at least two.
absl::StatusOr<std::vector<int>> ParseLayers(absl::string_view text);

// "relu" or "relu,relu,sigmoid" onto the layers after the input of `spec`: one
// for each, or one for all hidden layers, and then the output's is left to the
// server. Empty leaves all of them to the server.
absl::Status ApplyActivations(absl::string_view text, v1::NetworkSpec* spec);

// "uniform:-0.5:0.5", "xavier", "he" or "zeros".
absl::StatusOr<v1::Initializer> ParseInitializer(absl::string_view text);

v1::Loss ParseLoss(absl::string_view word);
v1::InputScaling ParseInputScaling(absl::string_view word);

// Numbers of CSV lines, one row a line.
absl::StatusOr<std::vector<std::vector<float>>> ParseRows(absl::string_view csv);

// SIGMOID as sigmoid, TOTAL_SQUARED_ERROR as tse and so on: the words above.
std::string ActivationWord(v1::Activation activation);
std::string LossWord(v1::Loss loss);
std::string InputScalingWord(v1::InputScaling scaling);
std::string InitializerWords(const v1::Initializer& initializer);

}  // namespace trainyard::client
