#include "server/worker/model.h"

#include <utility>

#include "server/convert/network.h"
#include "server/store/layout.h"

namespace trainyard::server {

absl::StatusOr<LoadedModel> LoadModel(const WorkerContext& context,
                                      const worker::v1::Model& model) {
  auto network = ToCore(model.network());
  if (!network.ok()) return network.status();
  auto checkpoint = ReadCheckpoint(context.data_dir / model.checkpoint_path(), *network);
  if (!checkpoint.ok()) return checkpoint.status();
  return LoadedModel{*std::move(network), *std::move(checkpoint)};
}

absl::StatusOr<Dataset> OpenDataset(const WorkerContext& context, const v1::Dataset& dataset) {
  return Dataset::Open(Layout(context.data_dir).Dataset(dataset.digest()));
}

}  // namespace trainyard::server
