// Networks: named architectures.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "server/resources/names.h"
#include "server/store/store.h"
#include "trainyard/v1/network.pb.h"

namespace trainyard::server {

// Whether users/{user} may have `bytes` more of given weights.
using RoomForWeights =
    std::function<absl::Status(Reader& reader, const std::string& user, std::int64_t bytes)>;

// The calls of NetworkService; errors as its proto says. Any thread.
class NetworkService {
 public:
  NetworkService(Store& store, RoomForWeights room) : store_(store), room_(std::move(room)) {}

  absl::StatusOr<v1::Network> Create(const Caller& caller, const v1::CreateNetworkRequest& request);
  absl::StatusOr<v1::Network> Get(const Caller& caller, const v1::GetNetworkRequest& request);
  absl::StatusOr<v1::ListNetworksResponse> List(const Caller& caller,
                                                const v1::ListNetworksRequest& request);
  absl::StatusOr<v1::Network> Update(const Caller& caller, const v1::UpdateNetworkRequest& request);
  absl::Status Delete(const Caller& caller, const v1::DeleteNetworkRequest& request);

 private:
  Store& store_;
  const RoomForWeights room_;
};

}  // namespace trainyard::server
