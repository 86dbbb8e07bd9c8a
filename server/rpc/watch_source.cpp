#include "server/rpc/watch_source.h"

#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"

namespace trainyard::server {
namespace {

constexpr int kMaxNames = 1000;

absl::Status Parse(const grpc::ByteBuffer& buffer, google::protobuf::Message& message) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (buffer.Dump(&slices).ok()) {
    for (const grpc::Slice& slice : slices) {
      bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
    }
    if (message.ParseFromString(bytes)) return absl::OkStatus();
  }
  return FieldError("", "MALFORMED", "the request is not a valid message");
}

absl::Status Draining(const std::string& key, const std::string& cursor, const std::string& how) {
  return MakeError(absl::StatusCode::kUnavailable, {"SERVER_DRAINING", "", {{key, cursor}}},
                   StrCat("the server is shutting down; watch again ", how, " ", cursor));
}

class OneJob final : public WatchSource {
 public:
  OneJob(EventHub& hub, Caller caller, const grpc::ByteBuffer& request)
      : hub_(hub), caller_(std::move(caller)), parsed_(Parse(request, request_)) {}

  absl::Status Open(const std::shared_ptr<EventListener>& listener) override {
    if (!parsed_.ok()) return parsed_;
    auto name = ResolveName(caller_, "name", "jobs", request_.name());
    if (!name.ok()) return name.status();
    cursor_ = request_.after_sequence();
    return hub_.Subscribe(*name, cursor_, listener, uid_);
  }

  void Close(const std::shared_ptr<EventListener>& listener) override {
    if (!uid_.empty()) hub_.Unsubscribe(uid_, listener);
  }

  absl::StatusOr<Batch> Fetch(int limit) override {
    auto found = hub_.Fetch(uid_, cursor_, limit);
    if (!found.ok()) return found.status();
    return Batch{std::move(found->events), found->ended, false};
  }

  void Sent(const WireMessage& message) override { cursor_ = message.sequence; }

  bool wants_progress() const override { return request_.progress(); }

  WireMessage Bookmark() const override {
    v1::WatchTrainingJobResponse response;
    response.mutable_bookmark()->set_sequence(cursor_);
    return {cursor_, grpc::Slice(response.SerializeAsString())};
  }

  absl::Status ShuttingDown() const override {
    return Draining("last_sequence", StrCat(cursor_), "after_sequence");
  }

 private:
  EventHub& hub_;
  const Caller caller_;
  v1::WatchTrainingJobRequest request_;
  const absl::Status parsed_;
  std::string uid_;
  std::int64_t cursor_ = 0;
};

class ManyJobs final : public WatchSource {
 public:
  ManyJobs(EventHub& hub, Caller caller, const grpc::ByteBuffer& request)
      : hub_(hub), caller_(std::move(caller)), parsed_(Parse(request, request_)) {}

  absl::Status Open(const std::shared_ptr<EventListener>& listener) override {
    if (!parsed_.ok()) return parsed_;
    auto parent = ResolveList(caller_, "parent", request_.parent());
    if (!parent.ok()) return parent.status();
    // Whoever may see no others sees their own.
    if (*parent != kEverybody) filter_.parent = *parent;
    if (*parent == kEverybody && caller_.reach == Reach::kOwn) filter_.parent = caller_.user;
    if (auto status = ResolveNames(); !status.ok()) return status;
    auto start = hub_.feed().Subscribe(filter_, request_.cursor(), listener);
    if (!start.ok()) return start.status();
    cursor_ = start->after_id;
    trimmed_ = start->trimmed;
    return absl::OkStatus();
  }

  void Close(const std::shared_ptr<EventListener>& listener) override {
    hub_.feed().Unsubscribe(listener);
  }

  absl::StatusOr<Batch> Fetch(int limit) override {
    auto found = hub_.feed().Fetch(filter_, cursor_, limit, trimmed_);
    if (!found.ok()) return found.status();
    if (!found->events.empty()) return Batch{std::move(found->events), false, false};
    const bool more = found->scanned_to > cursor_;
    cursor_ = found->scanned_to;
    return Batch{{}, false, more};
  }

  void Sent(const WireMessage& message) override { cursor_ = message.sequence; }

  bool wants_progress() const override { return false; }

  WireMessage Bookmark() const override {
    v1::WatchTrainingJobsResponse response;
    response.mutable_bookmark();
    response.set_cursor(hub_.feed().CursorOf(cursor_));
    return {cursor_, grpc::Slice(response.SerializeAsString())};
  }

  absl::Status ShuttingDown() const override {
    return Draining("cursor", hub_.feed().CursorOf(cursor_), "from cursor");
  }

 private:
  absl::Status ResolveNames() {
    if (request_.names_size() > kMaxNames) {
      return FieldError("names", "TOO_MANY_NAMES",
                        StrCat("names has ", request_.names_size(), " entries; at most ", kMaxNames,
                               " are allowed, or none for all jobs"));
    }
    for (const std::string& given : request_.names()) {
      auto name = ResolveName(caller_, "names", "jobs", given);
      if (!name.ok()) return name.status();
      if (!filter_.parent.empty() && !name->starts_with(filter_.parent + "/")) {
        return FieldError("names", "OTHER_PARENT",
                          StrCat(*name, " is not a job of ", filter_.parent));
      }
      auto uid = hub_.UidOf(*name);
      if (!uid.ok()) return uid.status();
      filter_.job_uids.insert(*std::move(uid));
    }
    return absl::OkStatus();
  }

  EventHub& hub_;
  const Caller caller_;
  v1::WatchTrainingJobsRequest request_;
  const absl::Status parsed_;
  FeedFilter filter_;
  std::int64_t cursor_ = 0;
  std::int64_t trimmed_ = 0;
};

class Refused final : public WatchSource {
 public:
  explicit Refused(absl::Status why) : why_(std::move(why)) {}

  absl::Status Open(const std::shared_ptr<EventListener>&) override { return why_; }
  void Close(const std::shared_ptr<EventListener>&) override {}
  absl::StatusOr<Batch> Fetch(int) override { return why_; }
  void Sent(const WireMessage&) override {}
  bool wants_progress() const override { return false; }
  WireMessage Bookmark() const override { return {}; }
  absl::Status ShuttingDown() const override { return why_; }

 private:
  const absl::Status why_;
};

}  // namespace

std::unique_ptr<WatchSource> Refusal(absl::Status why) {
  return std::make_unique<Refused>(std::move(why));
}

std::unique_ptr<WatchSource> WatchOneJob(EventHub& hub, const Caller& caller,
                                         const grpc::ByteBuffer& request) {
  return std::make_unique<OneJob>(hub, caller, request);
}

std::unique_ptr<WatchSource> WatchManyJobs(EventHub& hub, const Caller& caller,
                                           const grpc::ByteBuffer& request) {
  return std::make_unique<ManyJobs>(hub, caller, request);
}

}  // namespace trainyard::server
