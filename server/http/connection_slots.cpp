#include "server/http/connection_slots.h"

#include <algorithm>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/ip/address_v6.hpp>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace trainyard::server {
namespace {

namespace ip = boost::asio::ip;

// Empty for this machine.
std::string PlaceOf(const ip::address& from) {
  if (from.is_v4()) return from.to_v4() == ip::address_v4::loopback() ? "" : from.to_string();
  const ip::address_v6 v6 = from.to_v6();
  if (v6.is_v4_mapped()) return PlaceOf(ip::make_address_v4(ip::v4_mapped, v6));
  if (v6.is_loopback()) return "";
  auto bytes = v6.to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), 0);
  return ip::address_v6(bytes).to_string();
}

}  // namespace

struct ConnectionSlots::Taken {
  std::mutex mutex;
  std::size_t all = 0;                                  // guarded by mutex
  std::unordered_map<std::string, std::size_t> places;  // guarded by mutex
};

ConnectionSlots::ConnectionSlots(const HttpLimits& limits)
    : most_(limits.connections),
      most_of_one_(limits.connections_of_one),
      taken_(std::make_shared<Taken>()) {}

std::shared_ptr<void> ConnectionSlots::Take(const ip::address& from) {
  std::string place = PlaceOf(from);
  const std::lock_guard lock(taken_->mutex);
  if (taken_->all >= most_) return nullptr;
  if (!place.empty()) {
    const auto there = taken_->places.find(place);
    if (there != taken_->places.end() && there->second >= most_of_one_) return nullptr;
    ++taken_->places[place];
  }
  ++taken_->all;
  return {taken_.get(), [taken = taken_, place = std::move(place)](void*) {
            const std::lock_guard giving_back(taken->mutex);
            --taken->all;
            if (place.empty()) return;
            const auto there = taken->places.find(place);
            if (--there->second == 0) taken->places.erase(there);
          }};
}

}  // namespace trainyard::server
