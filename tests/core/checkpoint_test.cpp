#include "core/checkpoint/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>

#include "core/base/error.h"
#include "tests/support/temp_dataset.h"

namespace trainyard {
namespace {

using ::testing::MatchesRegex;

NetworkSpec Tiny(bool bias = true) {
  NetworkSpec network;
  network.inputs = 2;
  network.layers = {{3}, {1}};
  network.bias = bias;
  return network;
}

CheckpointHeader Header() {
  CheckpointHeader header;
  header.attempt = 2;
  header.kernel_variant = "avx2";
  header.dataset_digest = std::string(64, 'a');
  header.scaling.kind = ScalingKind::kDivideBy255;
  return header;
}

template <typename T>
TrainingState<T> StateWith(Parameters<T> parameters) {
  TrainingState<T> state(std::move(parameters));
  state.epochs_completed = 4;
  state.samples = 17;
  return state;
}

class CheckpointTest : public ::testing::Test {
 protected:
  template <typename T>
  std::filesystem::path Write(const CheckpointHeader& header, const Parameters<T>& parameters) {
    return Write(header, StateWith(parameters));
  }
  template <typename T>
  std::filesystem::path Write(const CheckpointHeader& header, const TrainingState<T>& state) {
    const auto written = WriteCheckpoint(folder_.path(), header, state);
    EXPECT_TRUE(written.ok()) << written.status();
    EXPECT_EQ(static_cast<std::uintmax_t>(written->size_bytes),
              std::filesystem::file_size(folder_.path() / written->file_name));
    return folder_.path() / written->file_name;
  }

  static std::string Bytes(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  static void Overwrite(const std::filesystem::path& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary) << bytes;
  }

