// A network and a run of it, small enough for every test.
#pragma once

#include <utility>
#include <vector>

#include "core/train/trainer.h"

namespace trainyard::testing {

inline constexpr int kInputs = 19;
inline constexpr int kClasses = 3;

inline NetworkSpec Network(std::vector<LayerSpec> layers) {
  NetworkSpec network;
  network.inputs = kInputs;
  network.layers = std::move(layers);
  network.seed = 5;
  return network;
}

inline NetworkSpec SigmoidNetwork() { return Network({{17}, {1}, {33}, {kClasses}}); }

inline NetworkSpec SoftmaxNetwork() {
  NetworkSpec network =
      Network({{17, Activation::kRelu}, {5, Activation::kTanh}, {kClasses, Activation::kSoftmax}});
  network.loss = Loss::kCrossEntropy;
  return network;
}

inline TrainingSpec Spec(int epochs, int batch_size) {
  TrainingSpec spec;
  spec.epochs = epochs;
  spec.learning_rate = 0.05;
  spec.batch_size = batch_size;
  spec.seed = 9;
  return spec;
}

}  // namespace trainyard::testing
