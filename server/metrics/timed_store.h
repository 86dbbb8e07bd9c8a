// A store that tells how long commits take.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "server/store/store.h"

namespace trainyard::server {

class TimedStore final : public Store {
 public:
  // `committed` hears of each commit that succeeded, in seconds; on any thread.
  TimedStore(std::unique_ptr<Store> store, std::function<void(double)> committed)
      : store_(std::move(store)), committed_(std::move(committed)) {}

  absl::Status Commit(std::function<absl::Status(Transaction&)> work, WhenFull when_full) override {
    const auto begin = std::chrono::steady_clock::now();
    auto status = store_->Commit(std::move(work), when_full);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    if (status.ok()) committed_(took.count());
    return status;
  }
  bool AwaitSpace() override { return store_->AwaitSpace(); }
  void GiveUp() override { store_->GiveUp(); }
  std::uint64_t changes() const override { return store_->changes(); }
  absl::Status Read(const std::function<absl::Status(Reader&)>& work) override {
    return store_->Read(work);
  }

 private:
  const std::unique_ptr<Store> store_;
  const std::function<void(double)> committed_;
};

}  // namespace trainyard::server
