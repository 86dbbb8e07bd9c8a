// Events of a job and of a user's jobs, as those who subscribe read them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "core/base/error.h"
#include "core/base/text.h"
#include "tests/support/job_service.h"

namespace trainyard::server {
namespace {

using Job = v1::TrainingJob;
using Kind = worker::v1::TrainingOutcome;

// Counts how often it is woken.
class CountingListener final : public EventListener {
 public:
  void OnEvents() override { ++woken; }
  void OnProgress(const WireMessage&) override {}
  std::atomic<int> woken = 0;
};

TEST_F(JobServiceTest, AWatcherReadsHistoryAndThenLiveWithNoSeam) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  auto listener = std::make_shared<CountingListener>();
  std::string uid;
  ASSERT_TRUE(hub_->Subscribe("users/local/jobs/j", 0, listener, uid).ok());
  EXPECT_TRUE(Play("j", 1, {Epoch(1, 2.0), Epoch(2, 1.0), Outcome(Kind::SUCCEEDED)}).ok());
  std::int64_t cursor = 0;
  while (true) {
    auto batch = hub_->Fetch(uid, cursor, 2);
    ASSERT_TRUE(batch.ok());
    for (const auto& event : batch->events) EXPECT_EQ(event.sequence, ++cursor);
    if (batch->ended) break;
    ASSERT_FALSE(batch->events.empty());
  }
  EXPECT_EQ(cursor, 5);
  EXPECT_GE(listener->woken, 3);
  hub_->Unsubscribe(uid, listener);
}

TEST_F(JobServiceTest, ACursorInTheFutureIsOutOfRangeWithWhereItEnds) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  std::string uid;
  const auto status =
      hub_->Subscribe("users/local/jobs/j", 99, std::make_shared<CountingListener>(), uid);
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(GetErrorDetails(status).metadata.at("last_sequence"), "2");
}

TEST_F(JobServiceTest, EventsAnnouncedOutOfOrderAreStillReadInOrder) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  auto listener = std::make_shared<CountingListener>();
  std::string uid;
  ASSERT_TRUE(hub_->Subscribe("users/local/jobs/j", 0, listener, uid).ok());
  EventRow third{3, "three"};
  EventRow fourth{4, "four"};
  ASSERT_TRUE(store_
                  ->Commit([&](Transaction& t) -> absl::Status {
                    auto done = t.AppendEvent(uid, 0, third);
                    return done.ok() ? t.AppendEvent(uid, 0, fourth) : done;
                  })
                  .ok());
  const EventHub::JobKey job = {"users/local/jobs/j", uid};
  hub_->Published(job, {fourth}, false);
  hub_->Published(job, {third}, false);
  std::int64_t cursor = 0;
  while (cursor < 4) {
    auto batch = hub_->Fetch(uid, cursor, 64);
    ASSERT_TRUE(batch.ok());
    ASSERT_FALSE(batch->events.empty());
    for (const auto& event : batch->events) ASSERT_EQ(event.sequence, ++cursor);
  }
  hub_->Unsubscribe(uid, listener);
}

TEST_F(JobServiceTest, AnEventAnnouncedLongAfterLaterOnesHidesNone) {
  constexpr int kLast = 200;
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  auto listener = std::make_shared<CountingListener>();
  std::string uid;
  ASSERT_TRUE(hub_->Subscribe("users/local/jobs/j", 0, listener, uid).ok());
  std::vector<EventRow> rows;
  for (int sequence = 3; sequence <= kLast; ++sequence) rows.push_back({sequence, "an event"});
  ASSERT_TRUE(store_
                  ->Commit([&](Transaction& t) -> absl::Status {
                    for (EventRow& row : rows) {
                      if (auto done = t.AppendEvent(uid, 0, row); !done.ok()) return done;
                    }
                    return absl::OkStatus();
                  })
                  .ok());
  const EventHub::JobKey job = {"users/local/jobs/j", uid};
  hub_->Published(job, {rows.begin() + 1, rows.end()}, false);
  hub_->Published(job, {rows.front()}, false);
  for (int cursor = 0; cursor < kLast; ++cursor) {
    auto batch = hub_->Fetch(uid, cursor, 1);
    ASSERT_TRUE(batch.ok()) << batch.status();
    ASSERT_EQ(batch->events.size(), 1u) << cursor;
    EXPECT_EQ(batch->events[0].sequence, cursor + 1);
  }
  hub_->Unsubscribe(uid, listener);
}

