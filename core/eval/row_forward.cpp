#include "core/eval/row_forward.h"

namespace trainyard {

template <typename T>
RowForward<T>::RowForward(const NetworkSpec& network, const Parameters<T>& parameters,
                          const Scaling& scaling)
    : scaling_(scaling),
      packed_(network, parameters),
      max_rows_(RowsAtOnce(network)),
      inputs_(scaling_, network.inputs, max_rows_),
      forward_(network, max_rows_) {}

template <typename T>
void RowForward<T>::Run() {
  forward_.Run(packed_, inputs_.rows());
}

template class RowForward<float>;
template class RowForward<double>;

}  // namespace trainyard
