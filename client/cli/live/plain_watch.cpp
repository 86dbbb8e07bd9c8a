#include "client/cli/live/plain_watch.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/report.h"
#include "client/cli/term/format.h"
#include "client/lib/error.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

std::string StateLine(const v1::StateChange& change) {
  std::string line = v1::TrainingJob::State_Name(change.state());
  // Where there is an error the reason only repeats it.
  if (!change.reason().empty() && !change.has_error())
    absl::StrAppend(&line, "  ", change.reason());
  if (change.has_error()) {
    const ErrorDetails error = DecodeError(change.error());
    absl::StrAppend(&line, "  ", error.reason, error.reason.empty() ? "" : ": ", error.message);
  }
  return line;
}

std::string EpochLine(const v1::EpochCompleted& epoch, int epochs) {
  std::string line = absl::StrFormat("epoch %d/%d  cost %.4f  mean %.4f", epoch.epoch(), epochs,
                                     epoch.cost(), epoch.mean_cost());
  if (epoch.has_train_accuracy()) {
    absl::StrAppend(&line, "  accuracy ", absl::StrFormat("%.4g", epoch.train_accuracy()));
  }
  if (epoch.has_validation_cost()) {
    absl::StrAppend(&line, "  validation cost ", absl::StrFormat("%.4f", epoch.validation_cost()));
  }
  if (epoch.has_validation_accuracy()) {
    absl::StrAppend(&line, "  validation accuracy ",
                    absl::StrFormat("%.4g", epoch.validation_accuracy()));
  }
  return absl::StrCat(line, "  ", Duration(epoch.seconds()));
}

}  // namespace

std::string EventLine(const v1::TrainingEvent& event, int epochs) {
  switch (event.kind_case()) {
    case v1::TrainingEvent::kStateChange:
      return StateLine(event.state_change());
    case v1::TrainingEvent::kEpoch:
      return EpochLine(event.epoch(), epochs);
    case v1::TrainingEvent::kCheckpoint:
      return absl::StrCat("checkpoint of epoch ", event.checkpoint().epoch(), "  ",
                          Bytes(event.checkpoint().size_bytes()));
    case v1::TrainingEvent::kEvaluation: {
      std::string line = absl::StrCat("evaluation ", BareId(event.evaluation().evaluation()));
      if (event.evaluation().has_accuracy()) {
        absl::StrAppend(&line, "  accuracy ",
                        absl::StrFormat("%.4g", event.evaluation().accuracy()));
      }
      return line;
    }
    case v1::TrainingEvent::kWarning:
      return absl::StrCat("warning  ", event.warning().reason(), ": ", event.warning().message());
    case v1::TrainingEvent::KIND_NOT_SET:
      break;
  }
  return absl::StrCat("event ", event.sequence());
}

void PlainWatch::OnEvent(const v1::TrainingEvent& event) {
  if (context_.json) return PrintJson(context_, event);
  const int epoch = event.epoch().epoch();
  if (event.has_epoch() && epoch % every_ != 0 && epoch != job_.spec().epochs()) return;
  context_.out() << EventLine(event, job_.spec().epochs()) << std::endl;
}

void PlainWatch::OnTrimmed(std::int64_t first_sequence) {
  context_.err() << "events before " << first_sequence << " are no longer kept" << std::endl;
}

void PlainWatch::OnInterrupted(const grpc::Status& status, std::chrono::milliseconds) {
  context_.err() << "connection lost (" << status.error_message() << "), trying again" << std::endl;
}

}  // namespace trainyard::client
