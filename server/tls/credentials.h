// What the public port speaks.
#pragma once

#include <grpcpp/security/server_credentials.h>

#include <memory>

#include "server/tls/authority.h"

namespace trainyard::server {

// TLS 1.2 or later with the certificate of these files, which are read again
// every few seconds: connections that are made after a change see the new one,
// those that are open go on.
std::shared_ptr<grpc::ServerCredentials> ReloadingCredentials(const TlsFiles& files);

}  // namespace trainyard::server
