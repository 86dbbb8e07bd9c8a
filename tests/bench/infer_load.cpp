// Clients that infer, one request after another, for a time: what infer.py runs.
//
//   infer_load HOST:PORT MODEL ROWS.u8 --clients N --batch B --seconds S
//
// Prints requests and rows a second, and the latencies' median and 99th
// percentile in microseconds, as JSON.
#include <grpcpp/grpcpp.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <thread>
#include <vector>

#include "inference/inference.grpc.pb.h"

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string server;
  std::string model;
  std::string rows_file;
  int clients = 1;
  int batch = 1;
  int features = 784;
  double seconds = 3;
};

// Raw rows of pixels.
std::string ReadRows(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

inference::ModelInferRequest MakeRequest(const Options& options, const std::string& pixels,
                                         int first) {
  inference::ModelInferRequest request;
  request.set_model_name(options.model);
  auto& input = *request.add_inputs();
  input.set_name("input");
  input.set_datatype("FP32");
  input.add_shape(options.batch);
  input.add_shape(options.features);
  const auto features = static_cast<std::size_t>(options.features);
  const std::size_t rows = pixels.size() / features;
  std::vector<float> values;
  for (std::size_t i = 0; i < static_cast<std::size_t>(options.batch); ++i) {
    const std::size_t row = (static_cast<std::size_t>(first) + i) % rows;
    for (std::size_t j = 0; j < features; ++j) {
      values.push_back(static_cast<unsigned char>(pixels[row * features + j]));
    }
  }
  request.add_raw_input_contents(values.data(), values.size() * sizeof(float));
  return request;
}

// One connection, one request at a time.
class Client {
 public:
  Client(const Options& options, const std::string& pixels, int number)
      : request_(MakeRequest(options, pixels, number * 131)) {
    grpc::ChannelArguments arguments;
    arguments.SetInt("client", number);
    stub_ = inference::GRPCInferenceService::NewStub(
        grpc::CreateCustomChannel(options.server, grpc::InsecureChannelCredentials(), arguments));
  }

  // False on an error.
  bool Infer() {
    grpc::ClientContext context;
    inference::ModelInferResponse response;
    const auto begin = Clock::now();
    const grpc::Status status = stub_->ModelInfer(&context, request_, &response);
    if (!status.ok()) {
      std::cerr << status.error_message() << "\n";
      return false;
    }
    micros_.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
    return true;
  }
  void Forget() { micros_.clear(); }
  const std::vector<double>& micros() const { return micros_; }

 private:
  const inference::ModelInferRequest request_;
  std::unique_ptr<inference::GRPCInferenceService::Stub> stub_;
  std::vector<double> micros_;
};

double Quantile(const std::vector<double>& sorted, double share) {
  const auto last = static_cast<double>(sorted.size() - 1);
  return sorted[static_cast<std::size_t>(last * share)];
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Clients that infer");
  app.add_option("SERVER", options.server)->required();
  app.add_option("MODEL", options.model)->required();
  app.add_option("ROWS", options.rows_file, "File of pixels, a byte each")->required();
  app.add_option("--clients", options.clients);
  app.add_option("--batch", options.batch);
  app.add_option("--features", options.features);
  app.add_option("--seconds", options.seconds);
  CLI11_PARSE(app, argc, argv);
  const std::string pixels = ReadRows(options.rows_file);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < options.clients; ++i) {
    clients.push_back(std::make_unique<Client>(options, pixels, i));
    // Connects, and lets the worker load the model.
    if (!clients.back()->Infer()) return 1;
    clients.back()->Forget();
  }
  std::atomic<bool> failed = false;
  const auto begin = Clock::now();
  const auto end = begin + std::chrono::duration_cast<Clock::duration>(
                               std::chrono::duration<double>(options.seconds));
  {
    std::vector<std::jthread> threads;
    for (const auto& client : clients) {
      threads.emplace_back([&] {
        while (Clock::now() < end && !failed) {
          if (!client->Infer()) failed = true;
        }
      });
    }
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  if (failed) return 1;
  std::vector<double> micros;
  for (const auto& client : clients) {
    micros.insert(micros.end(), client->micros().begin(), client->micros().end());
  }
  std::sort(micros.begin(), micros.end());
  const double rate = static_cast<double>(micros.size()) / seconds;
  std::cout << "{\"requests_per_second\": " << rate
            << ", \"rows_per_second\": " << rate * options.batch
            << ", \"p50_us\": " << Quantile(micros, 0.5)
            << ", \"p99_us\": " << Quantile(micros, 0.99) << "}" << std::endl;
}
