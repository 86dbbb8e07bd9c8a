// Models that a serving worker has at hand.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "server/frames/frame.h"
#include "server/worker/tasks.h"

namespace trainyard::server {

// A network that runs raw rows, in the precision that it was trained in. One
// thread.
class ServedModel {
 public:
  virtual ~ServedModel() = default;

  virtual int inputs() const = 0;
  // Bytes of a row's answer: its outputs as float32, and its class.
  virtual std::size_t answer_bytes() const = 0;
  // Of one batch.
  virtual std::int64_t max_rows() const = 0;

  // Begins another batch.
  virtual void Clear() = 0;
  // Adds `count` rows of a type, one after another in `raw`.
  virtual void Append(RowType type, std::span<const std::uint8_t> raw, std::int64_t count) = 0;
  virtual void Run() = 0;
  // Writes what has been computed for row `row` of the batch as row `to` of an
  // answer that has `rows` of them: float32 outputs of all rows, then int64
  // classes.
  virtual void Write(std::int64_t row, std::span<std::uint8_t> answer, std::int64_t to,
                     std::int64_t rows) const = 0;
};

// Those used last. One thread.
class ServedModels {
 public:
  explicit ServedModels(const WorkerContext& context) : context_(context) {}

  // `key` is a worker.v1.Model. What is returned stays until the next call.
  // Errors: NOT_FOUND where the weights are no longer kept; DATA_LOSS.
  absl::StatusOr<ServedModel*> Get(const std::string& key);

 private:
  const WorkerContext& context_;
  // The newest first.
  std::list<std::pair<std::string, std::unique_ptr<ServedModel>>> models_;
};

}  // namespace trainyard::server
