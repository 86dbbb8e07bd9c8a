// `train --preset` against a server in this process that keeps what it is given.

#include "client/cli/presets/preset.h"

#include <gmock/gmock.h>

#include <map>
#include <sstream>

#include "client/cli/app.h"
#include "client/cli/presets/preset_maker.h"
#include "tests/client/fake_server.h"

namespace trainyard::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// users/me/networks/n as users/local/networks/n.
std::string Resolved(const std::string& name) {
  return "users/local" + name.substr(name.find('/', name.find('/') + 1));
}

const grpc::Status kNotFound(grpc::StatusCode::NOT_FOUND, "it is not there");

class Networks : public v1::NetworkService::Service {
 public:
  std::map<std::string, v1::Network> kept;

  grpc::Status CreateNetwork(grpc::ServerContext*, const v1::CreateNetworkRequest* request,
                             v1::Network* network) override {
    network->set_name("users/local/networks/" + request->network_id());
    *network->mutable_spec() = request->network().spec();
    // A default that the server fills in.
    if (!network->spec().has_bias()) network->mutable_spec()->set_bias(true);
    if (!request->validate_only()) kept[network->name()] = *network;
    return grpc::Status::OK;
  }
  grpc::Status GetNetwork(grpc::ServerContext*, const v1::GetNetworkRequest* request,
                          v1::Network* network) override {
    const auto found = kept.find(Resolved(request->name()));
    if (found == kept.end()) return kNotFound;
    *network = found->second;
    return grpc::Status::OK;
  }
};

class Datasets : public v1::DatasetService::Service {
 public:
  std::map<std::string, v1::Dataset> kept;

  grpc::Status CreateDataset(grpc::ServerContext*, const v1::CreateDatasetRequest* request,
                             v1::Dataset* dataset) override {
    *dataset = request->dataset();
    dataset->set_name("users/local/datasets/" + request->dataset_id());
    dataset->set_state(v1::Dataset::ACTIVE);
    kept[dataset->name()] = *dataset;
    return grpc::Status::OK;
  }
  grpc::Status GetDataset(grpc::ServerContext*, const v1::GetDatasetRequest* request,
                          v1::Dataset* dataset) override {
    const auto found = kept.find(Resolved(request->name()));
    if (found == kept.end()) return kNotFound;
    *dataset = found->second;
    return grpc::Status::OK;
  }
};

class Training : public v1::TrainingService::Service {
 public:
  std::vector<v1::TrainingJob> created;

  grpc::Status CreateTrainingJob(grpc::ServerContext*, const v1::CreateTrainingJobRequest* request,
                                 v1::TrainingJob* job) override {
    *job = request->job();
    const std::string id =
        request->job_id().empty() ? "j" + std::to_string(created.size()) : request->job_id();
    job->set_name("users/local/jobs/" + id);
    job->set_state(v1::TrainingJob::SUCCEEDED);
    created.push_back(*job);
    return grpc::Status::OK;
  }
  grpc::Status GetTrainingJob(grpc::ServerContext*, const v1::GetTrainingJobRequest* request,
                              v1::TrainingJob* job) override {
    for (const auto& one : created) {
      if (one.name() == Resolved(request->name())) *job = one;
    }
    return grpc::Status::OK;
  }
};

// Answers every gate with OR's outputs.
class Evaluations : public v1::EvaluationService::Service {
 public:
  grpc::Status Predict(grpc::ServerContext*, const v1::PredictRequest* request,
                       v1::PredictResponse* response) override {
    for (const std::int64_t row : request->dataset_rows().rows()) {
      auto& prediction = *response->add_predictions();
      prediction.add_outputs(row == 0 ? 0.2F : 0.9F);
      prediction.set_label(row == 3 ? 0 : row > 0);
    }
    return grpc::Status::OK;
  }
};

class PresetCommand : public testing::Test {
 protected:
  int Train(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--server", server_.address(), "train"});
    out_.str("");
    err_.str("");
    Terminal terminal(out_, err_);
    return RunCommandLine(std::move(arguments), terminal);
  }
  const v1::TrainingJobSpec& spec(std::size_t job = 0) { return training_.created.at(job).spec(); }

  Networks networks_;
  Datasets datasets_;
  Training training_;
  Evaluations evaluations_;
  FakeServer server_{{&networks_, &datasets_, &training_, &evaluations_}};
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(PresetCommand, NotebookMakesItsDataAndNetworkAndSaysSo) {
  ASSERT_EQ(Train({"--preset", "notebook"}), kDone) << err_.str();
  EXPECT_EQ(datasets_.kept.size(), 2u);
  const auto& train = datasets_.kept.at("users/local/datasets/notebook-train").generator();
  EXPECT_EQ(train.kind(), v1::GeneratorSource::DIGITS);
  EXPECT_EQ(train.row_count(), 100);
  EXPECT_EQ(networks_.kept.at("users/local/networks/notebook").spec().layers_size(), 3);
  EXPECT_EQ(spec().network(), "users/me/networks/notebook");
  EXPECT_EQ(spec().dataset(), "users/me/datasets/notebook-train");
  EXPECT_EQ(spec().validation_dataset(), "users/me/datasets/notebook-test");
  EXPECT_EQ(spec().epochs(), 50);
  EXPECT_EQ(spec().learning_rate(), 0.3);
  EXPECT_EQ(spec().batch_size(), 1);
  EXPECT_THAT(out_.str(), HasSubstr("dataset  notebook-train"));
  EXPECT_THAT(out_.str(), HasSubstr("network  notebook  784-500-200-10"));
}

TEST_F(PresetCommand, WhatIsThereAndEqualIsUsedAgain) {
  ASSERT_EQ(Train({"--preset", "notebook"}), kDone);
  EXPECT_THAT(out_.str(), Not(HasSubstr("there already")));
  ASSERT_EQ(Train({"--preset", "notebook"}), kDone) << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("notebook  784-500-200-10, seed 0  (there already)"));
  EXPECT_EQ(training_.created.size(), 2u);
}

