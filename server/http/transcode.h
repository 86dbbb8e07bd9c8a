// Between HTTP's form of a call and gRPC's: proto3 JSON, query parameters and
// paths on one side, messages on the other.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/support/byte_buffer.h>

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/http/route_table.h"
#include "server/http/uri.h"

namespace trainyard::server {

// An empty message of a linked-in type.
std::unique_ptr<google::protobuf::Message> NewMessage(const google::protobuf::Descriptor& type);

// The request that a route, the name in its path, a query and a body (empty
// where there is none) mean; where several set a field, the path wins over the
// query and that over the body. Errors: INVALID_ARGUMENT with the parameter, or
// what is wrong with the JSON.
absl::StatusOr<std::unique_ptr<google::protobuf::Message>> ToRequest(const Route& route,
                                                                     std::string_view name,
                                                                     const Query& query,
                                                                     std::string_view body);

// Sets a field, by its path in snake_case or lowerCamelCase, to what a query
// says; adds to it where it is repeated. Errors: INVALID_ARGUMENT.
absl::Status SetField(google::protobuf::Message& message, std::string_view path,
                      const std::string& value);

// proto3 JSON as the command line prints it: fields without presence even when
// zero, 64-bit integers as strings.
std::string ToJson(const google::protobuf::Message& message);

grpc::ByteBuffer ToBytes(const google::protobuf::Message& message);
std::string ToString(const grpc::ByteBuffer& bytes);

}  // namespace trainyard::server
