#include "server/auth/records.h"

#include <string>

#include "core/base/error.h"
#include "server/resources/names.h"

namespace trainyard::server {
namespace {

constexpr std::string_view kSettingsKey = "class_settings";

}  // namespace

absl::StatusOr<v1::ClassSettings> ReadClassSettings(Reader& reader) {
  auto stored = reader.Fact(kSettingsKey);
  if (!stored.ok()) return stored.status();
  v1::ClassSettings settings;
  if (!stored->empty()) {
    settings.ParseFromString(*stored);
    return settings;
  }
  v1::Quota& quota = *settings.mutable_quota();
  quota.set_dataset_bytes(std::int64_t{2} << 30);
  quota.set_checkpoint_bytes(std::int64_t{4} << 30);
  quota.set_queued_jobs(100);
  quota.set_streams(64);
  quota.set_calls_per_second(50);
  return settings;
}

absl::Status WriteClassSettings(Transaction& transaction, const v1::ClassSettings& settings) {
  return transaction.PutFact(kSettingsKey, settings.SerializeAsString());
}

absl::Status CheckUserId(std::string_view field, std::string_view id) {
  if (id != "me") return CheckId(field, id);
  return FieldError(field, "INVALID_ID", "'me' stands for the caller; choose another id");
}

absl::Status InsertUser(Transaction& transaction, const v1::User& user) {
  ResourceRow row{0,  ResourceKind::kUser,     user.name(), NewUid(), "users", 0,
                  "", user.SerializeAsString()};
  return transaction.Insert(row);
}

}  // namespace trainyard::server
