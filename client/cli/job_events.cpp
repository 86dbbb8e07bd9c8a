#include "client/cli/job_events.h"

namespace trainyard::client {

grpc::Status ForEachEvent(Connection& connection, const std::string& job, std::int64_t after,
                          const std::function<void(const v1::TrainingEvent&)>& each) {
  v1::ListTrainingEventsRequest request;
  request.set_name(job);
  request.set_after_sequence(after);
  request.set_page_size(1000);
  v1::ListTrainingEventsResponse page;
  do {
    const grpc::Status status =
        connection.Call(&v1::TrainingService::Stub::ListTrainingEvents, request, &page);
    if (!status.ok()) return status;
    for (const v1::TrainingEvent& event : page.events()) each(event);
    if (page.events_size() > 0) {
      request.set_after_sequence(page.events(page.events_size() - 1).sequence());
    }
  } while (page.events_size() == request.page_size());
  return grpc::Status::OK;
}

}  // namespace trainyard::client