TEST_F(PresetCommand, WhatIsThereAndDiffersIsAnErrorThatSaysWhatToDo) {
  datasets_.kept["users/local/datasets/notebook-test"].set_state(v1::Dataset::ACTIVE);
  EXPECT_EQ(Train({"--preset", "notebook"}), kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("trainyard dataset delete notebook-test"));
  datasets_.kept.clear();
  networks_.kept["users/local/networks/notebook"].mutable_spec()->set_input_count(3);
  EXPECT_EQ(Train({"--preset", "notebook"}), kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("trainyard network delete notebook"));
  EXPECT_TRUE(training_.created.empty());
}

TEST_F(PresetCommand, OptionsThatAreGivenComeFirst) {
  ASSERT_EQ(Train({"--epochs", "3", "--preset", "notebook", "--dataset", "mine", "--network", "n",
                   "--learning-rate", "0.05", "--output", "json"}),
            kDone)
      << err_.str();
  EXPECT_TRUE(datasets_.kept.empty());
  EXPECT_TRUE(networks_.kept.empty());
  EXPECT_EQ(spec().dataset(), "users/me/datasets/mine");
  EXPECT_EQ(spec().validation_dataset(), "");
  EXPECT_EQ(spec().network(), "users/me/networks/n");
  EXPECT_EQ(spec().epochs(), 3);
  EXPECT_EQ(spec().learning_rate(), 0.05);
  EXPECT_THAT(out_.str(), testing::StartsWith("{\"name\":\"users/local/jobs/"));
}

TEST_F(PresetCommand, GatesIsAJobForEachGateAndWhatTheyAnswer) {
  ASSERT_EQ(Train({"--preset", "gates", "--id", "g"}), kDone) << err_.str();
  std::vector<std::string> names;
  for (const auto& job : training_.created) names.push_back(job.name());
  EXPECT_THAT(names, ElementsAre("users/local/jobs/g-gate-or", "users/local/jobs/g-gate-and",
                                 "users/local/jobs/g-gate-xor", "users/local/jobs/g-gate-nand",
                                 "users/local/jobs/g-gate-nor"));
  for (std::size_t job = 0; job < 5; ++job) {
    EXPECT_EQ(spec(job).network(), "users/me/networks/gates");
    EXPECT_EQ(spec(job).epochs(), 1000);
    EXPECT_EQ(spec(job).batch_size(), 4);
    EXPECT_EQ(spec(job).learning_rate(), 0.1);
    EXPECT_EQ(spec(job).gradient_reduction(), v1::SUM);
  }
  const v1::NetworkSpec& network = networks_.kept.at("users/local/networks/gates").spec();
  EXPECT_FALSE(network.bias());
  EXPECT_EQ(network.initializer().uniform().low(), 0);
  EXPECT_EQ(network.initializer().uniform().high(), 1);
  EXPECT_THAT(out_.str(), HasSubstr("XOR   0.2000  0.9000  0.9000  0.9000  0111     0110   wrong"));
}

TEST_F(PresetCommand, BiasesAndSeedsHaveNetworksOfTheirOwn) {
  ASSERT_EQ(Train({"--preset", "gates", "--bias", "--epochs", "5000", "--seed", "7"}), kDone)
      << err_.str();
  const v1::NetworkSpec& network =
      networks_.kept.at("users/local/networks/gates-bias-seed-7").spec();
  EXPECT_TRUE(network.bias());
  EXPECT_EQ(network.seed(), 7);
  EXPECT_EQ(spec(4).epochs(), 5000);
  EXPECT_EQ(spec(4).seed(), 7);
}

TEST_F(PresetCommand, MnistHasToBeImported) {
  EXPECT_EQ(Train({"--preset", "mnist"}), kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("trainyard dataset import mnist"));
}

TEST_F(PresetCommand, WrongUseIsSaidBeforeAnythingIsMade) {
  for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
           {"--preset", "sandbox"},
           {"--preset", "notebook", "--dry-run"},
           {"--preset", "gates", "--dataset", "d"},
           {"--network", "n", "--dataset", "d", "--epochs", "0", "--bias"},
           {"--dataset", "d", "--epochs", "1", "--learning-rate", "1"},
           {"--network", "n", "--epochs", "1", "--learning-rate", "1"},
           {"--network", "n", "--dataset", "d", "--learning-rate", "1"}}) {
    EXPECT_EQ(Train(wrong), kBadUsage) << testing::PrintToString(wrong);
    EXPECT_THAT(err_.str(), Not(testing::IsEmpty()));
  }
  EXPECT_TRUE(datasets_.kept.empty());
  EXPECT_TRUE(networks_.kept.empty());
}

TEST_F(PresetCommand, HelpHasThemAll) {
  ASSERT_EQ(Train({"--help"}), kDone);
  for (const std::string& name : PresetNames()) EXPECT_THAT(out_.str(), HasSubstr(name));
}

TEST(PresetDefinitions, AreNetworksAndOfOptionsThatTrainHas) {
  for (const Preset& preset : Presets()) {
    EXPECT_TRUE(MakeNetworkSpec(preset.words).ok()) << preset.name;
    EXPECT_FALSE(preset.training_sets.empty()) << preset.name;
  }
  EXPECT_EQ(FindPreset("sandbox"), nullptr);
}

}  // namespace
}  // namespace trainyard::client
