#include "core/kernels/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include "core/kernels/aligned_buffer.h"
#include "core/kernels/variant.h"
#include "core/rng/philox.h"

namespace trainyard {
namespace {

// Every test runs once for each instruction set of this machine.
class KernelsTest : public ::testing::TestWithParam<std::string> {
 protected:
  KernelsTest() : before_(ActiveVariant()) { EXPECT_TRUE(SelectVariant(GetParam())); }
  ~KernelsTest() override { SelectVariant(before_); }

 private:
  std::string before_;
};

std::vector<std::string> Variants() {
  std::vector<std::string> names;
  for (const std::string_view name : AvailableVariants()) names.emplace_back(name);
  return names;
}

// A padded matrix with random entries and zero padding.
template <typename T>
class Matrix {
 public:
  Matrix(std::int64_t rows, std::int64_t columns, std::uint32_t seed)
      : columns_(columns),
        stride_(PaddedStride<T>(columns)),
        memory_(static_cast<std::size_t>(rows * stride_)) {
    PhiloxStream stream(seed, RandomPurpose::kGenerator);
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < columns; ++c) at(r, c) = T(2 * stream.NextUniform() - 1);
    }
  }
  T& at(std::int64_t r, std::int64_t c) { return memory_.data()[r * stride_ + c]; }
  T* data() { return memory_.data(); }
  std::int64_t stride() const { return stride_; }
  std::int64_t columns() const { return columns_; }

 private:
  std::int64_t columns_;
  std::int64_t stride_;
  AlignedBuffer<T> memory_;
};

template <typename T>
constexpr double kTolerance = sizeof(T) == 4 ? 2e-5 : 1e-13;

struct Sizes {
  std::int64_t m, n, k;
};
constexpr Sizes kSizes[] = {{1, 1, 1},    {3, 17, 5},    {6, 16, 256},   {7, 10, 257},
                            {13, 33, 64}, {145, 40, 19}, {128, 100, 300}};

template <typename T>
void CheckProducts() {
  const Kernels<T>& kernels = ActiveKernels<T>();
  for (const auto& [m, n, k] : kSizes) {
    Matrix<T> a(m, k, 1);
    Matrix<T> a_transposed(k, m, 1);
    Matrix<T> b(k, n, 2);
    Matrix<T> b_transposed(n, k, 2);
    for (std::int64_t i = 0; i < k; ++i) {
      for (std::int64_t r = 0; r < m; ++r) a_transposed.at(i, r) = a.at(r, i);
      for (std::int64_t c = 0; c < n; ++c) b_transposed.at(c, i) = b.at(i, c);
    }
    Matrix<T> plain(m, n, 3);
    Matrix<T> left(m, n, 3);
    Matrix<T> right(m, n, 3);
    Matrix<T> from_zero(m, n, 3);
    for (std::int64_t r = 0; r < m; ++r) {
      for (std::int64_t c = 0; c < n; ++c) from_zero.at(r, c) = 0;
    }
    kernels.multiply(m, n, k, a.data(), a.stride(), b.data(), b.stride(), from_zero.data(),
                     from_zero.stride());
    Matrix<T> start(m, n, 3);
    kernels.multiply(m, n, k, a.data(), a.stride(), b.data(), b.stride(), plain.data(),
                     plain.stride());
    kernels.multiply_transposed(m, n, k, a_transposed.data(), a_transposed.stride(), b.data(),
                                b.stride(), left.data(), left.stride());
    kernels.multiply_by_transposed(m, n, k, a.data(), a.stride(), b_transposed.data(),
                                   b_transposed.stride(), right.data(), right.stride());
    for (std::int64_t r = 0; r < m; ++r) {
      for (std::int64_t c = 0; c < n; ++c) {
        double expected = static_cast<double>(start.at(r, c));
        for (std::int64_t i = 0; i < k; ++i) {
          expected += static_cast<double>(a.at(r, i)) * static_cast<double>(b.at(i, c));
        }
        ASSERT_NEAR(static_cast<double>(plain.at(r, c)), expected, kTolerance<T>);
        // The same chain, so the same bits.
        ASSERT_EQ(left.at(r, c), plain.at(r, c));
        ASSERT_EQ(right.at(r, c), from_zero.at(r, c));
      }
    }
  }
}

TEST_P(KernelsTest, DenseProductsAgree) {
  CheckProducts<float>();
  CheckProducts<double>();
}

