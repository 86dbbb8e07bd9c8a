// The private service of workers, on a Unix socket in the data directory.
#pragma once

#include <grpcpp/grpcpp.h>

#include "server/workers/worker_pool.h"
#include "trainyard/worker/v1/worker.grpc.pb.h"

namespace trainyard::server {

// A thread for each attached worker: there are a few, and each is a process.
class WorkerRpc final : public worker::v1::WorkerService::Service {
 public:
  explicit WorkerRpc(WorkerPool& pool) : pool_(pool) {}

  grpc::Status Attach(grpc::ServerContext* context,
                      grpc::ServerReaderWriter<worker::v1::ServerMessage,
                                               worker::v1::WorkerMessage>* stream) override;

 private:
  WorkerPool& pool_;
};

}  // namespace trainyard::server
