// Networks: named architectures.
#pragma once

#include "absl/status/statusor.h"
#include "server/resources/names.h"
#include "server/store/store.h"
#include "trainyard/v1/network.pb.h"

namespace trainyard::server {

// The calls of NetworkService; errors as its proto says. Any thread.
class NetworkService {
 public:
  explicit NetworkService(Store& store) : store_(store) {}

  absl::StatusOr<v1::Network> Create(const Caller& caller, const v1::CreateNetworkRequest& request);
  absl::StatusOr<v1::Network> Get(const Caller& caller, const v1::GetNetworkRequest& request);
  absl::StatusOr<v1::ListNetworksResponse> List(const Caller& caller,
                                                const v1::ListNetworksRequest& request);
  absl::StatusOr<v1::Network> Update(const Caller& caller, const v1::UpdateNetworkRequest& request);
  absl::Status Delete(const Caller& caller, const v1::DeleteNetworkRequest& request);

 private:
  Store& store_;
};

}  // namespace trainyard::server