template <typename T>
void CheckSparseProduct() {
  const Kernels<T>& kernels = ActiveKernels<T>();
  for (const auto& [m, n, k] : kSizes) {
    Matrix<T> a(m, k, 1);
    Matrix<T> b(k, n, 2);
    Matrix<T> dense(m, n, 3);
    Matrix<T> sparse(m, n, 3);
    std::vector<std::int64_t> offsets = {0};
    std::vector<std::int32_t> columns;
    std::vector<T> values;
    for (std::int64_t r = 0; r < m; ++r) {
      for (std::int64_t i = 0; i < k; ++i) {
        if ((r + i) % 3 != 0) {
          a.at(r, i) = 0;
          continue;
        }
        columns.push_back(static_cast<std::int32_t>(i));
        values.push_back(a.at(r, i));
      }
      offsets.push_back(static_cast<std::int64_t>(values.size()));
    }
    kernels.multiply(m, n, k, a.data(), a.stride(), b.data(), b.stride(), dense.data(),
                     dense.stride());
    kernels.sparse_multiply({m, offsets.data(), columns.data(), values.data()}, b.data(),
                            b.stride(), n, sparse.data(), sparse.stride());
    for (std::int64_t r = 0; r < m; ++r) {
      for (std::int64_t c = 0; c < n; ++c) ASSERT_EQ(sparse.at(r, c), dense.at(r, c));
    }
  }
}

TEST_P(KernelsTest, LeavingOutZerosDoesNotChangeABit) {
  CheckSparseProduct<float>();
  CheckSparseProduct<double>();
}

// x as the rows of a sparse matrix that has them all.
template <typename T>
class Dense {
 public:
  Dense(Matrix<T>& x, std::int64_t rows) {
    offsets_ = {0};
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < x.columns(); ++c) values_.push_back(x.at(r, c));
      offsets_.push_back(static_cast<std::int64_t>(values_.size()));
    }
  }
  SparseRows<T> rows() const {
    return {static_cast<std::int64_t>(offsets_.size()) - 1, offsets_.data(), nullptr,
            values_.data()};
  }

 private:
  std::vector<std::int64_t> offsets_;
  std::vector<T> values_;
};

template <typename T>
void CheckDescents() {
  const Kernels<T>& kernels = ActiveKernels<T>();
  const T rate{0.3};
  for (const auto& [m, n, k] : kSizes) {
    Matrix<T> a(m, k, 1);
    Matrix<T> a_transposed(k, m, 1);
    Matrix<T> b(k, n, 2);
    Matrix<T> product(m, n, 3);
    Matrix<T> apart(m, n, 4);
    Matrix<T> fused(m, n, 4);
    Matrix<T> sparse(m, n, 4);
    for (std::int64_t r = 0; r < m; ++r) {
      for (std::int64_t i = 0; i < k; ++i) a_transposed.at(i, r) = a.at(r, i);
      for (std::int64_t c = 0; c < n; ++c) product.at(r, c) = 0;
    }
    kernels.multiply(m, n, k, a.data(), a.stride(), b.data(), b.stride(), product.data(),
                     product.stride());
    kernels.subtract_scaled(m * apart.stride(), rate, product.data(), apart.data());
    kernels.descend_transposed(m, n, k, a_transposed.data(), a_transposed.stride(), b.data(),
                               b.stride(), rate, fused.data(), fused.stride());
    const Dense<T> dense(a, m);
    kernels.sparse_descend(dense.rows(), b.data(), b.stride(), n, rate, sparse.data(),
                           sparse.stride());
    for (std::int64_t r = 0; r < m; ++r) {
      for (std::int64_t c = 0; c < n; ++c) {
        ASSERT_EQ(fused.at(r, c), apart.at(r, c));
        ASSERT_EQ(sparse.at(r, c), apart.at(r, c));
      }
    }
  }
}

TEST_P(KernelsTest, AFusedDescentIsTheSumThenTheStep) {
  CheckDescents<float>();
  CheckDescents<double>();
}

TEST_P(KernelsTest, ARowWithoutEntriesIsLeftAlone) {
  const std::vector<std::int64_t> offsets = {0, 0, 1};
  const std::int32_t column = 0;
  const float value = 1;
  Matrix<float> b(1, 20, 1);
  Matrix<float> c(2, 20, 2);
  Matrix<float> before(2, 20, 2);
  ActiveKernels<float>().sparse_descend({2, offsets.data(), &column, &value}, b.data(), b.stride(),
                                        20, 1, c.data(), c.stride());
  for (std::int64_t i = 0; i < 20; ++i) {
    EXPECT_EQ(c.at(0, i), before.at(0, i));
    EXPECT_NEAR(c.at(1, i), before.at(1, i) - b.at(0, i), 1e-6);
  }
}

