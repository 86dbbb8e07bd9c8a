// Specs of networks and jobs, as messages on the wire: the first byte is how much of the
// rest, in parts of 255, is the network. What is accepted is accepted again with its
// defaults filled in.
#include <cstdint>
#include <string>

#include "server/convert/network.h"
#include "server/convert/training.h"

namespace {

using trainyard::NetworkSpec;
using trainyard::server::ToCore;

NetworkSpec NetworkOf(const trainyard::v1::NetworkSpec& message) {
  const auto spec = ToCore(message);
  if (!spec.ok()) return {};
  if (!ToCore(trainyard::server::ToProto(*spec)).ok()) __builtin_trap();
  trainyard::server::DescribeNetwork(*spec);
  return *spec;
}

void Train(trainyard::v1::TrainingJobSpec message, const NetworkSpec& network) {
  const auto request = ToCore(message, network.seed);
  if (!request.ok()) return;
  trainyard::server::FillDefaults(*request, &message);
  if (!ToCore(message, network.seed).ok()) __builtin_trap();
  if (!network.layers.empty()) CheckFor(*request, network).IgnoreError();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::size_t network_size = bytes.size() * data[0] / 255;
  trainyard::v1::NetworkSpec network;
  trainyard::v1::TrainingJobSpec job;
  if (!network.ParseFromString(bytes.substr(0, network_size))) return 0;
  if (!job.ParseFromString(bytes.substr(network_size))) return 0;
  Train(job, NetworkOf(network));
  return 0;
}
