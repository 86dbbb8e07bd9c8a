// The JSON forms of messages, as OpenAPI 3 says them.
#pragma once

#include <google/protobuf/descriptor.h>

#include <nlohmann/json.hpp>
#include <string>

namespace trainyard::server {

// What is written before something in its proto, in one paragraph a line.
template <typename Described>
std::string CommentOf(const Described* described);

// Collects the schemas of all messages that something refers to.
class Schemas {
 public:
  // A reference to a message's schema, which is made with all that it refers to.
  nlohmann::json Ref(const google::protobuf::Descriptor& message);
  // The schema of a field, without its comment.
  nlohmann::json OfField(const google::protobuf::FieldDescriptor& field);

  // By name.
  const nlohmann::json& all() const { return all_; }

 private:
  nlohmann::json OfValue(const google::protobuf::FieldDescriptor& field);
  nlohmann::json OfMessage(const google::protobuf::Descriptor& message);

  nlohmann::json all_ = nlohmann::json::object();
};

}  // namespace trainyard::server
