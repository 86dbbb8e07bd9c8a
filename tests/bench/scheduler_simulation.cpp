// A class of 300 on the evening of a deadline, before the real queue with a
// clock of its own: who waits how long, and who gets what.
#include <cstdio>
#include <cstdlib>

#include "tests/support/class_evening.h"

namespace {

using trainyard::server::EveningResult;
using trainyard::server::Percentile;
using trainyard::server::UserClass;

void Print(const EveningResult& result, UserClass kind, const char* name) {
  std::vector<double> first;
  std::vector<double> all;
  double cpu = 0;
  double total = 0;
  int finished = 0;
  for (const auto& user : result.users) {
    total += user.cpu;
    if (user.kind != kind) continue;
    if (user.first_wait >= 0) first.push_back(user.first_wait);
    all.insert(all.end(), user.waits.begin(), user.waits.end());
    cpu += user.cpu;
    finished += user.finished;
  }
  std::printf("%-13s %5zu %7d %6.0f %6.0f %6.0f %8.0f %7.0f %7.0f %6.1f %%\n", name, first.size(),
              finished, Percentile(first, 0.5), Percentile(first, 0.95), Percentile(first, 1),
              Percentile(all, 0.5), Percentile(all, 0.95), Percentile(all, 1), 100 * cpu / total);
}

}  // namespace

// Takes a seed, 1 where there is none.
int main(int argc, char** argv) {
  trainyard::server::EveningOptions options;
  if (argc > 1) options.seed = std::strtoull(argv[1], nullptr, 10);
  const EveningResult result = trainyard::server::Evening(options).Run();
  std::printf("%d users, %d slots, a quantum of %.0f s, seed %llu; waits in seconds\n\n",
              options.users, options.slots, options.quantum,
              static_cast<unsigned long long>(options.seed));
  std::printf("%-13s %5s %7s %20s %24s %8s\n", "", "", "jobs", "first job's wait",
              "wait of all jobs", "share");
  std::printf("%-13s %5s %7s %6s %6s %6s %8s %7s %7s %8s\n", "class", "users", "ended", "p50",
              "p95", "max", "p50", "p95", "max", "of CPU");
  Print(result, UserClass::kOthers, "others");
  Print(result, UserClass::kLong, "long runners");
  Print(result, UserClass::kFlooder, "flooders");
  std::printf(
      "\n%d jobs in %.1f h, %.0f an hour; %d preemptions; slots %.1f %% busy until the last "
      "job; %.0f slot seconds idle while a job waited\n",
      result.finished, result.last_end / 3600, result.finished / (result.last_end / 3600),
      result.preemptions, 100 * result.busy / (options.slots * result.last_end),
      result.idle_while_waiting);
  std::printf("Jain's index of those who always wait, first hour: %.4f\n", result.jain);
  return 0;
}