// From the store, a page at a time, and from the pages that were kept of it.
TEST_F(JobServiceTest, ALongHistoryIsReadAgainAsItWasAndNotBeforeItsBeginning) {
  constexpr std::int64_t kLast = 3 * HistoryPages::kSize + 7;
  constexpr std::int64_t kTrimmed = HistoryPages::kSize + 3;
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  const std::string uid = Get("j").uid();
  ASSERT_TRUE(store_
                  ->Commit([&](Transaction& t) -> absl::Status {
                    auto edit = JobEdit::Load(t, "users/local/jobs/j");
                    if (!edit.ok()) return edit.status();
                    while (edit->job().last_sequence() < kLast) {
                      v1::TrainingEvent event;
                      event.mutable_warning()->set_message(StrCat(edit->job().last_sequence() + 1));
                      if (auto done = edit->Append(std::move(event)); !done.ok()) return done;
                    }
                    if (auto done = edit->Trim(kTrimmed); !done.ok()) return done;
                    return edit->Save();
                  })
                  .ok());
  auto listener = std::make_shared<CountingListener>();
  std::string subscribed;
  ASSERT_TRUE(hub_->Subscribe("users/local/jobs/j", kTrimmed, listener, subscribed).ok());
  ASSERT_EQ(subscribed, uid);
  EXPECT_EQ(GetErrorDetails(hub_->Fetch(uid, kTrimmed - 1, 100).status()).reason,
            "CURSOR_OUT_OF_RANGE");
  for (int time = 0; time < 2; ++time) {
    std::int64_t cursor = kTrimmed;
    while (cursor < kLast) {
      const auto batch = hub_->Fetch(uid, cursor, 100);
      ASSERT_TRUE(batch.ok()) << batch.status();
      ASSERT_FALSE(batch->events.empty());
      for (const auto& event : batch->events) {
        v1::WatchTrainingJobResponse response;
        response.ParseFromArray(event.bytes.begin(), static_cast<int>(event.bytes.size()));
        ASSERT_EQ(event.sequence, ++cursor);
        ASSERT_EQ(response.event().warning().message(), StrCat(cursor));
      }
    }
  }
  hub_->Unsubscribe(uid, listener);
}

TEST(HistoryPages, ThoseThatWereReadLastAreKept) {
  const auto page = std::make_shared<std::vector<WireMessage>>(
      1, WireMessage{1, grpc::Slice(std::string(1000, 'x'))});
  HistoryPages pages(2500);
  pages.Keep("a", 0, page);
  pages.Keep("b", 0, page);
  EXPECT_EQ(pages.Find("a", 0), page);
  pages.Keep("a", HistoryPages::kSize, page);
  EXPECT_EQ(pages.Find("b", 0), nullptr);
  EXPECT_EQ(pages.Find("a", 0), page);
  EXPECT_EQ(pages.Find("a", HistoryPages::kSize), page);
}

