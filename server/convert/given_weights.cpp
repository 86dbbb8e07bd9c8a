#include "server/convert/given_weights.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/text.h"

namespace trainyard::server {
namespace {

std::span<const std::uint8_t> BytesOf(const std::vector<double>& values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * sizeof(double)};
}

std::string DigestOf(const std::vector<double>& values) {
  Sha256 digest;
  digest.Update(BytesOf(values));
  return digest.HexDigest();
}

absl::Status CheckCount(const std::string& field, std::int64_t found, std::int64_t expected) {
  if (found == expected) return absl::OkStatus();
  return FieldError(field, "WEIGHT_COUNT_MISMATCH",
                    StrCat(field, " has ", found, " entries; the network needs ", expected));
}

absl::Status Append(const v1::LayerWeights& layer, const LayerShape& shape,
                    const std::string& field, std::vector<double>& values) {
  auto status =
      CheckCount(field + ".weights", layer.weights_size(), shape.parameters() - shape.biases);
  if (status.ok()) status = CheckCount(field + ".biases", layer.biases_size(), shape.biases);
  if (!status.ok()) return status;
  values.insert(values.end(), layer.weights().begin(), layer.weights().end());
  values.insert(values.end(), layer.biases().begin(), layer.biases().end());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<GivenInitializer> ToCore(const v1::WeightsInitializer& message,
                                        const NetworkSpec& network) {
  GivenInitializer given;
  given.digest = message.digest();
  if (message.layers().empty() && !given.digest.empty()) return given;
  const std::vector<LayerShape> shapes = ShapesOf(network);
  auto status = CheckCount("initializer.weights.layers", message.layers_size(),
                           static_cast<std::int64_t>(shapes.size()));
  std::vector<double> values;
  for (std::size_t i = 0; status.ok() && i < shapes.size(); ++i) {
    status = Append(message.layers(static_cast<int>(i)), shapes[i],
                    StrCat("initializer.weights.layers[", i, "]"), values);
  }
  if (!status.ok()) return status;
  given.digest = DigestOf(values);
  given.values = std::make_shared<const std::vector<double>>(std::move(values));
  return given;
}

std::string GivenWeights(const NetworkSpec& spec) {
  const auto* const given = std::get_if<GivenInitializer>(&spec.initializer);
  if (given == nullptr || given->values == nullptr) return "";
  const auto bytes = BytesOf(*given->values);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

absl::Status GiveWeights(const std::string& bytes, NetworkSpec& spec) {
  auto* const given = std::get_if<GivenInitializer>(&spec.initializer);
  if (given == nullptr) return absl::OkStatus();
  std::vector<double> values(bytes.size() / sizeof(double));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(double));
  if (DigestOf(values) != given->digest) {
    return MakeError(absl::StatusCode::kDataLoss, {"WEIGHTS_DAMAGED", "", {}},
                     "the network's given weights are not those of its digest");
  }
  given->values = std::make_shared<const std::vector<double>>(std::move(values));
  return Validate(spec);
}

}  // namespace trainyard::server
