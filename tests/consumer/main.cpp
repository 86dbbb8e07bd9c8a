// Trains a network on a server and follows it: train_and_watch HOST:PORT DATASET.
#include <cstdlib>
#include <iostream>
#include <string>

#include "client/lib/connection.h"
#include "client/lib/error.h"
#include "client/lib/job_watch.h"
#include "client/lib/names.h"

namespace v1 = trainyard::v1;
namespace client = trainyard::client;

namespace {

void Check(const grpc::Status& status) {
  if (status.ok()) return;
  const client::ErrorDetails error = client::DecodeError(status);
  std::cerr << error.reason << ": " << error.message << std::endl;
  std::exit(1);
}

class Printer : public client::JobObserver {
 public:
  void OnEvent(const v1::TrainingEvent& event) override {
    if (event.has_epoch()) {
      std::cout << "epoch " << event.epoch().epoch() << " cost " << event.epoch().cost() << "\n";
    } else if (event.has_state_change()) {
      std::cout << v1::TrainingJob::State_Name(event.state_change().state()) << "\n";
    }
  }
};

v1::Network CreateNetwork(client::Connection& connection) {
  v1::CreateNetworkRequest request;
  request.set_parent(std::string(client::kMe));
  request.set_network_id("from-outside");
  request.set_request_id(client::NewRequestId());
  v1::NetworkSpec& spec = *request.mutable_network()->mutable_spec();
  spec.set_input_count(2);
  spec.add_layers()->set_units(4);
  spec.add_layers()->set_units(2);
  v1::Network network;
  Check(connection.Call(&v1::NetworkService::Stub::CreateNetwork, request, &network));
  return network;
}

v1::TrainingJob Train(client::Connection& connection, const std::string& network,
                      const std::string& dataset) {
  v1::CreateTrainingJobRequest request;
  request.set_parent(std::string(client::kMe));
  request.set_request_id(client::NewRequestId());
  v1::TrainingJobSpec& spec = *request.mutable_job()->mutable_spec();
  spec.set_network(network);
  spec.set_dataset(client::FullName("datasets", dataset));
  spec.set_epochs(3);
  spec.set_learning_rate(0.1);
  v1::TrainingJob job;
  Check(connection.Call(&v1::TrainingService::Stub::CreateTrainingJob, request, &job));
  return job;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  client::Connection connection(argv[1]);
  const v1::Network network = CreateNetwork(connection);
  std::cout << network.name() << " " << network.parameter_count() << "\n";
  const v1::TrainingJob job = Train(connection, network.name(), argv[2]);
  client::JobWatch::Options options;
  options.job = job.name();
  Printer printer;
  Check(client::JobWatch(connection, options).Run(printer));
}
