// Requests to infer, and how they are put together.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "server/worker/frame_socket.h"
#include "server/worker/served_models.h"

namespace trainyard::server {

// Small requests for the same model are computed as one batch: those that have
// come while the batch before was computed. None waits for others to come. A
// large request is computed a part at a time, and small ones in between. One
// thread.
class InferenceQueue {
 public:
  explicit InferenceQueue(const WorkerContext& context) : models_(context) {}

  // `request` is a kInfer, answered over `socket`.
  void Add(Frame request, std::shared_ptr<FrameSocket> socket);
  bool empty() const { return small_.empty() && large_.empty(); }
  // Forgets what waits: nobody would hear the answers.
  void Drop();
  // Computes one batch, and answers what is done.
  void Step();

 private:
  using Clock = std::chrono::steady_clock;

  struct Request {
    Frame frame;
    std::shared_ptr<FrameSocket> socket;
    Clock::time_point arrived;
    // Of a large one: how far it is.
    std::int64_t rows_done = 0;
    std::vector<std::uint8_t> answer;
    FrameHeader figures;

    std::int64_t rows() const { return static_cast<std::int64_t>(frame.header.rows); }
  };

  void StepSmall();
  void StepLarge();
  // Takes those at the front of one kind that fit into a batch.
  std::vector<Request> TakeBatch(const ServedModel& model);
  // The model of a request; nothing, and an answer, where there is none.
  ServedModel* ModelOf(const Request& request);
  static void Answer(Request& request);

  ServedModels models_;
  std::deque<Request> small_;
  std::deque<Request> large_;
  bool large_next_ = false;
};

}  // namespace trainyard::server
