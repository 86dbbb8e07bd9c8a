#include "core/loss/loss.h"

#include "core/loss/cross_entropy.h"
#include "core/loss/total_squared_error.h"

namespace trainyard {

template <typename T>
const LossFunction<T>& FunctionOf(Loss loss) {
  static constexpr LossFunction<T> kTotalSquaredError = {false, &TotalSquaredError<T>,
                                                         &TotalSquaredErrorGradient<T>};
  static constexpr LossFunction<T> kCrossEntropy = {true, &SoftmaxCrossEntropy<T>,
                                                    &SoftmaxCrossEntropyGradient<T>};
  return loss == Loss::kCrossEntropy ? kCrossEntropy : kTotalSquaredError;
}

template const LossFunction<float>& FunctionOf<float>(Loss);
template const LossFunction<double>& FunctionOf<double>(Loss);

}  // namespace trainyard
