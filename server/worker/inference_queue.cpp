#include "server/worker/inference_queue.h"

#include <algorithm>
#include <utility>

#include "core/base/error.h"

namespace trainyard::server {
namespace {

// What counts as small: several of these fit into one batch.
constexpr std::uint64_t kSmallRows = 64;

std::uint64_t NanosSince(std::chrono::steady_clock::time_point begin) {
  return static_cast<std::uint64_t>(
      std::chrono::nanoseconds(std::chrono::steady_clock::now() - begin).count());
}

bool Fits(const Frame& frame, const ServedModel& model) {
  return frame.header.body_bytes == frame.header.rows * static_cast<std::uint64_t>(model.inputs()) *
                                        BytesOf(frame.header.type);
}

}  // namespace

void InferenceQueue::Add(Frame request, std::shared_ptr<FrameSocket> socket) {
  auto& queue = request.header.rows <= kSmallRows ? small_ : large_;
  queue.push_back({std::move(request), std::move(socket), Clock::now(), 0, {}, {}});
}

void InferenceQueue::Drop() {
  small_.clear();
  large_.clear();
}

void InferenceQueue::Step() {
  const bool large = small_.empty() || (large_next_ && !large_.empty());
  large_next_ = !large;
  if (large) {
    StepLarge();
  } else {
    StepSmall();
  }
}

ServedModel* InferenceQueue::ModelOf(const Request& request) {
  auto model = models_.Get(request.frame.key);
  absl::Status status = model.status();
  if (status.ok() && !Fits(request.frame, **model)) {
    status = absl::InvalidArgumentError("the rows do not have the network's width");
  }
  if (status.ok()) return *model;
  request.socket->SendError(request.frame.header.id, status);
  return nullptr;
}

std::vector<InferenceQueue::Request> InferenceQueue::TakeBatch(const ServedModel& model) {
  std::vector<Request> batch;
  std::int64_t rows = 0;
  for (auto one = small_.begin(); one != small_.end();) {
    const bool same = batch.empty() || one->frame.key == batch.front().frame.key;
    if (!same || !Fits(one->frame, model) ||
        (!batch.empty() && rows + one->rows() > model.max_rows())) {
      ++one;
      continue;
    }
    rows += one->rows();
    batch.push_back(std::move(*one));
    one = small_.erase(one);
  }
  return batch;
}

void InferenceQueue::StepSmall() {
  ServedModel* const model = ModelOf(small_.front());
  if (model == nullptr) return small_.pop_front();
  if (small_.front().rows() > model->max_rows()) {
    // Of a network so wide that few rows make a batch.
    large_.push_back(std::move(small_.front()));
    return small_.pop_front();
  }
  std::vector<Request> batch = TakeBatch(*model);
  const auto begin = Clock::now();
  model->Clear();
  std::int64_t rows = 0;
  for (const Request& one : batch) {
    model->Append(one.frame.header.type, one.frame.bytes(), one.rows());
    rows += one.rows();
  }
  model->Run();
  std::int64_t at = 0;
  for (Request& one : batch) {
    one.answer.resize(static_cast<std::size_t>(one.rows()) * model->answer_bytes());
    for (std::int64_t row = 0; row < one.rows(); ++row) {
      model->Write(at++, one.answer, row, one.rows());
    }
    one.figures.wait_nanos =
        static_cast<std::uint64_t>(std::chrono::nanoseconds(begin - one.arrived).count());
    one.figures.compute_nanos = NanosSince(begin);
    one.figures.batch_rows = static_cast<std::uint64_t>(rows);
    one.figures.batches = &one == &batch.front() ? 1 : 0;
    Answer(one);
  }
}

void InferenceQueue::StepLarge() {
  Request& request = large_.front();
  ServedModel* const model = ModelOf(request);
  if (model == nullptr) return large_.pop_front();
  const auto begin = Clock::now();
  if (request.answer.empty()) {
    request.answer.resize(static_cast<std::size_t>(request.rows()) * model->answer_bytes());
    request.figures.wait_nanos =
        static_cast<std::uint64_t>(std::chrono::nanoseconds(begin - request.arrived).count());
  }
  const std::int64_t first = request.rows_done;
  const std::int64_t count = std::min(model->max_rows(), request.rows() - first);
  const std::size_t row_bytes =
      static_cast<std::size_t>(model->inputs()) * BytesOf(request.frame.header.type);
  model->Clear();
  model->Append(request.frame.header.type,
                request.frame.bytes().subspan(static_cast<std::size_t>(first) * row_bytes), count);
  model->Run();
  for (std::int64_t row = 0; row < count; ++row) {
    model->Write(row, request.answer, first + row, request.rows());
  }
  request.rows_done += count;
  request.figures.compute_nanos += NanosSince(begin);
  request.figures.batch_rows =
      std::max(request.figures.batch_rows, static_cast<std::uint64_t>(count));
  ++request.figures.batches;
  if (request.rows_done < request.rows()) return;
  Answer(request);
  large_.pop_front();
}

void InferenceQueue::Answer(Request& request) {
  OutgoingFrame answer;
  answer.header = request.figures;
  answer.header.kind = FrameKind::kAnswer;
  answer.header.id = request.frame.header.id;
  answer.header.rows = request.frame.header.rows;
  answer.body = request.answer;
  request.socket->Send(std::move(answer));
}

}  // namespace trainyard::server
