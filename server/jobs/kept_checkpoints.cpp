#include "server/jobs/kept_checkpoints.h"

#include <algorithm>
#include <limits>
#include <tuple>

namespace trainyard::server {
namespace {

using store::v1::JobRecord;
using store::v1::KeptCheckpoint;

// Two, so that a damaged one has one before it to go on from.
constexpr int kGenerations = 2;

auto PlaceOf(const auto& checkpoint) {
  return std::make_tuple(checkpoint.epoch(), checkpoint.sample());
}

bool EndsEpoch(const KeptCheckpoint& checkpoint) { return checkpoint.sample() == 0; }

// The one at the end of an epoch with the lowest cost; none has -1.
int BestOf(const JobRecord& record) {
  int best = -1;
  for (int i = 0; i < record.checkpoints_size(); ++i) {
    const KeptCheckpoint& one = record.checkpoints(i);
    if (!EndsEpoch(one) || one.epoch() == 0) continue;
    if (best < 0 || one.cost() < record.checkpoints(best).cost()) best = i;
  }
  return best;
}

// Of the states at the end of an epoch, this many at the end of the list.
int EpochsKept(const JobRecord& record) {
  const int asked = record.job().spec().keep_checkpoints();
  return asked < 0 ? std::numeric_limits<int>::max() : asked;
}

void Prune(JobRecord& record) {
  const int best = record.job().spec().keep_checkpoints() == 0 ? BestOf(record) : -1;
  int epochs_left = EpochsKept(record);
  google::protobuf::RepeatedPtrField<KeptCheckpoint> kept;
  for (int i = record.checkpoints_size() - 1; i >= 0; --i) {
    const KeptCheckpoint& one = record.checkpoints(i);
    const bool recent = i >= record.checkpoints_size() - kGenerations;
    const bool asked = EndsEpoch(one) && epochs_left-- > 0;
    if (recent || asked || i == best) *kept.Add() = one;
  }
  std::reverse(kept.begin(), kept.end());
  *record.mutable_checkpoints() = std::move(kept);
}

double CostOf(const JobRecord& record, int epoch) {
  const auto& last = record.job().last_epoch();
  if (last.epoch() != epoch) return std::numeric_limits<double>::infinity();
  return last.has_validation_cost() ? last.validation_cost() : last.cost();
}

}  // namespace

bool KeepCheckpoint(const worker::v1::Checkpoint& written, JobRecord& record) {
  auto& kept = *record.mutable_checkpoints();
  const bool there =
      std::ranges::any_of(kept, [&](const auto& one) { return one.file() == written.file(); });
  if (there) return false;
  // After a lost worker the same places come again: the newest file counts.
  kept.erase(std::remove_if(kept.begin(), kept.end(),
                            [&](const auto& one) { return PlaceOf(one) >= PlaceOf(written); }),
             kept.end());
  KeptCheckpoint& added = *kept.Add();
  added.set_epoch(written.epoch());
  added.set_sample(written.sample());
  added.set_file(written.file());
  added.set_weights_digest(written.weights_digest());
  added.set_size_bytes(written.size_bytes());
  added.set_cost(CostOf(record, written.epoch()));
  Prune(record);
  ListKeptEpochs(record);
  return true;
}

std::int64_t MostCheckpoints(const v1::TrainingJobSpec& spec) {
  // The state before the first epoch is one, too.
  const std::int64_t ends = std::int64_t{spec.epochs()} + 1;
  const std::int64_t asked = spec.keep_checkpoints() < 0 ? ends : spec.keep_checkpoints();
  const std::int64_t best = spec.keep_checkpoints() == 0 ? 1 : 0;
  return std::min(ends, asked) + best + kGenerations;
}

void ListKeptEpochs(JobRecord& record) {
  record.mutable_job()->clear_checkpoint_epochs();
  for (const KeptCheckpoint& one : record.checkpoints()) {
    if (EndsEpoch(one)) record.mutable_job()->add_checkpoint_epochs(one.epoch());
  }
}

void TakeNewestWeights(JobRecord& record) {
  for (const KeptCheckpoint& one : record.checkpoints()) {
    if (EndsEpoch(one)) record.mutable_job()->set_weights_digest(one.weights_digest());
  }
}

}  // namespace trainyard::server
