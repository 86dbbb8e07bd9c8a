#include "server/worker/frame_server.h"

#include <chrono>
#include <utility>

#include "server/store/layout.h"

namespace trainyard::server {
namespace {

constexpr std::chrono::milliseconds kBetweenTries{20};

}  // namespace

FrameServer::FrameServer(const WorkerContext& context)
    : context_(context), exports_(context), inferences_(context), thread_([this] { Run(); }) {}

FrameServer::~FrameServer() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    if (socket_ != nullptr) socket_->Shutdown();
  }
  closed_.notify_all();
  thread_.join();
}

bool FrameServer::Use(std::shared_ptr<FrameSocket> socket) {
  std::unique_lock lock(mutex_);
  socket_ = std::move(socket);
  if (!socket_->is_open()) closed_.wait_for(lock, kBetweenTries, [this] { return closing_; });
  return !closing_;
}

void FrameServer::Run() {
  const std::filesystem::path path =
      std::filesystem::absolute(Layout(context_.data_dir).ServeSocket());
  while (true) {
    auto socket = std::make_shared<FrameSocket>(path);
    if (!Use(socket)) return;
    if (socket->is_open()) Serve(socket);
  }
}

void FrameServer::Take(Frame request, const std::shared_ptr<FrameSocket>& socket) {
  switch (request.header.kind) {
    case FrameKind::kInfer:
      return inferences_.Add(std::move(request), socket);
    case FrameKind::kExport:
      return exports_.Add(std::move(request), socket);
    default:
      return socket->SendError(request.header.id, absl::InvalidArgumentError("not a request"));
  }
}

void FrameServer::Serve(const std::shared_ptr<FrameSocket>& socket) {
  const auto take = [&](Frame request) { Take(std::move(request), socket); };
  // Between two batches it takes in what has come meanwhile.
  while (socket->Read(inferences_.empty() ? -1 : 0, take)) {
    if (!inferences_.empty()) inferences_.Step();
  }
  inferences_.Drop();
}

}  // namespace trainyard::server
