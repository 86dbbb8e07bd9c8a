// trainyard job verify J [--keep]

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>
#include <vector>

#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/job_view.h"
#include "client/cli/live/interrupt.h"
#include "client/cli/report.h"
#include "client/lib/job_watch.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

struct Options {
  std::string name;
  bool keep = false;
};

class Epochs : public JobObserver {
 public:
  void OnEvent(const v1::TrainingEvent& event) override {
    if (event.has_epoch()) epochs_.push_back(event.epoch());
  }
  void OnTrimmed(std::int64_t /*first_sequence*/) override { trimmed_ = true; }
  const std::vector<v1::EpochCompleted>& epochs() const { return epochs_; }
  bool trimmed() const { return trimmed_; }

 private:
  std::vector<v1::EpochCompleted> epochs_;
  bool trimmed_ = false;
};

// All epochs of a job that are kept, once it has ended.
grpc::Status EpochsOf(Context& context, const std::string& name, Epochs& epochs) {
  JobWatch watch(context.connection(), {.job = name, .patience = {}});
  InterruptHandler interrupt([&watch] { watch.Stop(); });
  return watch.Run(epochs);
}

bool SameBits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

// What does not depend on the clock.
bool SameEpoch(const v1::EpochCompleted& a, const v1::EpochCompleted& b) {
  return a.epoch() == b.epoch() && SameBits(a.cost(), b.cost()) &&
         SameBits(a.train_accuracy(), b.train_accuracy()) &&
         SameBits(a.validation_cost(), b.validation_cost()) &&
         SameBits(a.validation_accuracy(), b.validation_accuracy());
}

// The first epoch that differs; none where all are the same.
std::optional<int> FirstDifference(const std::vector<v1::EpochCompleted>& recorded,
                                   const std::vector<v1::EpochCompleted>& again) {
  for (std::size_t i = 0; i < std::max(recorded.size(), again.size()); ++i) {
    if (i >= recorded.size() || i >= again.size() || !SameEpoch(recorded[i], again[i])) {
      return i < recorded.size() ? recorded[i].epoch() : again[i].epoch();
    }
  }
  return std::nullopt;
}

void DropBefore(int epoch, std::vector<v1::EpochCompleted>& epochs) {
  std::erase_if(epochs, [&](const auto& one) { return one.epoch() <= epoch; });
}

struct Receipt {
  v1::TrainingJob recorded;
  v1::TrainingJob again;
  std::size_t epochs = 0;
  // Epochs at the beginning are no longer kept.
  bool trimmed = false;
  std::optional<int> difference;

  bool trained() const { return again.state() == v1::TrainingJob::SUCCEEDED; }

  bool same_weights() const { return recorded.weights_digest() == again.weights_digest(); }
  bool holds() const { return trained() && !difference && same_weights(); }
};

// Compares the epochs that both have.
void CompareEpochs(const Epochs& recorded, const Epochs& again, Receipt& receipt) {
  auto before = recorded.epochs();
  auto after = again.epochs();
  // A fork has its source's epochs before its own.
  DropBefore(receipt.recorded.forked_from().epoch(), before);
  receipt.trimmed = recorded.trimmed() || again.trimmed();
  if (receipt.trimmed && !before.empty() && !after.empty()) {
    const int first = std::max(before.front().epoch(), after.front().epoch());
    DropBefore(first - 1, before);
    DropBefore(first - 1, after);
  }
  receipt.epochs = before.size();
  receipt.difference = FirstDifference(before, after);
}

void Print(Context& context, const Receipt& receipt, bool kept) {
  std::ostream& out = context.out();
  const auto& recorded = receipt.recorded;
  const auto& again = receipt.again;
  out << "job      " << recorded.name() << "  kernels " << recorded.kernel_variant() << "\n"
      << "again    " << again.name() << "  kernels " << again.kernel_variant()
      << (kept ? "" : "  (deleted)") << "\n";
  // Of what was not trained again there is nothing to say.
  if (!receipt.trained()) {
    out << "state    " << v1::TrainingJob::State_Name(again.state()) << "  "
        << again.error().message() << "\nNOT VERIFIED: it was not trained again to its end"
        << std::endl;
    return;
  }
  out << "costs    ";
  if (receipt.difference) {
    out << "differ from epoch " << *receipt.difference << " on\n";
  } else {
    out << "of " << (receipt.trimmed ? "the " : "") << receipt.epochs << " epochs"
        << (receipt.trimmed ? " that are kept" : "") << ", equal to the bit\n";
  }
  out << "weights  " << (receipt.same_weights() ? "equal" : "differ") << "  "
      << recorded.weights_digest() << "\n";
  if (!receipt.same_weights()) out << "         not equal  " << again.weights_digest() << "\n";
  if (receipt.holds()) {
    out << "VERIFIED" << std::endl;
    return;
  }
  out << "NOT VERIFIED";
  if (recorded.kernel_variant() != again.kernel_variant()) {
    out << ": the instruction sets differ, and so may the last bits";
  }
  out << std::endl;
}

int Verify(Context& context, const Options& options, Receipt& receipt) {
  Epochs recorded;
  Epochs again;
  grpc::Status status = EpochsOf(context, receipt.recorded.name(), recorded);
  if (status.ok()) status = EpochsOf(context, receipt.again.name(), again);
  if (status.error_code() == grpc::StatusCode::CANCELLED) {
    context.err() << "stopped waiting; " << BareId(receipt.again.name()) << " goes on" << std::endl;
    return kInterrupted;
  }
  if (status.ok()) status = GetJob(context, receipt.again.name(), &receipt.again);
  if (!status.ok()) return ReportError(context, status);
  CompareEpochs(recorded, again, receipt);
  const bool keep = options.keep || !receipt.holds();
  if (!keep) {
    v1::DeleteTrainingJobRequest request;
    request.set_name(receipt.again.name());
    request.set_request_id(NewRequestId());
    google::protobuf::Empty empty;
    status =
        context.connection().Call(&v1::TrainingService::Stub::DeleteTrainingJob, request, &empty);
    if (!status.ok()) return ReportError(context, status);
  }
  if (context.json) {
    PrintJson(context, receipt.again);
  } else {
    Print(context, receipt, keep);
  }
  return receipt.holds() ? kDone : kFailed;
}

int Run(Context& context, const Options& options) {
  Receipt receipt;
  grpc::Status status = GetJob(context, options.name, &receipt.recorded);
  if (!status.ok()) return ReportError(context, status);
  v1::VerifyTrainingJobRequest request;
  request.set_name(receipt.recorded.name());
  request.set_request_id(NewRequestId());
  status = context.connection().Call(&v1::TrainingService::Stub::VerifyTrainingJob, request,
                                     &receipt.again);
  if (!status.ok()) return ReportError(context, status);
  if (!context.json && context.terminal.out_interactive()) {
    context.out() << "training " << BareId(receipt.recorded.name()) << " again as "
                  << BareId(receipt.again.name()) << " ..." << std::endl;
  }
  return Verify(context, options, receipt);
}

}  // namespace

void AddJobVerify(CLI::App& group, Context& context) {
  auto [command, options] = AddCommand<Options>(
      group, context, "verify", "Train a job again as recorded, and compare to the bit", Run);
  command.add_option("NAME", options.name, "Id, or full resource name")->required();
  command.add_flag("--keep", options.keep,
                   "Keep the job that was trained (one that differs is kept anyway)");
}

}  // namespace trainyard::client
