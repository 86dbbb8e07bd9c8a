// Time a sample of training and of the cost pass, on one thread and on two, for the
// reference network and data as sparse as MNIST's. Run with
// TRAINYARD_KERNELS=baseline|avx2|avx512 for another instruction set.
#include <benchmark/benchmark.h>

#include "core/eval/dataset_pass.h"
#include "core/rng/philox.h"
#include "core/train/epoch_runner.h"
#include "tests/support/temp_dataset.h"

namespace trainyard {
namespace {

constexpr int kRows = 2000;
constexpr int kFeatures = 784;

NetworkSpec ReferenceNetwork() {
  NetworkSpec spec;
  spec.inputs = kFeatures;
  spec.layers = {
      {500, Activation::kSigmoid}, {200, Activation::kSigmoid}, {10, Activation::kSigmoid}};
  return spec;
}

// 81 % zeros in runs, as strokes leave them.
Dataset SparseImages() {
  PhiloxStream stream(1, RandomPurpose::kGenerator);
  testing::TempRows rows{kFeatures, {}, std::vector<std::uint8_t>(kRows * kFeatures)};
  std::vector<std::int32_t> labels(kRows);
  for (std::size_t row = 0; row < kRows; ++row) {
    labels[row] = static_cast<std::int32_t>(stream.NextBelow(10));
    for (int stroke = 0; stroke < 20; ++stroke) {
      const auto start = row * kFeatures + stream.NextBelow(kFeatures - 8);
      for (std::size_t i = 0; i < 8; ++i) {
        rows.bytes[start + i] = static_cast<std::uint8_t>(1 + stream.NextBelow(255));
      }
    }
  }
  return testing::MakeDataset(rows, labels);
}

// Reports seconds a row, which benchmark prints with its unit (u for 1e-6).
void ReportPerRow(benchmark::State& state) {
  state.counters["s_a_sample"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * kRows,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

template <typename T>
void BM_Train(benchmark::State& state) {
  const NetworkSpec network = ReferenceNetwork();
  const Dataset dataset = SparseImages();
  TrainingSpec spec;
  spec.learning_rate = 0.3;
  spec.batch_size = static_cast<int>(state.range(0));
  Scaling scaling;
  scaling.kind = ScalingKind::kDivideBy255;
  PackedNetwork<T> packed(network, DrawParameters<T>(network));
  ThreadTeam team(static_cast<int>(state.range(1)));
  EpochRunner<T> runner(network, spec, scaling, dataset, team);
  int epoch = 0;
  for (auto _ : state) {
    const auto number = static_cast<std::uint32_t>(++epoch);
    runner.Run(
        packed, {epoch, 0, RandomPermutation(kRows, spec.seed, number), 0},
        [](std::int64_t) { return true; }, [] { return false; });
  }
  ReportPerRow(state);
}
// {batch size, threads}
BENCHMARK(BM_Train<float>)
    ->ArgsProduct({{1, 32, 128, 512}, {1}})
    ->ArgsProduct({{32, 128, 512}, {2}})
    ->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Train<double>)->Args({1, 1})->Args({128, 1})->Unit(benchmark::kMillisecond);

template <typename T>
void BM_CostPass(benchmark::State& state) {
  const NetworkSpec network = ReferenceNetwork();
  const Dataset dataset = SparseImages();
  Scaling scaling;
  scaling.kind = ScalingKind::kDivideBy255;
  const PackedNetwork<T> packed(network, DrawParameters<T>(network));
  ThreadTeam team(static_cast<int>(state.range(0)));
  DatasetPass<T> pass(network, scaling, dataset, team);
  for (auto _ : state) benchmark::DoNotOptimize(CostOf(pass, packed, dataset));
  ReportPerRow(state);
}
BENCHMARK(BM_CostPass<float>)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_CostPass<double>)->Arg(1)->Unit(benchmark::kMillisecond);

// The largest product of a batch of 128: GFLOP/s of the dense kernel.
template <typename T>
void BM_Multiply(benchmark::State& state) {
  constexpr std::int64_t kM = 128;
  constexpr std::int64_t kN = 500;
  constexpr std::int64_t kK = 784;
  const std::int64_t lda = PaddedStride<T>(kK);
  const std::int64_t ldb = PaddedStride<T>(kN);
  const AlignedBuffer<T> a(static_cast<std::size_t>(kM * lda));
  const AlignedBuffer<T> b(static_cast<std::size_t>(kK * ldb));
  AlignedBuffer<T> c(static_cast<std::size_t>(kM * ldb));
  for (auto _ : state) {
    ActiveKernels<T>().multiply(kM, kN, kK, a.data(), lda, b.data(), ldb, c.data(), ldb);
  }
  state.counters["flop/s"] = benchmark::Counter(
      static_cast<double>(state.iterations()) * 2 * kM * kN * kK, benchmark::Counter::kIsRate);
}
BENCHMARK(BM_Multiply<float>);
BENCHMARK(BM_Multiply<double>);

}  // namespace
}  // namespace trainyard

BENCHMARK_MAIN();
