// How many connections there may be.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "server/http/limits.h"

namespace trainyard::server {

// Counts connections, in all and by where they come from: nobody who has not signed in
// yet may take them all. Any thread.
class ConnectionSlots {
 public:
  explicit ConnectionSlots(const HttpLimits& limits);

  // What a connection from `address`, as AddressOf has it, holds for as long as it is
  // there; null where there are too many. An empty one counts in all alone.
  std::shared_ptr<void> Take(std::string address);

 private:
  struct Taken;

  const std::size_t most_;
  const std::size_t most_of_one_;
  std::shared_ptr<Taken> taken_;
};

}  // namespace trainyard::server
