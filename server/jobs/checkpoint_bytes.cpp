#include "server/jobs/checkpoint_bytes.h"

#include <algorithm>
#include <functional>

#include "core/base/text.h"
#include "core/optim/optimizer.h"
#include "server/convert/network.h"
#include "server/convert/training.h"
#include "server/events/event_hub.h"
#include "server/jobs/kept_checkpoints.h"
#include "server/resources/quota.h"

namespace trainyard::server {
namespace {

constexpr int kRowsAtOnce = 1000;
// What a file has beside its numbers, about.
constexpr std::int64_t kHeaderBytes = 4096;

std::int64_t BytesToCome(const v1::TrainingJob& job) {
  // Both were checked when the job was made.
  const auto network = ToCore(job.network_spec());
  if (!network.ok()) return 0;
  const auto training = ToCore(job.spec(), network->seed);
  if (!training.ok()) return 0;
  const auto copies = static_cast<std::int64_t>(1 + SlotNamesOf(training->spec.optimizer).size());
  const std::int64_t number_bytes = training->precision == Precision::kF64 ? 8 : 4;
  return MostCheckpoints(job.spec()) *
         (ParameterCount(*network) * copies * number_bytes + kHeaderBytes);
}

// The sum over a user's resources of a kind.
absl::StatusOr<std::int64_t> SumOver(Reader& reader, ResourceKind kind, std::string_view user,
                                     const std::function<std::int64_t(const std::string&)>& of) {
  std::int64_t bytes = 0;
  std::int64_t after = 0;
  while (true) {
    auto rows = reader.List(kind, user, after, kRowsAtOnce);
    if (!rows.ok()) return rows.status();
    if (rows->empty()) return bytes;
    for (const ResourceRow& row : *rows) bytes += of(row.body);
    after = rows->back().id;
  }
}

}  // namespace

std::int64_t CheckpointBytesOf(const store::v1::JobRecord& record) {
  std::int64_t bytes = 0;
  for (const auto& kept : record.checkpoints()) bytes += kept.size_bytes();
  if (!IsTerminal(record.job().state())) bytes = std::max(bytes, BytesToCome(record.job()));
  return bytes + GivenBytesOf(record.job().network_spec());
}

std::int64_t GivenBytesOf(const v1::NetworkSpec& spec) {
  if (!spec.initializer().has_weights()) return 0;
  const auto network = ToCore(spec);
  return network.ok() ? ParameterCount(*network) * static_cast<std::int64_t>(sizeof(double)) : 0;
}

absl::StatusOr<std::int64_t> CheckpointBytesOfUser(Reader& reader, std::string_view user) {
  auto jobs = SumOver(reader, ResourceKind::kJob, user, [](const std::string& body) {
    store::v1::JobRecord record;
    record.ParseFromString(body);
    return CheckpointBytesOf(record);
  });
  if (!jobs.ok()) return jobs.status();
  auto networks = SumOver(reader, ResourceKind::kNetwork, user, [](const std::string& body) {
    v1::Network network;
    network.ParseFromString(body);
    return GivenBytesOf(network.spec());
  });
  if (!networks.ok()) return networks.status();
  return *jobs + *networks;
}

absl::Status CheckCheckpointBytes(Reader& reader, const v1::Quota& quota, const std::string& user,
                                  std::int64_t more) {
  if (!quota.has_checkpoint_bytes()) return absl::OkStatus();
  const auto used = CheckpointBytesOfUser(reader, user);
  if (!used.ok()) return used.status();
  if (*used + more <= quota.checkpoint_bytes()) return absl::OkStatus();
  return OverQuota(
      user, "checkpoint_bytes",
      StrCat(user, " has ", *used, " bytes of checkpoints and given weights and may have ",
             quota.checkpoint_bytes(), ": up to ", more,
             " more are too many; delete jobs or networks, or keep fewer checkpoints"));
}

}  // namespace trainyard::server
