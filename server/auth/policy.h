// Who may call what: one table for all methods, and nothing that is not in it.
#pragma once

#include <span>
#include <string_view>

#include "google/protobuf/descriptor.h"
#include "trainyard/v1/admin.pb.h"

namespace trainyard::server {

// Who may call a method, and whose resources it then reaches for.
enum class Access {
  // Nobody needs a token.
  kPublic,
  // Everybody, for what is theirs.
  kOwn,
  // Everybody for what is theirs, staff for what is anybody's.
  kOwnOrStaff,
  // Everybody for anybody's; the method shows what its visibility allows.
  kShared,
  // Instructors and administrators.
  kStaff,
  kAdmin,
};

struct Rule {
  // SERVICE.METHOD, without the package.
  std::string_view method;
  Access access;
  // Whether it changes anything, so that a READ token may not call it.
  bool writes = false;
  // Whether it stays open, and counts as a stream.
  bool stream = false;
  // Whether it may hold a thread of the server's for long: a transfer, or a wait for
  // the serving worker.
  bool holds_thread = false;
};

// All of them.
std::span<const Rule> PolicyTable();

// The rule of the method that takes this request; null, which is a no, where the
// table has none. Each method has a request of its own, but for ModelStreamInfer.
const Rule* RuleFor(const google::protobuf::Descriptor& request);

// The rule of SERVICE.METHOD, or null: for a method that shares its request.
const Rule* RuleNamed(std::string_view method);

// Whether a role may call at all.
bool RoleMay(Access access, v1::Role role);

}  // namespace trainyard::server
