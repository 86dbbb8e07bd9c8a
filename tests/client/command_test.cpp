// Commands from their words to requests, output and exit codes, against
// services in this process.

#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "client/cli/app.h"
#include "google/rpc/error_details.pb.h"
#include "tests/client/fake_server.h"

namespace trainyard::client {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class FakeNetworks : public v1::NetworkService::Service {
 public:
  v1::CreateNetworkRequest created;
  grpc::Status answer = grpc::Status::OK;

  grpc::Status CreateNetwork(grpc::ServerContext*, const v1::CreateNetworkRequest* request,
                             v1::Network* network) override {
    created = *request;
    network->set_name("users/local/networks/" + request->network_id());
    *network->mutable_spec() = request->network().spec();
    network->set_parameter_count(494710);
    return answer;
  }
  grpc::Status ListNetworks(grpc::ServerContext*, const v1::ListNetworksRequest* request,
                            v1::ListNetworksResponse* response) override {
    const bool first = request->page_token().empty();
    response->add_networks()->set_name(first ? "users/local/networks/a" : "users/local/networks/b");
    if (first) response->set_next_page_token("more");
    return answer;
  }
};

class FakeDatasets : public v1::DatasetService::Service {
 public:
  v1::CreateDatasetRequest created;
  v1::Dataset::State end = v1::Dataset::ACTIVE;
  int polls = 0;
  bool deleted = false;

  grpc::Status CreateDataset(grpc::ServerContext*, const v1::CreateDatasetRequest* request,
                             v1::Dataset* dataset) override {
    created = *request;
    dataset->set_name("users/local/datasets/" + request->dataset_id());
    dataset->set_state(v1::Dataset::UPLOADING);
    return grpc::Status::OK;
  }
  grpc::Status WriteDataset(grpc::ServerContext*,
                            grpc::ServerReader<v1::WriteDatasetRequest>* reader,
                            v1::WriteDatasetResponse*) override {
    v1::WriteDatasetRequest message;
    while (reader->Read(&message)) {
    }
    return grpc::Status::OK;
  }
  grpc::Status GetDataset(grpc::ServerContext*, const v1::GetDatasetRequest* request,
                          v1::Dataset* dataset) override {
    dataset->set_name(request->name());
    dataset->set_state(++polls < 3 ? v1::Dataset::INGESTING : end);
    dataset->set_row_count(1000);
    if (end == v1::Dataset::FAILED) dataset->mutable_error()->set_message("line 7: no number");
    return grpc::Status::OK;
  }
  grpc::Status DeleteDataset(grpc::ServerContext*, const v1::DeleteDatasetRequest*,
                             google::protobuf::Empty*) override {
    deleted = true;
    return grpc::Status::OK;
  }
};

class FakeTraining : public v1::TrainingService::Service {
 public:
  v1::CreateTrainingJobRequest created;
  v1::TrainingJob::State end = v1::TrainingJob::SUCCEEDED;
  double energy_joules = 0;

  grpc::Status CreateTrainingJob(grpc::ServerContext*, const v1::CreateTrainingJobRequest* request,
                                 v1::TrainingJob* job) override {
    created = *request;
    *job = request->job();
    job->set_name("users/local/jobs/j");
    job->set_state(v1::TrainingJob::QUEUED);
    return grpc::Status::OK;
  }
  grpc::Status GetTrainingJob(grpc::ServerContext*, const v1::GetTrainingJobRequest*,
                              v1::TrainingJob* job) override {
    job->set_name("users/local/jobs/j");
    job->set_state(end);
    if (energy_joules > 0) {
      job->set_energy_joules(energy_joules);
      job->set_energy_source(v1::ESTIMATED);
    }
    return grpc::Status::OK;
  }
  grpc::Status WatchTrainingJob(grpc::ServerContext*, const v1::WatchTrainingJobRequest* request,
                                grpc::ServerWriter<v1::WatchTrainingJobResponse>* writer) override {
    v1::WatchTrainingJobResponse message;
    message.mutable_progress()->set_rows_done(3);
    writer->Write(message);
    for (std::int64_t sequence = request->after_sequence() + 1; sequence <= 2; ++sequence) {
      message.mutable_event()->set_sequence(sequence);
      message.mutable_event()->mutable_state_change()->set_state(
          sequence == 2 ? end : v1::TrainingJob::RUNNING);
      writer->Write(message);
    }
    return grpc::Status::OK;
  }
};

class Commands : public testing::Test {
 protected:
  int Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--server", server_.address()});
    return RunAsGiven(std::move(arguments));
  }
  int RunAsGiven(std::vector<std::string> arguments) {
    out_.str("");
    err_.str("");
    Terminal terminal(out_, err_);
    return RunCommandLine(std::move(arguments), terminal);
  }

