#include "server/jobs/fair_queue.h"

#include <algorithm>

#include "core/base/text.h"
#include "server/resources/names.h"

namespace trainyard::server {

int FairQueue::Weight(const QueuedJob& job) const {
  return std::clamp(job.threads, 1, options_.slots);
}

FairQueue::User& FairQueue::UserOf(const std::string& job_name) {
  const std::string name(OwnerOf(job_name));
  User& user = users_[name];
  user.name = name;
  return user;
}

void FairQueue::FollowClock(double now) {
  const double back = latest_ - now;
  latest_ = now;
  if (back <= 0) return;
  for (auto& [uid, running] : running_) {
    running.started -= back;
    running.charged -= back;
    if (running.asked) *running.asked -= back;
  }
  for (auto& [name, user] : users_) user.charged -= user.load * back;
}

void FairQueue::Restore(const std::string& user, const Usage& usage) {
  auto [entry, fresh] = users_.try_emplace(user);
  entry->second.name = user;
  if (fresh) entry->second.usage = usage;
}

void FairQueue::Enqueue(QueuedJob job) {
  Key key{-job.priority, ++arrivals_};
  const auto running = running_.find(job.uid);
  if (running != running_.end()) key = running->second.key;
  User& user = UserOf(job.name);
  owners_[job.uid] = {user.name, key};
  user.waiting.insert_or_assign(key, std::move(job));
}

bool FairQueue::Remove(const std::string& uid) {
  const auto found = owners_.find(uid);
  if (found == owners_.end()) return false;
  users_[found->second.first].waiting.erase(found->second.second);
  owners_.erase(found);
  return true;
}

void FairQueue::Occupy(QueuedJob job, double now) {
  FollowClock(now);
  User& user = UserOf(job.name);
  user.running += 1;
  user.load += Weight(job);
  user.charged += Weight(job) * now;
  user.served = ++served_;
  const Key key{-job.priority, ++arrivals_};
  const std::string uid = job.uid;
  running_[uid] = {std::move(job), key, now, now, std::nullopt, Yield::kOthers, false};
}

void FairQueue::Release(const std::string& uid) {
  const auto found = running_.find(uid);
  if (found == running_.end()) return;
  const Running& running = found->second;
  User& user = UserOf(running.job.name);
  user.running -= 1;
  user.load -= Weight(running.job);
  user.charged -= Weight(running.job) * running.charged;
  // No rounding is left behind.
  if (user.running == 0) user.load = user.charged = 0;
  running_.erase(found);
}

void FairQueue::Charge(const std::string& uid, double counted, std::optional<double> left,
                       double now) {
  FollowClock(now);
  const auto found = running_.find(uid);
  if (found == running_.end()) return;
  Running& running = found->second;
  User& user = UserOf(running.job.name);
  const double elapsed = now - running.charged;
  user.charged += Weight(running.job) * elapsed;
  running.charged = now;
  running.job.seconds = left.value_or(std::max(0.0, running.job.seconds - elapsed));
  user.usage.Charge(counted, now);
  (running.job.priority > 0 ? boosted_ : ordinary_).Charge(counted, now);
}

double FairQueue::Pending(const User& user, double now) const {
  return std::max(0.0, user.load * now - user.charged);
}

double FairQueue::Deficit(const User& user, double now) const {
  return user.usage.DecayedAt(now) + Pending(user, now) + options_.quantum * user.load;
}

double FairQueue::DecayedOf(const std::string& user, double now) const {
  const auto found = users_.find(user);
  if (found == users_.end()) return 0;
  return found->second.usage.DecayedAt(now) + Pending(found->second, now);
}

double FairQueue::TodayOf(const std::string& user, double now) const {
  const auto found = users_.find(user);
  if (found == users_.end()) return 0;
  return found->second.usage.TodayAt(now) + Pending(found->second, now);
}

bool FairQueue::BoostAllowed(double now) const {
  return boosted_.DecayedAt(now) <=
         ordinary_.DecayedAt(now) + options_.quantum * static_cast<double>(options_.slots);
}

FairQueue::Rank FairQueue::RankOf(const QueuedJob& job, const User& user, double deficit,
                                  bool boost) const {
  return {!(boost && job.priority > 0), deficit, user.served};
}

std::map<FairQueue::Key, QueuedJob>::const_iterator FairQueue::FirstOf(
    const User& user, std::map<Key, QueuedJob>::const_iterator from) const {
  while (from != user.waiting.end() && running_.contains(from->second.uid)) ++from;
  return from;
}

bool FairQueue::OutOfDay(const User& user, double now) const {
  return options_.limits_of && user.usage.TodayAt(now) + Pending(user, now) >=
                                   options_.limits_of(user.name).cpu_seconds_a_day;
}

std::vector<FairQueue::Candidate> FairQueue::Candidates(double now) const {
  std::vector<Candidate> candidates;
  for (const auto& [name, user] : users_) {
    const auto first = FirstOf(user, user.waiting.begin());
    if (first == user.waiting.end()) continue;
    const UserLimits limits = options_.limits_of ? options_.limits_of(name) : UserLimits();
    const int may_start = limits.running_jobs - user.running;
    if (may_start <= 0 || OutOfDay(user, now)) continue;
    candidates.push_back({&user, first, Deficit(user, now), may_start});
  }
  return candidates;
}

const QueuedJob* FairQueue::TakeBest(std::vector<Candidate>& candidates, bool boost, Rank& rank,
                                     const User*& user) const {
  Candidate* best = nullptr;
  for (Candidate& candidate : candidates) {
    if (candidate.may_start == 0) continue;
    const Rank its = RankOf(candidate.next->second, *candidate.user, candidate.deficit, boost);
    if (best != nullptr && !(its < rank)) continue;
    best = &candidate;
    rank = its;
  }
  if (best == nullptr) return nullptr;
  const QueuedJob& job = best->next->second;
  user = best->user;
  best->deficit += options_.quantum * Weight(job);
  best->next = FirstOf(*user, std::next(best->next));
  best->may_start = best->next == user->waiting.end() ? 0 : best->may_start - 1;
  return &job;
}

std::optional<QueuedJob> FairQueue::StartNext(double now) {
  if (running() >= options_.slots) return std::nullopt;
  auto candidates = Candidates(now);
  Rank rank;
  const User* user = nullptr;
  const QueuedJob* best = TakeBest(candidates, BoostAllowed(now), rank, user);
  if (best == nullptr) return std::nullopt;
  QueuedJob job = *best;
  const Key key = owners_.at(job.uid).second;
  Remove(job.uid);
  Occupy(job, now);
  running_.at(job.uid).key = key;
  return job;
}

// The running job that is furthest behind `rank`, and has had its quantum.
FairQueue::Running* FairQueue::WorstAfter(const QueuedJob& job, const User& owner, const Rank& rank,
                                          bool boost, double now,
                                          std::map<const User*, double>& given_up) {
  Running* worst = nullptr;
  Rank worst_rank;
  for (auto& [uid, running] : running_) {
    if (running.asked || now - running.started < options_.quantum) continue;
    const User& user = UserOf(running.job.name);
    if (&user == &owner) {
      if (running.job.priority >= job.priority) continue;
    }
    // As if it did not run.
    const double deficit =
        Deficit(user, now) - given_up[&user] - options_.quantum * Weight(running.job);
    const Rank its = RankOf(running.job, user, deficit, boost);
    const bool behind = &user == &owner || std::pair(rank.ordinary, rank.deficit) <
                                               std::pair(its.ordinary, its.deficit);
    if (!behind || (worst != nullptr && its < worst_rank)) continue;
    worst = &running;
    worst_rank = its;
  }
  if (worst != nullptr) {
    given_up[&UserOf(worst->job.name)] += options_.quantum * Weight(worst->job);
  }
  return worst;
}

std::vector<Preemption> FairQueue::Preempt(double now) {
  FollowClock(now);
  std::vector<Preemption> asked;
  int coming = options_.slots - running();
  for (auto& [uid, running] : running_) {
    if (!running.asked && OutOfDay(UserOf(running.job.name), now)) {
      running.asked = now;
      running.why = Yield::kDay;
      asked.push_back({uid, running.why, false});
    }
    if (!running.asked) continue;
    ++coming;
    if (!running.within_epoch && now - *running.asked >= options_.quantum) {
      running.within_epoch = true;
      asked.push_back({uid, running.why, true});
    }
  }
  if (owners_.empty()) return asked;
  auto candidates = Candidates(now);
  const bool boost = BoostAllowed(now);
  std::map<const User*, double> given_up;
  Rank rank;
  const User* user = nullptr;
  while (const QueuedJob* job = TakeBest(candidates, boost, rank, user)) {
    // Has a slot, or will have that of a job which has been asked.
    if (coming-- > 0) continue;
    Running* worst = WorstAfter(*job, *user, rank, boost, now, given_up);
    if (worst == nullptr) break;
    worst->asked = now;
    const bool others = OwnerOf(worst->job.name) != user->name && rank.ordinary;
    worst->why = others ? Yield::kOthers : Yield::kPriority;
    asked.push_back({worst->job.uid, worst->why, false});
  }
  return asked;
}

}  // namespace trainyard::server
