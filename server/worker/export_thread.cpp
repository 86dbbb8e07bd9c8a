#include "server/worker/export_thread.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "core/base/error.h"
#include "core/export/export.h"
#include "server/worker/model.h"

namespace trainyard::server {
namespace {

// Gathers small pieces, and writes to a file.
class FileSink {
 public:
  explicit FileSink(int file) : file_(file) {}

  absl::Status Add(std::span<const std::uint8_t> bytes) {
    if (gathered_.size() + bytes.size() > kGather) {
      if (auto status = Flush(); !status.ok()) return status;
    }
    if (bytes.size() > kGather) return Write(bytes);
    gathered_.insert(gathered_.end(), bytes.begin(), bytes.end());
    return absl::OkStatus();
  }
  absl::Status Flush() {
    auto status = Write(gathered_);
    gathered_.clear();
    return status;
  }

 private:
  static constexpr std::size_t kGather = 1 << 20;

  absl::Status Write(std::span<const std::uint8_t> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(file_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return SystemError(errno, "write", "an export in memory");
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return absl::OkStatus();
  }

  const int file_;
  std::vector<std::uint8_t> gathered_;
};

ExportFormat FormatOf(v1::ReadCheckpointRequest::Format format) {
  switch (format) {
    case v1::ReadCheckpointRequest::ONNX:
      return ExportFormat::kOnnx;
    case v1::ReadCheckpointRequest::NPZ:
      return ExportFormat::kNpz;
    case v1::ReadCheckpointRequest::CSV:
      return ExportFormat::kCsv;
    default:
      return ExportFormat::kSafetensors;
  }
}

// A file without a name, which is gone with its last descriptor.
absl::StatusOr<Descriptor> MakeExport(const WorkerContext& context,
                                      const worker::v1::ExportTask& task) {
  auto model = LoadModel(context, task.model());
  if (!model.ok()) return model.status();
  Descriptor file(::memfd_create("export", MFD_CLOEXEC));
  if (!file.is_open()) return SystemError(errno, "make", "an export in memory");
  const ExportSource source{model->network,
                            model->checkpoint.header.scaling,
                            task.model().classification(),
                            task.epoch(),
                            {task.facts().begin(), task.facts().end()}};
  FileSink sink(file.get());
  auto status = std::visit(
      [&](const auto& state) {
        return Export(FormatOf(task.format()), source, state.parameters,
                      [&](std::span<const std::uint8_t> bytes) { return sink.Add(bytes); });
      },
      model->checkpoint.state);
  if (status.ok()) status = sink.Flush();
  if (!status.ok()) return status;
  return file;
}

}  // namespace

ExportThread::ExportThread(const WorkerContext& context)
    : context_(context), thread_([this] { Run(); }) {}

ExportThread::~ExportThread() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void ExportThread::Add(Frame request, std::shared_ptr<FrameSocket> socket) {
  {
    const std::lock_guard lock(mutex_);
    requests_.emplace_back(std::move(request), std::move(socket));
  }
  changed_.notify_all();
}

void ExportThread::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return closing_ || !requests_.empty(); });
    if (closing_) return;
    const auto [request, socket] = std::move(requests_.front());
    requests_.pop_front();
    lock.unlock();
    worker::v1::ExportTask task;
    task.ParseFromString(request.key);
    const auto file = MakeExport(context_, task);
    if (file.ok()) {
      socket->SendFile(request.header.id, *file);
    } else {
      socket->SendError(request.header.id, file.status());
    }
    lock.lock();
  }
}

}  // namespace trainyard::server
