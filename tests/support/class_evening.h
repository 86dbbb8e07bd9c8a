// A class on the evening of a deadline, before the real queue with a clock of
// its own.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "server/jobs/fair_queue.h"

namespace trainyard::server {

struct EveningOptions {
  int users = 300;
  // Users 0 to flooders-1 submit `flood` jobs at the beginning.
  int flooders = 5;
  int flood = 200;
  // The next ones submit two jobs of an hour each.
  int long_runners = 10;
  int slots = 8;
  double quantum = 30;
  // Over which the others come, each with one to three jobs of 10 to 90 seconds.
  double arrivals = 4 * 3600;
  double hours = 8;
  std::uint64_t seed = 1;
};

enum class UserClass { kFlooder, kLong, kOthers };

struct EveningUser {
  UserClass kind = UserClass::kOthers;
  double cpu = 0;
  // CPU seconds in the time that somebody waited and they did.
  double first_wait = -1;
  std::vector<double> waits;
  int finished = 0;
};

struct EveningResult {
  std::vector<EveningUser> users;
  double busy = 0;
  // Slot seconds that were idle while a job that might run waited.
  double idle_while_waiting = 0;
  int preemptions = 0;
  int finished = 0;
  double last_end = 0;
  // Jain's index of what flooders and long runners had, while all of them waited.
  double jain = 0;
};

// Jobs train in epochs of one second and give way at the end of one.
class Evening {
 public:
  explicit Evening(const EveningOptions& options)
      : options_(options), queue_({options.slots, options.quantum, {}}), random_(options.seed) {
    result_.users.resize(static_cast<std::size_t>(options.users));
    for (int user = 0; user < options.users; ++user) Plan(user);
  }

  EveningResult Run() {
    for (std::int64_t second = 0; second < static_cast<std::int64_t>(options_.hours * 3600);
         ++second) {
      time_ = kStart + static_cast<double>(second);
      EndSecond(second);
      while (!arrivals_.empty() && arrivals_.top().first <= second) {
        Submit(arrivals_.top().second);
        arrivals_.pop();
      }
      for (const Preemption& one : queue_.Preempt(time_)) yields_[one.uid] = true;
      while (auto job = queue_.StartNext(time_)) Started(*job);
      // Whoever waits here might run: nobody has a limit.
      if (queue_.waiting() > 0) result_.idle_while_waiting += options_.slots - queue_.running();
      result_.busy += queue_.running();
    }
    result_.jain = Jain();
    return std::move(result_);
  }

 private:
  // Midnight UTC, so that days mean something.
  static constexpr double kStart = 20000 * 86400.0;

  struct Job {
    int user = 0;
    double left = 0;
    double submitted = 0;
    bool started = false;
  };

  void Plan(int user) {
    const auto index = static_cast<std::size_t>(user);
    if (user < options_.flooders) {
      result_.users[index].kind = UserClass::kFlooder;
      for (int i = 0; i < options_.flood; ++i) Add(user, 0, Uniform(30, 90));
    } else if (user < options_.flooders + options_.long_runners) {
      result_.users[index].kind = UserClass::kLong;
      for (int i = 0; i < 2; ++i) Add(user, 60, 3600);
    } else {
      // Most come towards the deadline.
      const double at = options_.arrivals * std::sqrt(Uniform(0, 1));
      const int jobs = 1 + static_cast<int>(random_() % 3);
      for (int i = 0; i < jobs; ++i) Add(user, at + 60 * i, Uniform(10, 90));
    }
  }

  double Uniform(double low, double high) {
    return low + (high - low) * static_cast<double>(random_() >> 11) * 0x1p-53;
  }

  void Add(int user, double at, double seconds) {
    jobs_.push_back({user, std::ceil(seconds), 0, false});
    arrivals_.emplace(static_cast<std::int64_t>(at), static_cast<int>(jobs_.size()) - 1);
  }

  QueuedJob Queued(int id) const {
    const Job& job = jobs_[static_cast<std::size_t>(id)];
    const std::string uid = std::to_string(id);
    return {uid, "users/u" + std::to_string(job.user) + "/jobs/j" + uid, 0, 1, job.left};
  }

  void Submit(int id) {
    jobs_[static_cast<std::size_t>(id)].submitted = time_;
    queue_.Enqueue(Queued(id));
  }

  EveningUser& UserOf(const Job& job) { return result_.users[static_cast<std::size_t>(job.user)]; }

  void Started(const QueuedJob& queued) {
    const int id = std::stoi(queued.uid);
    running_.push_back(id);
    Job& job = jobs_[static_cast<std::size_t>(id)];
    if (job.started) return;
    job.started = true;
    EveningUser& user = UserOf(job);
    user.waits.push_back(time_ - job.submitted);
    if (user.first_wait < 0) user.first_wait = time_ - job.submitted;
  }

  // An epoch of every job that runs is over.
  void EndSecond(std::int64_t second) {
    std::vector<int> still;
    for (const int id : running_) {
      Job& job = jobs_[static_cast<std::size_t>(id)];
      const std::string uid = std::to_string(id);
      job.left -= 1;
      UserOf(job).cpu += 1;
      if (second <= 3600) first_hour_[job.user] += 1;
      queue_.Charge(uid, 1, job.left, time_);
      if (job.left > 0 && !yields_.contains(uid)) {
        still.push_back(id);
        continue;
      }
      if (job.left > 0) {
        queue_.Enqueue(Queued(id));
        ++result_.preemptions;
      } else {
        ++UserOf(job).finished;
        ++result_.finished;
        result_.last_end = time_ - kStart;
      }
      yields_.erase(uid);
      queue_.Release(uid);
    }
    running_ = std::move(still);
  }

  double Jain() {
    double sum = 0;
    double squares = 0;
    const int greedy = options_.flooders + options_.long_runners;
    for (int user = 0; user < greedy; ++user) {
      sum += first_hour_[user];
      squares += first_hour_[user] * first_hour_[user];
    }
    return squares == 0 ? 1 : sum * sum / (greedy * squares);
  }

  using Arrival = std::pair<std::int64_t, int>;

  const EveningOptions options_;
  FairQueue queue_;
  std::mt19937_64 random_;
  double time_ = kStart;
  std::vector<Job> jobs_;
  std::priority_queue<Arrival, std::vector<Arrival>, std::greater<>> arrivals_;
  std::vector<int> running_;
  std::map<std::string, bool> yields_;
  std::map<int, double> first_hour_;
  EveningResult result_;
};

// The value below which a share of them lies.
inline double Percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

}  // namespace trainyard::server
