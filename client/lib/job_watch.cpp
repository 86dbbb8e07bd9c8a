#include "client/lib/job_watch.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "client/lib/error.h"

namespace trainyard::client {

JobWatch::JobWatch(Connection& connection, Options options)
    : connection_(connection),
      options_(std::move(options)),
      last_sequence_(options_.after_sequence),
      stream_(options_.patience) {}

grpc::Status JobWatch::Run(JobObserver& observer) {
  const grpc::Status status = RunFrom(observer);
  if (status.error_code() != grpc::StatusCode::OUT_OF_RANGE || last_sequence_ != 0) return status;
  const auto metadata = DecodeError(status).metadata;
  const auto earliest = metadata.find("earliest_sequence");
  std::int64_t first = 0;
  if (earliest == metadata.end() || !absl::SimpleAtoi(earliest->second, &first)) return status;
  observer.OnTrimmed(first);
  last_sequence_ = first - 1;
  return RunFrom(observer);
}

grpc::Status JobWatch::RunFrom(JobObserver& observer) {
  return stream_.Run(
      connection_, [&](grpc::ClientContext& context) { return Read(context, observer); },
      [&](const grpc::Status& status, std::chrono::milliseconds delay) {
        observer.OnInterrupted(status, delay);
      });
}

grpc::Status JobWatch::Read(grpc::ClientContext& context, JobObserver& observer) {
  v1::WatchTrainingJobRequest request;
  request.set_name(options_.job);
  request.set_after_sequence(last_sequence_);
  request.set_progress(options_.progress);
  const auto reader = connection_.stub<v1::TrainingService>().WatchTrainingJob(&context, request);
  v1::WatchTrainingJobResponse message;
  while (reader->Read(&message)) Deliver(message, observer);
  return reader->Finish();
}

void JobWatch::Deliver(const v1::WatchTrainingJobResponse& message, JobObserver& observer) {
  stream_.Received();
  if (message.has_event() && message.event().sequence() > last_sequence_) {
    observer.OnEvent(message.event());
    last_sequence_ = message.event().sequence();
  } else if (message.has_progress()) {
    observer.OnProgress(message.progress());
  }
}

JobsWatch::JobsWatch(Connection& connection, v1::WatchTrainingJobsRequest request,
                     ResumingStream::Patience patience)
    : connection_(connection), request_(std::move(request)), stream_(patience) {}

grpc::Status JobsWatch::Run(JobsObserver& observer) {
  const auto read = [&](grpc::ClientContext& context) {
    const auto reader =
        connection_.stub<v1::TrainingService>().WatchTrainingJobs(&context, request_);
    v1::WatchTrainingJobsResponse message;
    while (reader->Read(&message)) {
      stream_.Received();
      if (message.has_event()) observer.OnEvent(message);
      request_.set_cursor(message.cursor());
    }
    return reader->Finish();
  };
  return stream_.Run(connection_, read,
                     [&](const grpc::Status& status, std::chrono::milliseconds delay) {
                       observer.OnInterrupted(status, delay);
                     });
}

}  // namespace trainyard::client