  FakeNetworks networks_;
  FakeDatasets datasets_;
  FakeTraining training_;
  FakeServer server_{{&networks_, &datasets_, &training_}};
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(Commands, NetworkCreate) {
  ASSERT_EQ(Run({"network", "create", "n", "--layers", "784,500,200,10", "--activation", "relu",
                 "--init", "uniform:-0.5:0.5", "--seed", "3", "--no-bias"}),
            kDone)
      << err_.str();
  const v1::NetworkSpec& spec = networks_.created.network().spec();
  EXPECT_EQ(networks_.created.parent(), "users/me");
  EXPECT_EQ(networks_.created.network_id(), "n");
  EXPECT_EQ(spec.input_count(), 784);
  EXPECT_EQ(spec.layers_size(), 3);
  EXPECT_EQ(spec.layers(0).activation(), v1::RELU);
  EXPECT_EQ(spec.loss(), v1::TOTAL_SQUARED_ERROR);
  EXPECT_EQ(spec.seed(), 3);
  EXPECT_TRUE(spec.has_bias() && !spec.bias());
  EXPECT_FALSE(networks_.created.request_id().empty());
  EXPECT_THAT(out_.str(), HasSubstr("494,710"));
}

TEST_F(Commands, JsonIsOneLineWithZeros) {
  ASSERT_EQ(Run({"network", "create", "n", "--layers", "2,1", "--output", "json"}), kDone);
  EXPECT_THAT(out_.str(), HasSubstr("\"parameterCount\":\"494710\""));
  EXPECT_THAT(out_.str(), HasSubstr("\"seed\":\"0\""));
  const std::string text = out_.str();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

TEST_F(Commands, GlobalOptionsComeBeforeOrAfter) {
  ASSERT_EQ(Run({"--output", "json", "network", "list"}), kDone);
  const std::string before = out_.str();
  ASSERT_EQ(Run({"network", "list", "--output", "json"}), kDone);
  EXPECT_EQ(out_.str(), before);
  ASSERT_EQ(RunAsGiven({"network", "list", "--server", server_.address(), "--output=json"}), kDone);
  EXPECT_EQ(out_.str(), before);
}

TEST_F(Commands, ListsMergeTheirPages) {
  ASSERT_EQ(Run({"network", "list", "--output", "json"}), kDone);
  EXPECT_THAT(out_.str(), HasSubstr("networks/a"));
  EXPECT_THAT(out_.str(), HasSubstr("networks/b"));
  EXPECT_THAT(out_.str(), HasSubstr("\"nextPageToken\":\"\""));
}

TEST_F(Commands, BadUsageIsTwo) {
  for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
           {},
           {"nonsense"},
           {"dataset"},
           {"network", "create", "n"},
           {"network", "create", "n", "--layers", "784"},
           {"network", "create", "n", "--layers", "2,3,1", "--activation", "relu,relu,relu"},
           {"network", "create", "n", "--layers", "2,3,1", "--activation", "rely"},
           {"network", "create", "n", "--layers", "2,1", "--loss", "mse"},
           {"train", "--network", "n", "--dataset", "d", "--epochs", "2"},
           {"train", "--network", "n", "--dataset", "d", "--epochs", "2", "--optimizer", "lbfgs"},
           {"train", "--network", "n", "--dataset", "d", "--epochs", "2", "--learning-rate", "1",
            "--momentum", "0.5"},
           {"train", "--network", "n", "--dataset", "d", "--epochs", "2", "--learning-rate", "1",
            "--final-learning-rate", "0.5"},
           {"train", "--network", "n", "--dataset", "d", "--epochs", "2", "--learning-rate", "1",
            "--min-delta", "0.5"},
           {"dataset", "create", "d", "--file", "/nonexistent"},
           {"predict", "j"},
           {"predict", "j", "--dataset", "d"},
           {"job", "list", "--output", "yaml"}}) {
    EXPECT_EQ(Run(wrong), kBadUsage) << testing::PrintToString(wrong);
    EXPECT_THAT(err_.str(), Not(testing::IsEmpty()));
    EXPECT_EQ(out_.str(), "");
  }
}

TEST_F(Commands, HelpAndVersionAreDone) {
  EXPECT_EQ(Run({"--help"}), kDone);
  EXPECT_EQ(Run({"train", "--help"}), kDone);
  EXPECT_THAT(out_.str(), HasSubstr("--learning-rate"));
  EXPECT_EQ(Run({"--version"}), kDone);
  EXPECT_THAT(out_.str(), StartsWith("trainyard "));
}

