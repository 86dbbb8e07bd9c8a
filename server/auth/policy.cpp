#include "server/auth/policy.h"

#include <algorithm>
#include <array>
#include <string>
#include <unordered_map>

#include "inference/inference.pb.h"
#include "trainyard/v1/dataset.pb.h"
#include "trainyard/v1/evaluation.pb.h"
#include "trainyard/v1/network.pb.h"
#include "trainyard/v1/training.pb.h"

namespace trainyard::server {
namespace {

constexpr bool kWrites = true;
constexpr bool kStream = true;
constexpr bool kHoldsThread = true;

constexpr auto kTable = std::to_array<Rule>({
    {"DatasetService.CreateDataset", Access::kOwn, kWrites},
    {"DatasetService.WriteDataset", Access::kOwn, kWrites, false, kHoldsThread},
    {"DatasetService.GetDataset", Access::kShared},
    {"DatasetService.ListDatasets", Access::kShared},
    {"DatasetService.UpdateDataset", Access::kOwn, kWrites},
    {"DatasetService.DeleteDataset", Access::kOwn, kWrites},
    {"DatasetService.PreviewDataset", Access::kShared},

    {"NetworkService.CreateNetwork", Access::kOwn, kWrites},
    {"NetworkService.GetNetwork", Access::kShared},
    {"NetworkService.ListNetworks", Access::kShared},
    {"NetworkService.UpdateNetwork", Access::kOwn, kWrites},
    {"NetworkService.DeleteNetwork", Access::kOwn, kWrites},

    {"TrainingService.CreateTrainingJob", Access::kOwn, kWrites},
    {"TrainingService.GetTrainingJob", Access::kOwnOrStaff},
    {"TrainingService.ListTrainingJobs", Access::kOwnOrStaff},
    {"TrainingService.DeleteTrainingJob", Access::kOwn, kWrites},
    {"TrainingService.CancelTrainingJob", Access::kOwnOrStaff, kWrites},
    {"TrainingService.PauseTrainingJob", Access::kOwnOrStaff, kWrites},
    {"TrainingService.ResumeTrainingJob", Access::kOwnOrStaff, kWrites},
    {"TrainingService.ForkTrainingJob", Access::kOwn, kWrites},
    {"TrainingService.VerifyTrainingJob", Access::kOwn, kWrites},
    {"TrainingService.ListTrainingEvents", Access::kOwnOrStaff},
    {"TrainingService.WatchTrainingJob", Access::kOwnOrStaff, false, kStream},
    {"TrainingService.WatchTrainingJobs", Access::kOwnOrStaff, false, kStream},
    {"TrainingService.ListCheckpoints", Access::kOwnOrStaff},
    {"TrainingService.ReadCheckpoint", Access::kOwn, false, kStream, kHoldsThread},

    {"EvaluationService.CreateEvaluation", Access::kOwn, kWrites},
    {"EvaluationService.GetEvaluation", Access::kOwnOrStaff},
    {"EvaluationService.ListEvaluations", Access::kOwnOrStaff},
    {"EvaluationService.GetConfusionMatrix", Access::kOwnOrStaff},
    {"EvaluationService.ListMisclassified", Access::kOwnOrStaff},
    {"EvaluationService.Predict", Access::kOwn, false, false, kHoldsThread},

    {"GRPCInferenceService.ServerLive", Access::kPublic},
    {"GRPCInferenceService.ServerReady", Access::kPublic},
    {"GRPCInferenceService.ModelReady", Access::kOwn},
    {"GRPCInferenceService.ServerMetadata", Access::kOwn},
    {"GRPCInferenceService.ModelMetadata", Access::kOwn},
    {"GRPCInferenceService.ModelConfig", Access::kOwn},
    {"GRPCInferenceService.ModelStatistics", Access::kOwn},
    {"GRPCInferenceService.RepositoryIndex", Access::kOwn},
    {"GRPCInferenceService.ModelInfer", Access::kOwn},
    {"GRPCInferenceService.ModelStreamInfer", Access::kOwn, false, kStream},

    {"AdminService.JoinClass", Access::kPublic, kWrites},
    {"AdminService.GetUser", Access::kOwnOrStaff},
    {"AdminService.ListUsers", Access::kStaff},
    {"AdminService.UpdateUser", Access::kStaff, kWrites},
    {"AdminService.CreateInvitation", Access::kStaff, kWrites},
    {"AdminService.ListInvitations", Access::kStaff},
    {"AdminService.DeleteInvitation", Access::kStaff, kWrites},
    {"AdminService.CreateToken", Access::kOwn, kWrites},
    {"AdminService.ListTokens", Access::kOwn},
    {"AdminService.DeleteToken", Access::kOwn, kWrites},
    {"AdminService.GetClassSettings", Access::kShared},
    {"AdminService.UpdateClassSettings", Access::kStaff, kWrites},
    {"AdminService.GetQueue", Access::kShared},
    {"AdminService.GetServer", Access::kShared},
    {"AdminService.ListAuditEntries", Access::kAdmin},
    {"AdminService.DrainServer", Access::kAdmin, kWrites},
});

using RulesByRequest = std::unordered_map<const google::protobuf::Descriptor*, const Rule*>;

void AddRules(const google::protobuf::FileDescriptor& file, RulesByRequest& rules) {
  for (int s = 0; s < file.service_count(); ++s) {
    for (int m = 0; m < file.service(s)->method_count(); ++m) {
      const auto& method = *file.service(s)->method(m);
      // emplace: of two methods with one request, the first.
      const Rule* const found = RuleNamed(file.service(s)->name() + "." + method.name());
      if (found != nullptr) rules.emplace(method.input_type(), found);
    }
  }
}

RulesByRequest AllRules() {
  RulesByRequest rules;
  AddRules(*v1::CreateDatasetRequest::descriptor()->file(), rules);
  AddRules(*v1::CreateNetworkRequest::descriptor()->file(), rules);
  AddRules(*v1::CreateTrainingJobRequest::descriptor()->file(), rules);
  AddRules(*v1::CreateEvaluationRequest::descriptor()->file(), rules);
  AddRules(*v1::JoinClassRequest::descriptor()->file(), rules);
  AddRules(*inference::ModelInferRequest::descriptor()->file(), rules);
  return rules;
}

}  // namespace

std::span<const Rule> PolicyTable() { return kTable; }

const Rule* RuleNamed(std::string_view method) {
  const auto* found = std::ranges::find(kTable, method, &Rule::method);
  return found == kTable.end() ? nullptr : found;
}

const Rule* RuleFor(const google::protobuf::Descriptor& request) {
  static const auto& rules = *new RulesByRequest(AllRules());
  const auto found = rules.find(&request);
  return found == rules.end() ? nullptr : found->second;
}

bool RoleMay(Access access, v1::Role role) {
  switch (access) {
    case Access::kPublic:
    case Access::kOwn:
    case Access::kOwnOrStaff:
    case Access::kShared:
      return true;
    case Access::kStaff:
      return role == v1::INSTRUCTOR || role == v1::ADMIN;
    case Access::kAdmin:
      return role == v1::ADMIN;
  }
  return false;
}

}  // namespace trainyard::server