template <typename T>
void CheckVectorProducts() {
  const Kernels<T>& kernels = ActiveKernels<T>();
  for (const auto& [units, ignored, inputs] : kSizes) {
    Matrix<T> w(inputs, units, 1);
    Matrix<T> a(1, inputs, 2);
    Matrix<T> s(1, units, 3);
    Matrix<T> as_batch(1, units, 4);
    Matrix<T> as_vector(1, units, 4);
    Matrix<T> back(1, inputs, 5);
    Matrix<T> before(1, inputs, 5);
    kernels.multiply(1, units, inputs, a.data(), a.stride(), w.data(), w.stride(), as_batch.data(),
                     as_batch.stride());
    kernels.multiply_vector(inputs, units, w.data(), w.stride(), a.data(), as_vector.data());
    kernels.multiply_vector_by_transposed(inputs, units, w.data(), w.stride(), s.data(),
                                          back.data());
    for (std::int64_t c = 0; c < units; ++c) ASSERT_EQ(as_vector.at(0, c), as_batch.at(0, c));
    for (std::int64_t r = 0; r < inputs; ++r) {
      double dot = static_cast<double>(before.at(0, r));
      for (std::int64_t c = 0; c < units; ++c) {
        dot += static_cast<double>(w.at(r, c)) * static_cast<double>(s.at(0, c));
      }
      ASSERT_NEAR(static_cast<double>(back.at(0, r)), dot, kTolerance<T>);
      // However many rows are done at once.
      T alone = before.at(0, r);
      kernels.multiply_vector_by_transposed(1, units, &w.at(r, 0), w.stride(), s.data(), &alone);
      ASSERT_EQ(back.at(0, r), alone);
    }
  }
}

TEST_P(KernelsTest, VectorProductsAgree) {
  CheckVectorProducts<float>();
  CheckVectorProducts<double>();
}

// Largest error of e^x in units of the last place.
template <typename T>
double WorstUlps(double from, double to) {
  constexpr int kCount = 200000;
  AlignedBuffer<T> x(kCount + 64);
  AlignedBuffer<T> y(kCount + 64);
  for (int i = 0; i < kCount; ++i) x.data()[i] = static_cast<T>(from + (to - from) * i / kCount);
  ActiveKernels<T>().exponential(kCount, x.data(), y.data());
  long double worst = 0;
  for (int i = 0; i < kCount; ++i) {
    const long double exact = std::exp(static_cast<long double>(x.data()[i]));
    const T rounded = static_cast<T>(exact);
    const long double ulp = std::nextafter(rounded, std::numeric_limits<T>::infinity()) - rounded;
    worst = std::max(worst, std::abs(static_cast<long double>(y.data()[i]) - exact) / ulp);
  }
  return static_cast<double>(worst);
}

TEST_P(KernelsTest, ExponentialIsWithinTwoUlps) {
  EXPECT_LT(WorstUlps<float>(-87, 88), 2);
  EXPECT_LT(WorstUlps<float>(-1, 1), 2);
  EXPECT_LT(WorstUlps<double>(-707, 708), 2);
  EXPECT_LT(WorstUlps<double>(-1, 1), 2);
}

template <typename T>
std::vector<T> Activated(Activation activation, const std::vector<T>& n) {
  Matrix<T> a(1, static_cast<std::int64_t>(n.size()), 1);
  std::copy(n.begin(), n.end(), a.data());
  ActiveKernels<T>().activate(activation, 1, a.columns(), a.data(), a.stride());
  return {a.data(), a.data() + n.size()};
}

template <typename T>
void CheckActivations() {
  const T infinity = std::numeric_limits<T>::infinity();
  const std::vector<T> n = {T(-1e30), T(-20), T(-1), T(-1e-6), T(0),     T(1e-6),
                            T(0.3),   T(1),   T(20), T(1e30),  infinity, -infinity};
  const double relative = sizeof(T) == 4 ? 1e-6 : 1e-15;
  const std::vector<T> sigmoid = Activated(Activation::kSigmoid, n);
  const std::vector<T> tanh = Activated(Activation::kTanh, n);
  const std::vector<T> relu = Activated(Activation::kRelu, n);
  const std::vector<T> step = Activated(Activation::kStep, n);
  for (std::size_t i = 0; i < n.size(); ++i) {
    const double x = static_cast<double>(n[i]);
    const double exact = 1 / (1 + std::exp(-x));
    EXPECT_NEAR(static_cast<double>(sigmoid[i]), exact, relative * exact + 1e-37) << x;
    EXPECT_NEAR(static_cast<double>(tanh[i]), std::tanh(x), relative * std::abs(std::tanh(x))) << x;
    EXPECT_EQ(relu[i], n[i] > 0 ? n[i] : T{0});
    EXPECT_EQ(step[i], n[i] >= 0 ? T{1} : T{0});
  }
}

