// A few threads that work on one thing together.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace trainyard {

// `threads` of them, the caller's among them: one thread is a plain loop. They
// last as long as the team and, once there has been nothing to do for some
// microseconds, sleep. ForEach is for one caller at a time.
class ThreadTeam {
 public:
  explicit ThreadTeam(int threads);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls work(0), ..., work(items - 1), each once, on any thread and in any
  // order, and returns when all are done. `work` must not throw.
  void ForEach(std::int64_t items, const std::function<void(std::int64_t item)>& work);

 private:
  // A thread's share of the items: the others help when they have done theirs.
  struct alignas(64) Share {
    std::atomic<std::int64_t> next{0};
    std::int64_t end = 0;
  };

  void Serve(std::size_t member);
  void Work(std::size_t member);

  std::vector<Share> shares_;
  const std::function<void(std::int64_t)>* work_ = nullptr;
  // Counts calls of ForEach.
  std::atomic<std::uint32_t> round_{0};
  std::atomic<bool> closing_{false};
  // Threads that are not done with the round.
  std::atomic<std::uint32_t> busy_{0};
  std::vector<std::thread> workers_;
};

// Where part `part` of `parts` nearly equal ones of [0, whole) begins.
constexpr std::int64_t PartBegin(std::int64_t whole, std::int64_t part, std::int64_t parts) {
  return whole * part / parts;
}

}  // namespace trainyard
