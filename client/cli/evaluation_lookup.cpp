#include "client/cli/evaluation_lookup.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/lib/names.h"

namespace trainyard::client {

grpc::Status FindEvaluation(Context& context, const std::string& given, std::string* name) {
  *name = EvaluationName(given);
  if (absl::StrContains(*name, "/")) return grpc::Status::OK;
  v1::ListTrainingJobsRequest list;
  list.set_parent(std::string(kMe));
  list.set_page_size(1000);
  v1::ListTrainingJobsResponse jobs;
  grpc::Status status =
      ListAll(context.connection(), &v1::TrainingService::Stub::ListTrainingJobs, list, &jobs);
  if (!status.ok()) return status;
  for (int i = jobs.jobs_size() - 1; i >= 0; --i) {
    v1::GetEvaluationRequest request;
    request.set_name(absl::StrCat(jobs.jobs(i).name(), "/evaluations/", given));
    v1::Evaluation evaluation;
    status = context.connection().Call(&v1::EvaluationService::Stub::GetEvaluation, request,
                                       &evaluation);
    if (status.error_code() == grpc::StatusCode::NOT_FOUND) continue;
    *name = request.name();
    return status;
  }
  return {grpc::StatusCode::NOT_FOUND,
          absl::StrCat("no evaluation of your jobs is called ", given)};
}

}  // namespace trainyard::client
