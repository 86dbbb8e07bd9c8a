// How many connections there may be.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <cstddef>
#include <memory>
#include <string>

#include "server/http/limits.h"

namespace trainyard::server {

// Counts connections, in all and by where they come from: nobody who has not signed in
// yet may take them all. Of IPv6 a network of 64 bits is one place. This machine is none:
// what is in front of the server there, such as nginx, has bounds of its own. Any thread.
class ConnectionSlots {
 public:
  explicit ConnectionSlots(const HttpLimits& limits);

  // What a connection holds for as long as it is there; null where there are too many.
  std::shared_ptr<void> Take(const boost::asio::ip::address& from);

 private:
  struct Taken;

  const std::size_t most_;
  const std::size_t most_of_one_;
  std::shared_ptr<Taken> taken_;
};

}  // namespace trainyard::server
