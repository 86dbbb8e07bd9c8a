#include "server/rpc/infer_stream.h"

#include <utility>

#include "server/convert/status.h"

namespace trainyard::server {
namespace {

// Of one stream: enough for full batches. Answers that are not taken count, too.
constexpr int kMostOnTheirWay = 64;

}  // namespace

InferStream* InferStream::Start(InferenceService& models, absl::StatusOr<Admission> admission) {
  const std::shared_ptr<InferStream> stream(new InferStream(models, std::move(admission)));
  stream->self_ = stream;
  if (!stream->admission_.ok()) {
    stream->Finish(ToGrpcStatus(stream->admission_.status()));
    return stream.get();
  }
  stream->Step(std::unique_lock(stream->mutex_));
  return stream.get();
}

// gRPC is called without the lock: it may call back at once.
void InferStream::Step(std::unique_lock<std::mutex> lock) {
  const bool read = may_read_ && !ended_ && on_their_way_ < kMostOnTheirWay;
  if (read) {
    may_read_ = false;
    reading_ = std::make_shared<Item>();
  }
  const auto next = reading_;
  const bool write = !writing_ && !broken_ && !answers_.empty();
  if (write) writing_ = true;
  const auto answer = write ? answers_.front() : nullptr;
  const bool over = ended_ && !writing_ && (broken_ || on_their_way_ == 0);
  const bool finish = over && !std::exchange(finished_, finished_ || over);
  lock.unlock();
  if (read) StartRead(&next->request);
  if (write) StartWrite(&answer->response);
  if (finish) Finish(grpc::Status::OK);
}

void InferStream::OnReadDone(bool ok) {
  std::unique_lock lock(mutex_);
  const auto item = std::exchange(reading_, nullptr);
  may_read_ = true;
  if (!ok) {
    ended_ = true;
    return Step(std::move(lock));
  }
  ++on_their_way_;
  const auto self = self_;
  lock.unlock();
  if (auto in = CheckStillAdmitted(admission_->caller); !in.ok()) return Done(item, in);
  models_.Infer(admission_->caller, item->request, *item->response.mutable_infer_response(),
                [self, item](const absl::Status& status) { self->Done(item, status); });
  Step(std::unique_lock(mutex_));
}

void InferStream::Done(const std::shared_ptr<Item>& item, const absl::Status& status) {
  if (!status.ok()) {
    item->response.set_error_message(std::string(status.message()));
    item->response.mutable_infer_response()->Clear();
    item->response.mutable_infer_response()->set_id(item->request.id());
  }
  std::unique_lock lock(mutex_);
  answers_.push_back(item);
  if (broken_) --on_their_way_;
  Step(std::move(lock));
}

void InferStream::OnWriteDone(bool ok) {
  std::unique_lock lock(mutex_);
  answers_.pop_front();
  --on_their_way_;
  writing_ = false;
  if (!ok) broken_ = ended_ = true;
  Step(std::move(lock));
}

void InferStream::OnDone() {
  // After all else, which gRPC itself sees to; ThreadSanitizer does not see gRPC. Let go
  // without the lock, which goes with it.
  std::unique_lock lock(mutex_);
  const auto self = std::move(self_);
  lock.unlock();
}

}  // namespace trainyard::server
