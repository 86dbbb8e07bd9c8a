#include "server/http/connection_slots.h"

#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

namespace trainyard::server {

struct ConnectionSlots::Taken {
  std::mutex mutex;
  std::size_t all = 0;                                     // guarded by mutex
  std::unordered_map<std::string, std::size_t> addresses;  // guarded by mutex
};

ConnectionSlots::ConnectionSlots(const HttpLimits& limits)
    : most_(limits.connections),
      most_of_one_(limits.connections_of_one),
      taken_(std::make_shared<Taken>()) {}

std::shared_ptr<void> ConnectionSlots::Take(std::string address) {
  const std::lock_guard lock(taken_->mutex);
  if (taken_->all >= most_) return nullptr;
  if (!address.empty()) {
    const auto there = taken_->addresses.find(address);
    if (there != taken_->addresses.end() && there->second >= most_of_one_) return nullptr;
    ++taken_->addresses[address];
  }
  ++taken_->all;
  return {taken_.get(), [taken = taken_, address = std::move(address)](void*) {
            const std::lock_guard giving_back(taken->mutex);
            --taken->all;
            if (address.empty()) return;
            const auto there = taken->addresses.find(address);
            if (--there->second == 0) taken->addresses.erase(there);
          }};
}

}  // namespace trainyard::server
