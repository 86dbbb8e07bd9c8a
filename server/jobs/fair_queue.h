// Which job runs next, and which gives way: the decisions alone.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/jobs/usage.h"

namespace trainyard::server {

// A job as the queue knows it.
struct QueuedJob {
  std::string uid;
  // users/{user}/jobs/{job}
  std::string name;
  // Of its spec.
  int priority = 0;
  int threads = 1;
  // About how long it trains yet, in seconds.
  double seconds = 0;
};

// What one user may have of the slots.
struct UserLimits {
  int running_jobs = std::numeric_limits<int>::max();
  double cpu_seconds_a_day = std::numeric_limits<double>::infinity();
};
using LimitsOf = std::function<UserLimits(const std::string& user)>;

struct FairOptions {
  // Jobs that run at once. A job takes one slot whatever its threads: they are
  // an upper bound, and a wide job that waited for several free slots would
  // either starve or leave slots idle. It is charged for min(threads, slots).
  int slots = 1;
  // Seconds after which a job gives way to one that is before it.
  double quantum = 30;
  LimitsOf limits_of = {};
};

// Why a job is asked to give way.
enum class Yield { kOthers, kPriority, kDay };

struct Preemption {
  std::string uid;
  Yield why = Yield::kOthers;
  // It has had another quantum to come to the end of its epoch: now it is not
  // waited for any longer.
  bool within_epoch = false;
};

// Where a job waits.
struct Place {
  QueuedJob job;
  // From 1, over the jobs of all users.
  int position = 0;
  // Until it starts; unset where it waits for more than its turn.
  std::optional<double> seconds;
  std::string reason;
};

// A job that runs, and about how long yet.
struct RunningPlace {
  QueuedJob job;
  double seconds = 0;
};

// Who runs and who waits, in the order in which they would start if nothing
// changed.
struct QueuePlan {
  int slots = 0;
  int users = 0;
  std::vector<RunningPlace> running;
  std::vector<Place> waiting;
  std::unordered_map<std::string, std::size_t> waiting_by_uid;

  // Null where it does not wait.
  const Place* Find(const std::string& uid) const {
    const auto found = waiting_by_uid.find(uid);
    return found == waiting_by_uid.end() ? nullptr : &waiting[found->second];
  }
};

// Deficit round robin between users. A user's deficit is the CPU seconds that
// they had, decayed, and a quantum in advance for each slot that they hold; the
// user with the smallest is served next, the one served longest ago where they
// are equal. (Rounds that add an equal quantum to everybody come to the same
// order; nobody has to be visited.) So a user without a running job and little
// usage is always before another's second job. Nobody starves: a user who waits
// owes less each second, and those who are served owe more.
//
// Within a user higher priorities go first, then older jobs. A priority above 0,
// an instructor's, goes before everybody, as long as such jobs have had no more
// than the others together, decayed alike, and a quantum of the machine: a
// deadline of an instructor's cannot stop the class.
//
// Knows no clock, no threads and no store: `now` is in seconds since 1970 and is
// given. Not for two threads at once.
class FairQueue {
 public:
  explicit FairQueue(FairOptions options) : options_(std::move(options)) {}

  // What a user had before; where it is not known yet.
  void Restore(const std::string& user, const Usage& usage);
  bool Knows(const std::string& user) const { return users_.contains(user); }

  // A job that still runs, being preempted, keeps its place and starts again
  // once it is released.
  void Enqueue(QueuedJob job);
  // False where it is not waiting.
  bool Remove(const std::string& uid);
  // Takes a slot, even one too many, for a job that runs already.
  void Occupy(QueuedJob job, double now);
  // The next job to start, if there is one and a slot for it, which it has then.
  std::optional<QueuedJob> StartNext(double now);
  // A job has left its slot.
  void Release(const std::string& uid);

  // Charges a running job's user with what the job had since the last charge, of
  // which `counted` is to be paid for; `left` is how long it trains yet, where that is
  // known anew.
  void Charge(const std::string& uid, double counted, std::optional<double> left, double now);
  // Which running jobs are to give way, each named once, and once more where it
  // has taken too long.
  std::vector<Preemption> Preempt(double now);

  // CPU seconds of a user, those included that are not charged yet.
  double DecayedOf(const std::string& user, double now) const;
  double TodayOf(const std::string& user, double now) const;

  // Where all jobs are: who would start when, found by running this queue ahead
  // of the clock.
  QueuePlan PlanAt(double now) const;

  int Weight(const QueuedJob& job) const;
  int waiting() const { return static_cast<int>(owners_.size()); }
  int running() const { return static_cast<int>(running_.size()); }

 private:
  // Higher priority first, then in order of arrival.
  using Key = std::pair<int, std::int64_t>;
  struct Running {
    QueuedJob job;
    Key key;
    double started = 0;
    double charged = 0;
    std::optional<double> asked;
    Yield why = Yield::kOthers;
    bool within_epoch = false;
  };
  struct User {
    std::string name;
    Usage usage;
    std::map<Key, QueuedJob> waiting;
    int running = 0;
    // Weights of running jobs, and weights x when each was charged.
    double load = 0;
    double charged = 0;
    std::int64_t served = 0;
  };
  // Smaller goes first.
  struct Rank {
    bool ordinary = true;
    double deficit = 0;
    std::int64_t served = 0;
    auto operator<=>(const Rank&) const = default;
  };
  // A user whose next job might start.
  struct Candidate {
    const User* user = nullptr;
    std::map<Key, QueuedJob>::const_iterator next;
    double deficit = 0;
    int may_start = 0;
  };

  // Moves what is remembered of the clock along with one that was set back; else jobs
  // that run would have their quantum until it is there again.
  void FollowClock(double now);
  User& UserOf(const std::string& job_name);
  double Pending(const User& user, double now) const;
  double Deficit(const User& user, double now) const;
  bool BoostAllowed(double now) const;
  Rank RankOf(const QueuedJob& job, const User& user, double deficit, bool boost) const;
  // The first job of a user that is not still running.
  std::map<Key, QueuedJob>::const_iterator FirstOf(
      const User& user, std::map<Key, QueuedJob>::const_iterator from) const;
  std::vector<Candidate> Candidates(double now) const;
  // Takes the best of the candidates; null where there is none left.
  const QueuedJob* TakeBest(std::vector<Candidate>& candidates, bool boost, Rank& rank,
                            const User*& user) const;
  bool OutOfDay(const User& user, double now) const;
  Running* WorstAfter(const QueuedJob& job, const User& owner, const Rank& rank, bool boost,
                      double now, std::map<const User*, double>& given_up);
  // Why a user's jobs wait for more than their turn; empty where they do not.
  std::string HeldBy(const User& user, double now) const;
  double EndOf(const Running& running) const;
  void RunAhead(double now, QueuePlan& plan, std::map<std::string, double>& starts) const;

  FairOptions options_;
  std::map<std::string, User> users_;
  std::map<std::string, Running> running_;
  std::map<std::string, std::pair<std::string, Key>> owners_;  // of waiting jobs, by uid
  Usage boosted_;
  Usage ordinary_;
  double latest_ = 0;  // that was given, of the times at which something was decided
  std::int64_t arrivals_ = 0;
  std::int64_t served_ = 0;
};

}  // namespace trainyard::server