TEST_P(KernelsTest, ActivationsAreExactAndDoNotOverflow) {
  CheckActivations<float>();
  CheckActivations<double>();
}

template <typename T>
void CheckFurtherActivations() {
  const std::vector<T> n = {T(-1e30), T(-90), T(-20), T(-1), T(-1e-6), T(0),
                            T(1e-6),  T(0.3), T(1),   T(20), T(90),    T(1e30)};
  const double relative = sizeof(T) == 4 ? 1e-6 : 2e-15;
  const std::vector<T> leaky = Activated(Activation::kLeakyRelu, n);
  const std::vector<T> gelu = Activated(Activation::kGelu, n);
  const std::vector<T> softplus = Activated(Activation::kSoftplus, n);
  for (std::size_t i = 0; i < n.size(); ++i) {
    const double x = static_cast<double>(n[i]);
    EXPECT_EQ(leaky[i], n[i] > 0 ? n[i] : n[i] * T(0.01));
    const double u = std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x);
    EXPECT_NEAR(static_cast<double>(gelu[i]), x * (1 + std::tanh(u)) / 2, relative * std::abs(x))
        << x;
    const double exact = std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
    EXPECT_NEAR(static_cast<double>(softplus[i]), exact, relative * exact + 1e-37) << x;
  }
}

TEST_P(KernelsTest, FurtherActivationsAreExactAndDoNotOverflow) {
  CheckFurtherActivations<float>();
  CheckFurtherActivations<double>();
}

// Far out the derivative is that of the asymptotes, not infinity times zero.
TEST_P(KernelsTest, DerivativesAreFiniteFarOut) {
  for (const Activation activation :
       {Activation::kSigmoid, Activation::kTanh, Activation::kRelu, Activation::kLeakyRelu,
        Activation::kGelu, Activation::kSoftplus, Activation::kLinear}) {
    Matrix<float> a(1, 4, 1);
    Matrix<float> d(1, 4, 1);
    const std::array<float, 4> n = {-1e30F, -1e15F, 1e15F, 1e30F};
    std::ranges::copy(n, a.data());
    ActiveKernels<float>().activate_with_derivative(activation, 1, 4, a.data(), a.stride(),
                                                    d.data());
    for (int i = 0; i < 4; ++i) {
      EXPECT_GE(d.data()[i], 0) << NameOf(activation) << " at " << n[static_cast<std::size_t>(i)];
      EXPECT_LE(d.data()[i], 1) << NameOf(activation) << " at " << n[static_cast<std::size_t>(i)];
    }
  }
}

TEST_P(KernelsTest, SoftmaxSumsToOneForAnySums) {
  for (const std::vector<float>& n :
       {std::vector<float>{1, 2, 3}, {1e30F, 0, -1e30F}, {5}, {-200, -200, -200, -200, -200}}) {
    float sum = 0;
    for (const float y : Activated(Activation::kSoftmax, n)) sum += y;
    EXPECT_NEAR(sum, 1, 1e-6);
  }
}

TEST_P(KernelsTest, NotANumberPassesThrough) {
  const std::vector<float> n = {NAN, 1, 2};
  for (const Activation activation :
       {Activation::kSigmoid, Activation::kTanh, Activation::kRelu, Activation::kLinear,
        Activation::kSoftmax, Activation::kLeakyRelu, Activation::kGelu, Activation::kSoftplus}) {
    EXPECT_TRUE(std::isnan(Activated(activation, n)[0])) << NameOf(activation);
  }
}

INSTANTIATE_TEST_SUITE_P(Variants, KernelsTest, ::testing::ValuesIn(Variants()),
                         [](const auto& variant) { return variant.param; });

TEST(Variants, OnlyKnownOnesCanBeChosen) {
  EXPECT_FALSE(SelectVariant("mmx"));
  EXPECT_EQ(AvailableVariants().front(), "baseline");
}

TEST(PaddedStride, IsAnOddNumberOfCacheLines) {
  EXPECT_EQ(PaddedStride<float>(1), 16);
  EXPECT_EQ(PaddedStride<float>(16), 16);
  EXPECT_EQ(PaddedStride<float>(17), 48);
  EXPECT_EQ(PaddedStride<float>(500), 528);
  EXPECT_EQ(PaddedStride<double>(10), 24);
}

}  // namespace
}  // namespace trainyard
