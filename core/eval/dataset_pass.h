// One walk over a dataset with fixed weights: what costs and evaluations share.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "core/base/thread_team.h"
#include "core/eval/batch_forward.h"
#include "core/eval/input_batch.h"

namespace trainyard {

// Keeps references to all that it is given, and buffers for one batch: the
// dataset itself is read where it is mapped. The threads of the team share out
// the rows of a batch; each row's figures depend on that row alone.
template <typename T>
class DatasetPass {
 public:
  DatasetPass(const NetworkSpec& network, const Scaling& scaling, const Dataset& dataset,
              ThreadTeam& team);

  // Hears of each row, in order: the network's outputs y, the targets t, and the
  // loss F. On the caller's thread.
  using Visitor = std::function<void(std::int64_t row, std::span<const T> y, std::span<const T> t,
                                     double loss)>;

  // False where `stop` ended it early.
  bool Run(const PackedNetwork<T>& network, const Visitor& visitor,
           const std::stop_token& stop = {});

 private:
  void VisitBatch(const PackedNetwork<T>& network, std::int64_t first, const Visitor& visitor);
  // Reads and computes a part of the batch that begins at row `first`.
  void RunPart(const PackedNetwork<T>& network, std::int64_t first, std::int64_t from,
               std::int64_t to, InputBatch<T>& inputs);
  std::span<T> TargetOf(std::int64_t row_of_batch);

  const Dataset& dataset_;
  ThreadTeam& team_;
  std::int64_t max_rows_;
  // One for each part.
  std::vector<std::unique_ptr<InputBatch<T>>> inputs_;
  TargetReader<T> target_reader_;
  BatchForward<T> forward_;
  std::size_t outputs_;
  std::vector<T> targets_;
  std::vector<double> losses_;
};

struct CostResult {
  // Loss summed over the rows.
  double cost = 0;
  // Classification.
  std::optional<double> accuracy;
};

// Cost and accuracy in one pass; nothing where `stop` ended it early.
template <typename T>
std::optional<CostResult> CostOf(DatasetPass<T>& pass, const PackedNetwork<T>& network,
                                 const Dataset& dataset, const std::stop_token& stop = {});

}  // namespace trainyard