TEST_F(JobServiceTest, AFeedHasAllJobsInTheOrderOfTheirCommits) {
  auto listener = std::make_shared<CountingListener>();
  const FeedFilter all = {"users/local", {}};
  ASSERT_TRUE(hub_->feed().Subscribe(all, "", listener).ok());
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(jobs_->Create(me_, Request("k")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  ASSERT_TRUE(Play("j", 1, {Epoch(1, 2.0)}).ok());
  // From the tail, and from the store, by one who comes later.
  auto late = std::make_shared<CountingListener>();
  EventHub other(*store_);
  ASSERT_TRUE(other.feed().Subscribe(all, "", late).ok());
  std::vector<std::string> found;
  for (EventHub* hub : {hub_.get(), &other}) {
    std::string line;
    std::int64_t cursor = 0;
    while (true) {
      auto batch = hub->feed().Fetch(all, cursor, 2, 0);
      ASSERT_TRUE(batch.ok()) << batch.status();
      for (const WireMessage& message : batch->events) {
        v1::WatchTrainingJobsResponse response;
        ASSERT_TRUE(
            response.ParseFromArray(message.bytes.begin(), static_cast<int>(message.bytes.size())));
        EXPECT_EQ(response.cursor(), hub->feed().CursorOf(message.sequence));
        EXPECT_GT(message.sequence, cursor);
        cursor = message.sequence;
        line += StrCat(response.event().job().substr(response.event().job().size() - 1),
                       response.event().event().sequence(), " ");
      }
      if (batch->events.empty() && batch->scanned_to == cursor) break;
      cursor = batch->scanned_to;
    }
    found.push_back(line);
  }
  EXPECT_THAT(found[0], testing::AllOf(testing::HasSubstr("j1 "), testing::HasSubstr("k1 "),
                                       testing::HasSubstr("j3 ")));
  EXPECT_EQ(found[0], found[1]);
  EXPECT_GE(listener->woken, 4);
  hub_->feed().Unsubscribe(listener);
  other.feed().Unsubscribe(late);
}

TEST_F(JobServiceTest, AFeedIsOfOneUserAndOfTheJobsThatAreNamed) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  auto kept = jobs_->Create(me_, Request("k"));
  ASSERT_TRUE(kept.ok());
  auto listener = std::make_shared<CountingListener>();
  const auto events_of = [&](const FeedFilter& filter) {
    EXPECT_TRUE(hub_->feed().Subscribe(filter, "", listener).ok());
    return hub_->feed().Fetch(filter, 0, 64, 0)->events.size();
  };
  EXPECT_EQ(events_of({"users/local", {kept->uid()}}), 1);
  EXPECT_EQ(events_of({"users/other", {}}), 0);
  hub_->feed().Unsubscribe(listener);
}

// A store that undoes what is done while it is broken, when all of it has been done.
class BreakableStore final : public Store {
 public:
  explicit BreakableStore(std::unique_ptr<Store> store) : store_(std::move(store)) {}

  absl::Status Commit(std::function<absl::Status(Transaction&)> work, WhenFull when_full) override {
    return store_->Commit(
        [&](Transaction& transaction) -> absl::Status {
          auto done = work(transaction);
          return done.ok() && broken ? absl::InternalError("not committed") : done;
        },
        when_full);
  }
  bool AwaitSpace() override { return store_->AwaitSpace(); }
  void GiveUp() override { store_->GiveUp(); }
  std::uint64_t changes() const override { return store_->changes(); }
  absl::Status Read(const std::function<absl::Status(Reader&)>& work) override {
    return store_->Read(work);
  }

  std::atomic<bool> broken = false;

 private:
  const std::unique_ptr<Store> store_;
};

class BreakableTest : public JobServiceTest {
 protected:
  BreakableTest() {
    jobs_.reset();
    auto breakable = std::make_unique<BreakableStore>(std::move(store_));
    breakable_ = breakable.get();
    store_ = std::move(breakable);
    Serve();
  }

  BreakableStore* breakable_;
};

// What was not committed may be gone after a crash: nobody may have heard of it.
TEST_F(BreakableTest, NothingIsAnnouncedThatIsNotCommitted) {
  // More is announced when the fixture ends.
  const auto announced = std::make_shared<std::atomic<int>>(0);
  hub_->on_published = [announced](const std::string&, const std::vector<EventRow>& events) {
    *announced += static_cast<int>(events.size());
  };
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  v1::PauseTrainingJobRequest pause;
  pause.set_name("users/me/jobs/j");
  breakable_->broken = true;
  EXPECT_FALSE(jobs_->Create(me_, Request("k")).ok());
  EXPECT_FALSE(jobs_->Pause(me_, pause).ok());
  EXPECT_FALSE(Play("j", 1, {Epoch(1, 2.0)}).ok());
  EXPECT_EQ(*announced, 2);
  breakable_->broken = false;
  executor_.ExitAll("was killed by signal 9");
  ASSERT_TRUE(executor_.WaitForStarts(2));
  breakable_->broken = true;
  EXPECT_FALSE(Play("j", 2, {Outcome(Kind::SUCCEEDED)}).ok());
  EXPECT_EQ(*announced, 4);
  breakable_->broken = false;
  EXPECT_EQ(Log("j"), "QUEUED RUNNING QUEUED RUNNING ");
  EXPECT_EQ(jobs_->Pause(me_, pause)->state(), Job::PAUSING);
  EXPECT_EQ(*announced, 5);
}

class TrimmedLogTest : public JobServiceTest {
 protected:
  TrimmedLogTest() : JobServiceTest(10) {}
};

TEST_F(TrimmedLogTest, KeepsTheNewestEventsAndSaysWhereTheyBegin) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j", 40)).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  v1::ListTrainingJobsRequest jobs;
  jobs.set_parent("users/me");
  const std::string early = jobs_->List(me_, jobs)->cursor();
  std::vector<worker::v1::WorkerMessage> epochs;
  for (int epoch = 1; epoch <= 30; ++epoch) epochs.push_back(Epoch(epoch, 1.0));
  ASSERT_TRUE(Play("j", 1, epochs).ok());
  const Job job = Get("j");
  EXPECT_EQ(job.last_sequence(), 32);
  EXPECT_GE(job.first_sequence(), 22);
  EXPECT_LE(job.first_sequence(), 23);
  v1::ListTrainingEventsRequest list;
  list.set_name(job.name());
  const auto trimmed = jobs_->ListEvents(me_, list).status();
  EXPECT_EQ(trimmed.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(GetErrorDetails(trimmed).metadata.at("earliest_sequence"),
            std::to_string(job.first_sequence()));
  list.set_after_sequence(job.first_sequence() - 1);
  const auto events = jobs_->ListEvents(me_, list);
  ASSERT_TRUE(events.ok());
  EXPECT_EQ(events->events(0).sequence(), job.first_sequence());
  auto listener = std::make_shared<CountingListener>();
  std::string uid;
  EXPECT_EQ(hub_->Subscribe(job.name(), 5, listener, uid).code(), absl::StatusCode::kOutOfRange);
  // The stream of all jobs has a gap after an early cursor, and says so.
  const FeedFilter all = {"users/local", {}};
  const auto gap = hub_->feed().Subscribe(all, early, listener).status();
  EXPECT_EQ(gap.code(), absl::StatusCode::kOutOfRange);
  const std::string earliest = GetErrorDetails(gap).metadata.at("earliest_cursor");
  EXPECT_TRUE(hub_->feed().Subscribe(all, earliest, listener).ok());
  hub_->feed().Unsubscribe(listener);
  // There is nothing to compare with what has been trimmed: no warning.
  executor_.ExitAll("was killed by signal 9");
  ASSERT_TRUE(executor_.WaitForStarts(2));
  EXPECT_TRUE(Play("j", 2, {Epoch(3, 7.0), Epoch(31, 1.0)}).ok());
  EXPECT_EQ(Get("j").last_sequence(), 35);
}

TEST_F(TrimmedLogTest, AFeedThatIsSoSlowThatItsNextEventsAreGoneSaysSo) {
  const FeedFilter all = {"users/local", {}};
  auto listener = std::make_shared<CountingListener>();
  const auto start = hub_->feed().Subscribe(all, "", listener);
  ASSERT_TRUE(start.ok());
  ASSERT_TRUE(jobs_->Create(me_, Request("j", 1100)).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  const auto first = hub_->feed().Fetch(all, 0, 1, start->trimmed);
  ASSERT_TRUE(first.ok()) << first.status();
  // More than are kept in memory, and far more than in the log.
  std::vector<worker::v1::WorkerMessage> epochs;
  for (int epoch = 1; epoch <= 1100; ++epoch) epochs.push_back(Epoch(epoch, 1.0));
  ASSERT_TRUE(Play("j", 1, epochs).ok());
  const auto late = hub_->feed().Fetch(all, first->scanned_to, 64, start->trimmed).status();
  EXPECT_EQ(late.code(), absl::StatusCode::kOutOfRange) << late;
  // Who begins anew begins with what there is.
  const auto now = hub_->feed().Subscribe(all, "", listener);
  ASSERT_TRUE(now.ok());
  const auto rest = hub_->feed().Fetch(all, 0, 1, now->trimmed);
  ASSERT_TRUE(rest.ok()) << rest.status();
  EXPECT_TRUE(hub_->feed().Fetch(all, rest->scanned_to, 64, now->trimmed).ok());
  hub_->feed().Unsubscribe(listener);
}

}  // namespace
}  // namespace trainyard::server
