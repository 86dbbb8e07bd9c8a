// Checkpoints: the name carries the right digest, so that the parser itself is
// reached.
#include "core/base/file.h"
#include "core/checkpoint/checkpoint.h"
#include "tests/fuzz/ingest_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  trainyard::NetworkSpec network;
  network.inputs = 2;
  network.layers = {{2, trainyard::Activation::kSigmoid}};
  trainyard::Sha256 hash;
  hash.Update(std::span<const std::uint8_t>(data, size));
  const std::string name = "1-0-a1-" + hash.HexDigest() + ".safetensors";
  const auto path = trainyard::Write(name.c_str(), data, size);
  const auto checkpoint = trainyard::ReadCheckpoint(path, network);
  std::filesystem::remove(path);
  const auto epoch = [](const auto& state) { return state.epochs_completed; };
  if (checkpoint.ok() && std::visit(epoch, checkpoint->state) != 1) std::abort();
  return 0;
}
