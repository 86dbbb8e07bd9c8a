#include "core/base/thread_team.h"

#include <chrono>

namespace trainyard {
namespace {

// Long enough for the gap between two rounds of a mini-batch.
constexpr auto kSpin = std::chrono::microseconds(50);

// Waits until `value` is no longer `old`: awake for a while, then asleep.
void AwaitChange(const std::atomic<std::uint32_t>& value, std::uint32_t old) {
  const auto give_up = std::chrono::steady_clock::now() + kSpin;
  while (value.load(std::memory_order_acquire) == old) {
    if (std::chrono::steady_clock::now() < give_up) continue;
    value.wait(old, std::memory_order_acquire);
  }
}

}  // namespace

ThreadTeam::ThreadTeam(int threads) : shares_(static_cast<std::size_t>(threads)) {
  for (std::size_t member = 1; member < shares_.size(); ++member) {
    workers_.emplace_back([this, member] { Serve(member); });
  }
}

ThreadTeam::~ThreadTeam() {
  closing_ = true;
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadTeam::ForEach(std::int64_t items, const std::function<void(std::int64_t item)>& work) {
  if (workers_.empty() || items <= 1) {
    for (std::int64_t item = 0; item < items; ++item) work(item);
    return;
  }
  const auto members = static_cast<std::int64_t>(shares_.size());
  for (std::int64_t member = 0; member < members; ++member) {
    Share& share = shares_[static_cast<std::size_t>(member)];
    share.next.store(PartBegin(items, member, members), std::memory_order_relaxed);
    share.end = PartBegin(items, member + 1, members);
  }
  work_ = &work;
  busy_.store(static_cast<std::uint32_t>(workers_.size()), std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  Work(0);
  while (const std::uint32_t busy = busy_.load(std::memory_order_acquire)) AwaitChange(busy_, busy);
}

void ThreadTeam::Serve(std::size_t member) {
  std::uint32_t round = 0;
  while (true) {
    AwaitChange(round_, round);
    ++round;
    if (closing_) return;
    Work(member);
    if (busy_.fetch_sub(1, std::memory_order_acq_rel) == 1) busy_.notify_one();
  }
}

void ThreadTeam::Work(std::size_t member) {
  for (std::size_t turn = 0; turn < shares_.size(); ++turn) {
    Share& share = shares_[(member + turn) % shares_.size()];
    while (true) {
      const std::int64_t item = share.next.fetch_add(1, std::memory_order_relaxed);
      if (item >= share.end) break;
      (*work_)(item);
    }
  }
}

}  // namespace trainyard
