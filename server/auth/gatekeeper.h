// The one way in: every call is admitted here, or not.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "google/protobuf/descriptor.h"
#include "server/auth/accounts.h"
#include "server/auth/policy.h"
#include "server/auth/usage_limits.h"
#include "server/resources/names.h"

namespace trainyard::server {

// Who calls, and what counts as long as their call lasts.
struct Admission {
  Caller caller;
  // Of a stream.
  std::shared_ptr<void> stream;
  // Of an upload, a download or a prediction.
  std::shared_ptr<void> transfer;
};

// Whether a stream may go on that `caller` began. Errors: UNAUTHENTICATED where the token
// has been revoked or has expired, or may less now.
absl::Status CheckStillAdmitted(const Caller& caller);

// Any thread.
class Gatekeeper {
 public:
  explicit Gatekeeper(Accounts& accounts) : accounts_(accounts) {}

  // For a call with this request: who makes it, where the policy lets them.
  // Errors: UNAUTHENTICATED; PERMISSION_DENIED; RESOURCE_EXHAUSTED.
  absl::StatusOr<Admission> Admit(const grpc::ServerContextBase& context,
                                  const google::protobuf::Descriptor& request);

  // For a method that shares its request with another, SERVICE.METHOD.
  absl::StatusOr<Admission> AdmitStream(const grpc::ServerContextBase& context,
                                        std::string_view method);

  UsageLimits& limits() { return limits_; }

 private:
  absl::StatusOr<Admission> AdmitBy(const grpc::ServerContextBase& context, const Rule* rule);
  absl::StatusOr<Identity> Identify(const grpc::ServerContextBase& context);

  Accounts& accounts_;
  UsageLimits limits_;
};

}  // namespace trainyard::server