  testing::TempFolder folder_;
};

template <typename T>
std::string DigestIn(const Checkpoint& checkpoint) {
  return DigestOf(std::get<TrainingState<T>>(checkpoint.state).parameters);
}

TEST_F(CheckpointTest, ComesBackAsItWas) {
  for (const bool bias : {true, false}) {
    const auto parameters = DrawParameters<float>(Tiny(bias));
    const auto file = Write(Header(), parameters);
    EXPECT_THAT(file.filename().string(), MatchesRegex("4-17-a2-[0-9a-f]{64}\\.safetensors"));
    const auto read = ReadCheckpoint(file, Tiny(bias));
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(DigestIn<float>(*read), DigestOf(parameters));
    EXPECT_EQ(std::get<TrainingState<float>>(read->state).epochs_completed, 4);
    EXPECT_EQ(std::get<TrainingState<float>>(read->state).samples, 17);
    EXPECT_EQ(read->header.attempt, 2);
    EXPECT_EQ(read->header.kernel_variant, "avx2");
    EXPECT_EQ(read->header.dataset_digest, std::string(64, 'a'));
    EXPECT_EQ(read->header.scaling.kind, ScalingKind::kDivideBy255);
  }
}

TEST_F(CheckpointTest, KeepsDoublesAndAStandardScaling) {
  const auto parameters = DrawParameters<double>(Tiny());
  CheckpointHeader header = Header();
  header.scaling = {ScalingKind::kStandard, {0.1, 1e300}, {1.0 / 3, -2}};
  const auto read = ReadCheckpoint(Write(header, parameters), Tiny());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(DigestIn<double>(*read), DigestOf(parameters));
  EXPECT_EQ(read->header.scaling.offset, header.scaling.offset);
  EXPECT_EQ(read->header.scaling.factor, header.scaling.factor);
}

// Everything that going on from it needs.
TEST_F(CheckpointTest, KeepsTheOptimisersSlotsTheGeneratorAndTheBestEpoch) {
  CheckpointHeader header = Header();
  header.spec_digest = "what was asked";
  header.slots = {"mean", "square"};
  NetworkSpec other = Tiny();
  auto state = StateWith(DrawParameters<double>(other));
  for (other.seed = 1; other.seed <= 2; ++other.seed) {
    state.slots.push_back(DrawParameters<double>(other));
  }
  state.seconds = 1.0 / 3;
  state.updates = 99;
  state.best_epoch = 3;
  state.best_validation_cost = -0.0;
  Mt19937 generator(5);
  for (int i = 0; i < 700; ++i) generator.NextUint32();
  state.generator = generator.state();
  const auto read = ReadCheckpoint(Write(header, state), Tiny());
  ASSERT_TRUE(read.ok()) << read.status();
  const auto& found = std::get<TrainingState<double>>(read->state);
  EXPECT_EQ(read->header.spec_digest, header.spec_digest);
  EXPECT_EQ(read->header.slots, header.slots);
  EXPECT_EQ(DigestOf(found.parameters), DigestOf(state.parameters));
  ASSERT_EQ(found.slots.size(), 2);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(DigestOf(found.slots[i]), DigestOf(state.slots[i]));
  }
  EXPECT_EQ(found.seconds, state.seconds);
  EXPECT_EQ(found.updates, 99);
  EXPECT_EQ(found.best_epoch, 3);
  EXPECT_TRUE(std::signbit(found.best_validation_cost));
  EXPECT_EQ(found.generator, state.generator);
}

TEST_F(CheckpointTest, IsSafetensors) {
  const std::string bytes = Bytes(Write(Header(), DrawParameters<float>(Tiny())));
  std::uint64_t length = 0;
  ASSERT_GE(bytes.size(), sizeof(length));
  std::copy_n(bytes.data(), sizeof(length), reinterpret_cast<char*>(&length));
  EXPECT_EQ(length % 8, 0);
  const std::string json = bytes.substr(8, length);
  EXPECT_EQ(json.front(), '{');
  EXPECT_THAT(json,
              ::testing::HasSubstr(R"("W1":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]})"));
  EXPECT_THAT(json,
              ::testing::HasSubstr(R"("b1":{"dtype":"F32","shape":[3],"data_offsets":[24,36]})"));
  EXPECT_EQ(bytes.size(), 8 + length + 13 * 4);
}

TEST_F(CheckpointTest, EveryFlippedBitIsFound) {
  const auto file = Write(Header(), DrawParameters<float>(Tiny()));
  const std::string bytes = Bytes(file);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string flipped = bytes;
    flipped[i] = static_cast<char>(flipped[i] ^ (1 << (i % 8)));
    Overwrite(file, flipped);
    const auto read = ReadCheckpoint(file, Tiny());
    ASSERT_EQ(read.status().code(), absl::StatusCode::kDataLoss) << "byte " << i;
  }
}

TEST_F(CheckpointTest, EveryTruncationAndAnyExtraByteIsFound) {
  const auto file = Write(Header(), DrawParameters<float>(Tiny()));
  const std::string bytes = Bytes(file);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    Overwrite(file, bytes.substr(0, size));
    ASSERT_EQ(ReadCheckpoint(file, Tiny()).status().code(), absl::StatusCode::kDataLoss) << size;
  }
  Overwrite(file, bytes + '\0');
  EXPECT_EQ(ReadCheckpoint(file, Tiny()).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(CheckpointTest, OfAnotherNetworkIsRefused) {
  const auto file = Write(Header(), DrawParameters<float>(Tiny()));
  NetworkSpec other = Tiny();
  other.layers[0].units = 4;
  EXPECT_EQ(ReadCheckpoint(file, other).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ReadCheckpoint(file, Tiny(false)).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(CheckpointTest, ThatIsNotThereIsNotFound) {
  EXPECT_EQ(ReadCheckpoint(folder_.path() / "none", Tiny()).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(CheckpointTest, WrittenTwiceIsOneFileAndNothingElseIsLeft) {
  const auto parameters = DrawParameters<float>(Tiny());
  EXPECT_EQ(Write(Header(), parameters), Write(Header(), parameters));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1);
}

TEST_F(CheckpointTest, AFolderThatIsNotThereIsAnError) {
  EXPECT_FALSE(
      WriteCheckpoint(folder_.path() / "none", Header(), StateWith(DrawParameters<float>(Tiny())))
          .ok());
}

}  // namespace
}  // namespace trainyard
