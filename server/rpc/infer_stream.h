// A stream of requests to infer, and of their answers.
#pragma once

#include <grpcpp/grpcpp.h>

#include <deque>
#include <memory>
#include <mutex>

#include "inference/inference.grpc.pb.h"
#include "server/auth/gatekeeper.h"
#include "server/serving/inference_service.h"

namespace trainyard::server {

// Reads ahead of the answers, so that many requests are on their way, but not
// without bound. Deletes itself when the call is over and no request of it is on
// its way.
class InferStream final : public grpc::ServerBidiReactor<inference::ModelInferRequest,
                                                         inference::ModelStreamInferResponse> {
 public:
  // Of a call that was not admitted, ends at once.
  static InferStream* Start(InferenceService& models, absl::StatusOr<Admission> admission);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone() override;

 private:
  // One request and its answer.
  struct Item {
    inference::ModelInferRequest request;
    inference::ModelStreamInferResponse response;
  };

  InferStream(InferenceService& models, absl::StatusOr<Admission> admission)
      : models_(models), admission_(std::move(admission)) {}

  void Done(const std::shared_ptr<Item>& item, const absl::Status& status);
  // Begins what may begin; takes over the lock.
  void Step(std::unique_lock<std::mutex> lock);

  InferenceService& models_;
  const absl::StatusOr<Admission> admission_;
  // Keeps itself until OnDone; each request on its way keeps it, too.
  std::shared_ptr<InferStream> self_;
  std::mutex mutex_;
  std::shared_ptr<Item> reading_;              // guarded by mutex_
  std::deque<std::shared_ptr<Item>> answers_;  // guarded by mutex_
  int on_their_way_ = 0;                       // guarded by mutex_
  bool may_read_ = true;                       // guarded by mutex_
  bool ended_ = false;                         // guarded by mutex_
  bool writing_ = false;                       // guarded by mutex_
  bool broken_ = false;                        // guarded by mutex_
  bool finished_ = false;                      // guarded by mutex_
};

}  // namespace trainyard::server