TEST_F(Commands, ErrorsNameFieldsAndAHint) {
  google::rpc::Status status;
  status.set_code(grpc::StatusCode::ALREADY_EXISTS);
  status.set_message("network n is there already");
  google::rpc::BadRequest bad;
  auto& violation = *bad.add_field_violations();
  violation.set_field("network_id");
  violation.set_description("taken");
  status.add_details()->PackFrom(bad);
  networks_.answer = {grpc::StatusCode::ALREADY_EXISTS, status.message(),
                      status.SerializeAsString()};
  EXPECT_EQ(Run({"network", "create", "n", "--layers", "2,1"}), kFailed);
  EXPECT_EQ(err_.str(),
            "error: network n is there already\n"
            "  network_id: taken\n"
            "hint: choose another name, or: trainyard network delete NAME\n");
}

TEST_F(Commands, ExitCodesOfStatuses) {
  networks_.answer = {grpc::StatusCode::UNAUTHENTICATED, "who?"};
  EXPECT_EQ(Run({"network", "list"}), kNotAllowed);
  EXPECT_THAT(err_.str(), HasSubstr("hint: sign in with a token: trainyard login"));
  networks_.answer = {grpc::StatusCode::PERMISSION_DENIED, "no"};
  EXPECT_EQ(Run({"network", "list"}), kNotAllowed);
  networks_.answer = {grpc::StatusCode::UNAVAILABLE, "draining"};
  EXPECT_EQ(Run({"network", "list"}), kUnreachable);
  EXPECT_THAT(err_.str(), HasSubstr("trainyard join LINE"));
}

TEST_F(Commands, NoServerIsFour) {
  EXPECT_EQ(RunAsGiven({"--server", "127.0.0.1:1", "network", "list"}), kUnreachable);
  EXPECT_THAT(err_.str(), HasSubstr("127.0.0.1:1"));
}

class DatasetCommands : public Commands {
 protected:
  DatasetCommands() : file_(fs::temp_directory_path() / ("rows-" + std::to_string(getpid()))) {
    std::ofstream(file_) << "1,2\n";
  }
  ~DatasetCommands() override { fs::remove(file_); }
  const fs::path file_;
};

TEST_F(DatasetCommands, CreateReturnsWhenActive) {
  ASSERT_EQ(Run({"dataset", "create", "d", "--file", file_.string(), "--format", "csv", "--task",
                 "regression", "--target-columns", "a,b"}),
            kDone)
      << err_.str();
  EXPECT_EQ(datasets_.polls, 3);
  EXPECT_EQ(datasets_.created.dataset().task(), v1::REGRESSION);
  EXPECT_EQ(datasets_.created.dataset().upload().format(), v1::UploadSource::CSV);
  EXPECT_EQ(datasets_.created.dataset().upload().target_columns_size(), 2);
  EXPECT_THAT(out_.str(), HasSubstr("ACTIVE"));
}

TEST_F(DatasetCommands, CreateSaysWhyItFailedAndFreesTheName) {
  datasets_.end = v1::Dataset::FAILED;
  EXPECT_EQ(Run({"dataset", "create", "d", "--file", file_.string()}), kFailed);
  EXPECT_EQ(out_.str(), "");
  EXPECT_THAT(err_.str(), HasSubstr("line 7: no number"));
  EXPECT_TRUE(datasets_.deleted);
}

TEST_F(Commands, GenerateTakesEveryKindByItsWord) {
  const std::map<std::string, v1::GeneratorSource::Kind> kinds = {
      {"digits", v1::GeneratorSource::DIGITS},
      {"nand", v1::GeneratorSource::NAND},
      {"xor-points", v1::GeneratorSource::XOR_POINTS},
      {"gauss-regression", v1::GeneratorSource::GAUSS_REGRESSION}};
  for (const auto& [word, kind] : kinds) {
    datasets_.polls = 0;
    ASSERT_EQ(Run({"dataset", "generate", "d", "--kind", word, "--noise", "0.1"}), kDone)
        << err_.str();
    EXPECT_EQ(datasets_.created.dataset().generator().kind(), kind);
    EXPECT_EQ(datasets_.created.dataset().generator().noise(), 0.1);
    EXPECT_EQ(datasets_.created.dataset().task(), v1::TASK_UNSPECIFIED);
  }
  ASSERT_EQ(Run({"dataset", "generate", "d", "--kind", "gauss", "--task", "regression"}), kDone);
  EXPECT_EQ(datasets_.created.dataset().task(), v1::REGRESSION);
  EXPECT_EQ(Run({"dataset", "generate", "d", "--kind", "sextant"}), kBadUsage);
}

