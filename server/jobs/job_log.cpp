#include "server/jobs/job_log.h"

#include <string_view>
#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"
#include "server/events/event_hub.h"
#include "server/jobs/kept_checkpoints.h"
#include "server/resources/clock.h"

namespace trainyard::server {

using Job = v1::TrainingJob;

namespace {

// What to do with a job that cannot be paused or cancelled.
std::string_view AdviceFor(Job::State state) {
  if (IsTerminal(state)) return "; it has ended: fork it to go on from its weights";
  if (state == Job::QUEUED) return "; it has not begun: let it, or cancel it";
  if (state == Job::PAUSED) return "; resume it, or cancel it";
  return "";
}

}  // namespace

bool MayGo(Job::State from, Job::State to) {
  switch (from) {
    case Job::QUEUED:
      return to == Job::RUNNING || to == Job::CANCELLED;
    case Job::RUNNING:
      return to == Job::QUEUED || to == Job::CANCELLING || to == Job::PAUSING ||
             to == Job::SUCCEEDED || to == Job::FAILED;
    case Job::PAUSING:
      return to == Job::PAUSED || to == Job::CANCELLING || to == Job::SUCCEEDED ||
             to == Job::FAILED;
    case Job::PAUSED:
      return to == Job::QUEUED || to == Job::CANCELLED;
    case Job::CANCELLING:
      return IsTerminal(to);
    case Job::STATE_UNSPECIFIED:
      return to == Job::QUEUED;
    default:
      return false;
  }
}

absl::StatusOr<JobEdit> JobEdit::Load(Transaction& transaction, const std::string& name,
                                      const std::string& uid) {
  JobEdit edit(transaction);
  auto row = transaction.Get(ResourceKind::kJob, name);
  if (!row.ok()) return row.status();
  if (!uid.empty() && row->uid != uid) {
    return MakeError(absl::StatusCode::kNotFound, {"NOT_FOUND", "", {{"resource", name}}},
                     StrCat(name, " has been deleted"));
  }
  edit.row_ = *std::move(row);
  if (!edit.record_.ParseFromString(edit.row_.body)) {
    return MakeError(absl::StatusCode::kDataLoss, {"DATABASE_DAMAGED", "", {}},
                     StrCat("the record of ", name, " cannot be read"));
  }
  return edit;
}

JobEdit JobEdit::New(Transaction& transaction, store::v1::JobRecord record) {
  JobEdit edit(transaction);
  edit.record_ = std::move(record);
  edit.row_.kind = ResourceKind::kJob;
  edit.row_.name = edit.job().name();
  edit.row_.uid = edit.job().uid();
  edit.row_.parent = edit.row_.name.substr(0, edit.row_.name.find("/jobs/"));
  return edit;
}

absl::StatusOr<std::optional<v1::TrainingEvent>> JobEdit::EventOfEpoch(int epoch) {
  auto row = transaction_->EpochEvent(uid(), epoch);
  if (!row.ok()) return row.status();
  if (!row->has_value()) return std::nullopt;
  v1::TrainingEvent event;
  event.ParseFromString((*row)->body);
  return event;
}

absl::Status JobEdit::Append(v1::TrainingEvent event) {
  const std::int64_t sequence = job().last_sequence() + 1;
  event.set_sequence(sequence);
  event.set_attempt(job().attempt());
  *event.mutable_time() = Now();
  EventRow row{sequence, event.SerializeAsString(), 0};
  const int epoch = event.has_epoch() ? event.epoch().epoch() : 0;
  auto status = transaction_->AppendEvent(uid(), epoch, row);
  if (!status.ok()) return status;
  job().set_last_sequence(sequence);
  if (sequence == 1) job().set_first_sequence(1);
  appended_.push_back(std::move(row));
  return absl::OkStatus();
}

absl::Status JobEdit::Trim(std::int64_t up_to_sequence) {
  job().set_first_sequence(up_to_sequence + 1);
  return transaction_->TrimEvents(uid(), up_to_sequence);
}

absl::Status JobEdit::Enter(Job::State state, const std::string& reason) {
  if (!MayGo(job().state(), state)) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition,
        {"ILLEGAL_TRANSITION", "", {{"state", Job::State_Name(job().state())}}},
        StrCat(job().name(), " is ", Job::State_Name(job().state()), " and cannot become ",
               Job::State_Name(state), AdviceFor(job().state())));
  }
  job().set_state(state);
  if (IsTerminal(state)) *job().mutable_end_time() = Now();
  if (state == Job::CANCELLED && job().weights_digest().empty()) TakeNewestWeights(record_);
  v1::TrainingEvent event;
  event.mutable_state_change()->set_state(state);
  event.mutable_state_change()->set_reason(reason);
  if (job().last_sequence() == 0 && job().has_forked_from()) {
    *event.mutable_state_change()->mutable_forked_from() = job().forked_from();
  }
  if (job().has_error()) *event.mutable_state_change()->mutable_error() = job().error();
  return Append(std::move(event));
}

absl::Status JobEdit::Save() {
  row_.state = job().state();
  row_.body = record_.SerializeAsString();
  if (row_.id == 0) return transaction_->Insert(row_);
  return transaction_->Update(row_);
}

}  // namespace trainyard::server
