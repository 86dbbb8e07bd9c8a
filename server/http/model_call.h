// The Open Inference Protocol over HTTP: KServe's REST form of what
// proto/inference serves over gRPC, with Triton's extension for binary tensors.
#pragma once

#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/verb.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/http/model_json.h"
#include "server/http/response.h"

namespace trainyard::server {

// What a path below /v2 asks for.
struct ModelCall {
  enum class Kind {
    kServerLive,
    kServerReady,
    kServerMetadata,
    kModelReady,
    kModelMetadata,
    kModelConfig,
    kModelStatistics,
    kRepositoryIndex,
    kInfer,
  };
  Kind kind = Kind::kServerMetadata;
  std::string model;
  // Empty is the newest.
  std::string version;
  // Of the body that is JSON, before the bytes of binary tensors; all of it where unset.
  std::optional<std::size_t> json_bytes;

  boost::beast::http::verb verb() const;
  // /inference.GRPCInferenceService/METHOD
  std::string rpc_path() const;
};

// Nothing where there is no such path. `path` is as sent.
std::optional<ModelCall> ModelCallAt(std::string_view path);

struct ModelRequest {
  // Serialised.
  std::string message;
  BinaryOutputs binary;
};
// What the call asks of the service. Errors: INVALID_ARGUMENT with what is wrong with
// the body.
absl::StatusOr<ModelRequest> ModelRequestOf(const ModelCall& call, std::string_view body);

// The answer to what came back: `answer` is the call's response, serialised.
HttpResponse ModelResponse(const ModelCall& call, const BinaryOutputs& binary,
                           const grpc::Status& status, const std::string& answer);

// {"error": "..."}, the protocol's own form.
HttpResponse ModelError(const grpc::Status& status);

}  // namespace trainyard::server
