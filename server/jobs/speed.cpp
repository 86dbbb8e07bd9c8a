#include "server/jobs/speed.h"

#include "absl/strings/numbers.h"
#include "core/base/text.h"

namespace trainyard::server {
namespace {

// Stated speeds of one core with AVX2: 60 us a sample of the reference network
// (494,710 parameters), twice that in double precision.
constexpr double kStated = 60e-6 / 494710;

// Epochs shorter than this say more about the clock than about the work.
constexpr double kShortestEpoch = 1e-3;

std::string KeyOf(const v1::TrainingJobSpec& spec) {
  return StrCat("speed/", v1::Precision_Name(spec.precision()),
                spec.batch_size() > 1 ? "/batch" : "/sample");
}

}  // namespace

Speed SpeedOf(Reader& reader, const v1::TrainingJobSpec& spec) {
  double value = 0;
  const auto text = reader.Fact(KeyOf(spec));
  if (text.ok() && absl::SimpleAtod(*text, &value) && value > 0) return {value, true};
  return {spec.precision() == v1::F64 ? 2 * kStated : kStated, false};
}

absl::Status RememberSpeed(Transaction& transaction, const v1::TrainingJob& job,
                           std::int64_t parameters) {
  const double seconds = job.last_epoch().seconds();
  if (seconds < kShortestEpoch || parameters <= 0 || job.row_count() <= 0) {
    return absl::OkStatus();
  }
  const double speed =
      seconds / (static_cast<double>(parameters) * static_cast<double>(job.row_count()));
  return transaction.PutFact(KeyOf(job.spec()), StrCat(speed));
}

}  // namespace trainyard::server