TEST_F(Commands, TrainPrintsTheJobThenBareEvents) {
  ASSERT_EQ(Run({"train", "--network", "n", "--dataset", "d", "--epochs", "5", "--learning-rate",
                 "0.3", "--watch", "--output", "json"}),
            kDone);
  const v1::TrainingJobSpec& spec = training_.created.job().spec();
  EXPECT_EQ(spec.network(), "users/me/networks/n");
  EXPECT_EQ(spec.learning_rate(), 0.3);
  EXPECT_FALSE(spec.has_seed());
  std::istringstream lines(out_.str());
  std::string line;
  std::getline(lines, line);
  EXPECT_THAT(line, StartsWith("{\"name\":\"users/local/jobs/j\""));
  std::getline(lines, line);
  EXPECT_THAT(line, StartsWith("{\"sequence\":\"1\""));
  std::getline(lines, line);
  EXPECT_THAT(line, HasSubstr("\"stateChange\":{\"state\":\"SUCCEEDED\""));
  EXPECT_FALSE(std::getline(lines, line));
}

TEST_F(Commands, EnergyIsToldAsTheNotebookDoes) {
  training_.energy_joules = 2763;  // 0.7675 Wh: an hour of the bulb is 36.48 runs
  const std::string line = "0.7675 Wh (estimated), a 28 W bulb for 1 m 39 s";
  ASSERT_EQ(Run({"train", "--network", "n", "--dataset", "d", "--epochs", "0", "--watch"}), kDone);
  EXPECT_THAT(out_.str(), testing::EndsWith("energy " + line + "\n"));
  ASSERT_EQ(Run({"job", "show", "j"}), kDone);
  EXPECT_THAT(out_.str(), HasSubstr(line));
}

TEST_F(Commands, TrainTakesZeroEpochsWithoutARate) {
  ASSERT_EQ(Run({"train", "--network", "n", "--dataset", "d", "--epochs", "0"}), kDone);
  EXPECT_TRUE(training_.created.job().spec().has_epochs());
}

TEST_F(Commands, TrainSaysHowToTrain) {
  ASSERT_EQ(
      Run({"train", "--network",       "n",    "--dataset",    "d",      "--epochs",
           "5",     "--learning-rate", "0.01", "--optimizer",  "adamw",  "--beta1",
           "0.8",   "--weight-decay",  "0.1",  "--schedule",   "cosine", "--final-learning-rate",
           "0.001", "--warmup-epochs", "0.5",  "--l1",         "0.1",    "--l2",
           "0.2",   "--dropout",       "0.3",  "--validation", "v",      "--patience",
           "4",     "--min-delta",     "0.5",  "--rng",        "numpy"}),
      kDone);
  const v1::TrainingJobSpec& spec = training_.created.job().spec();
  EXPECT_EQ(spec.optimizer().adamw().beta1(), 0.8);
  EXPECT_FALSE(spec.optimizer().adamw().has_beta2());
  EXPECT_EQ(spec.optimizer().adamw().weight_decay(), 0.1);
  EXPECT_EQ(spec.schedule().cosine().final_learning_rate(), 0.001);
  EXPECT_EQ(spec.schedule().warmup_epochs(), 0.5);
  EXPECT_EQ(spec.l1(), 0.1);
  EXPECT_EQ(spec.l2(), 0.2);
  EXPECT_EQ(spec.dropout(), 0.3);
  EXPECT_EQ(spec.early_stopping().patience(), 4);
  EXPECT_EQ(spec.early_stopping().min_delta(), 0.5);
  EXPECT_EQ(spec.rng(), v1::NUMPY);
  ASSERT_EQ(Run({"train", "--network", "n", "--dataset", "d", "--epochs", "5", "--learning-rate",
                 "0.01", "--optimizer", "nesterov", "--schedule", "step", "--step-epochs", "3"}),
            kDone);
  EXPECT_TRUE(training_.created.job().spec().optimizer().momentum().nesterov());
  EXPECT_EQ(training_.created.job().spec().schedule().step().epochs_per_step(), 3);
}

TEST_F(Commands, ExitCodesOfJobs) {
  training_.end = v1::TrainingJob::FAILED;
  EXPECT_EQ(Run({"job", "watch", "j"}), kDone);
  EXPECT_EQ(Run({"job", "watch", "j", "--exit-status"}), kFailed);
  EXPECT_EQ(Run({"job", "watch", "j", "--after", "2", "--exit-status"}), kFailed);
  EXPECT_EQ(Run({"job", "wait", "j"}), kFailed);
  training_.end = v1::TrainingJob::SUCCEEDED;
  EXPECT_EQ(Run({"job", "watch", "j", "--exit-status"}), kDone);
  EXPECT_EQ(Run({"job", "wait", "j"}), kDone);
}

}  // namespace
}  // namespace trainyard::client
