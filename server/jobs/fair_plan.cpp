// Where everybody waits, and about how long.
#include <algorithm>
#include <set>

#include "core/base/text.h"
#include "server/jobs/fair_queue.h"
#include "server/resources/names.h"

namespace trainyard::server {
namespace {

// Starts that are looked ahead for; further back only the work is added up.
constexpr int kMaxStarts = 300;
constexpr double kDay = 86400;

}  // namespace

double FairQueue::EndOf(const Running& running) const {
  return running.charged + std::max(running.job.seconds, 0.001);
}

// A copy of the queue, whose jobs end when they are expected to and give way
// at once.
void FairQueue::RunAhead(double now, QueuePlan& plan, std::map<std::string, double>& starts) const {
  FairQueue ahead = *this;
  double time = now;
  for (int step = 0; step < kMaxStarts && ahead.waiting() > 0; ++step) {
    while (auto job = ahead.StartNext(time)) {
      // One that runs now, and has given way, is not among those that wait.
      if (!owners_.contains(job->uid) || starts.contains(job->uid)) continue;
      starts[job->uid] = time - now;
      plan.waiting.push_back({*job, 0, time - now, ""});
      if (plan.waiting.size() == owners_.size()) return;
    }
    if (ahead.running_.empty()) return;
    double next = time + kDay;
    for (const auto& [uid, running] : ahead.running_) {
      next = std::min(next, std::max(time, EndOf(running)));
      const double turn = running.started + options_.quantum;
      if (turn > time) next = std::min(next, turn);
    }
    time = std::max(next, time + 0.001);
    std::vector<std::string> ended;
    std::vector<QueuedJob> all;
    for (const auto& [uid, running] : ahead.running_) all.push_back(running.job);
    for (const QueuedJob& job : all) {
      const Running& running = ahead.running_.at(job.uid);
      const double left = EndOf(running) - time;
      if (left <= 0) ended.push_back(job.uid);
      ahead.Charge(job.uid, Weight(job) * std::max(0.0, time - running.charged),
                   std::max(0.0, left), time);
    }
    for (const std::string& uid : ended) ahead.Release(uid);
    for (const Preemption& preemption : ahead.Preempt(time)) {
      const auto found = ahead.running_.find(preemption.uid);
      if (found == ahead.running_.end()) continue;
      ahead.Enqueue(QueuedJob(found->second.job));
      ahead.Release(preemption.uid);
    }
  }
}

std::string FairQueue::HeldBy(const User& user, double now) const {
  if (OutOfDay(user, now)) return "out of CPU seconds for today: goes on at 00:00 UTC";
  const UserLimits limits = options_.limits_of ? options_.limits_of(user.name) : UserLimits();
  if (user.running < limits.running_jobs) return "";
  return StrCat("the limit of ", limits.running_jobs, " running jobs of ", user.name);
}

QueuePlan FairQueue::PlanAt(double now) const {
  QueuePlan plan;
  plan.slots = options_.slots;
  std::set<std::string> users;
  for (const auto& [uid, running] : running_) {
    plan.running.push_back({running.job, std::max(0.0, EndOf(running) - now)});
    users.emplace(OwnerOf(running.job.name));
  }
  std::map<std::string, double> starts;
  RunAhead(now, plan, starts);
  // Those that are too far back to look, and those whose turn is not all that
  // they wait for.
  double wait = plan.waiting.empty() ? 0 : *plan.waiting.back().seconds;
  for (const auto& [name, user] : users_) {
    const bool out = OutOfDay(user, now);
    for (const auto& [key, job] : user.waiting) {
      if (starts.contains(job.uid)) continue;
      wait += job.seconds / options_.slots;
      plan.waiting.push_back({job, 0, out ? (DayOf(now) + 1) * kDay - now : wait, ""});
    }
  }
  std::set<std::string_view> before;
  for (std::size_t i = 0; i < plan.waiting.size(); ++i) {
    Place& place = plan.waiting[i];
    const User& user = users_.at(std::string(OwnerOf(place.job.name)));
    place.position = static_cast<int>(i) + 1;
    place.reason = HeldBy(user, now);
    if (place.reason.empty()) {
      place.reason = StrCat(running(), " of ", options_.slots, " slots are busy; ",
                            i == 0 ? std::string("it is next")
                                   : StrCat(i, i == 1 ? " job of " : " jobs of ", before.size(),
                                            before.size() == 1 ? " user" : " users",
                                            i == 1 ? " is" : " are", " before it"));
    }
    plan.waiting_by_uid[place.job.uid] = i;
    before.insert(user.name);
    users.insert(user.name);
  }
  plan.users = static_cast<int>(users.size());
  return plan;
}

}  // namespace trainyard::server
