#include "server/admin/init.h"

#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"
#include "server/auth/accounts.h"
#include "server/auth/admin_service.h"
#include "server/resources/names.h"
#include "server/store/store.h"
#include "server/tls/authority.h"

namespace trainyard::server {
namespace {

// Whether the single user of before has left anything.
absl::StatusOr<bool> HasLocalWork(Store& store) {
  bool found = false;
  auto status = store.Read([&](Reader& reader) -> absl::Status {
    for (const auto kind : {ResourceKind::kDataset, ResourceKind::kNetwork, ResourceKind::kJob}) {
      auto rows = reader.List(kind, kLocalUser, 0, 1);
      if (!rows.ok()) return rows.status();
      found = found || !rows->empty();
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return found;
}

absl::Status NoClass(const Layout& layout) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition, {"NOT_INITIALIZED", "", {}},
      StrCat(layout.root().string(), " has no authority; `trainyard-server init` makes one"));
}

}  // namespace

absl::StatusOr<Initialized> InitDirectory(const Layout& layout, const InitOptions& options) {
  if (auto status = layout.Create(); !status.ok()) return status;
  DirectoryLock lock;
  if (auto status = DirectoryLock::Acquire(layout, lock); !status.ok()) return status;
  auto store = Store::Open(layout);
  if (!store.ok()) return store.status();
  Initialized made;
  made.names = options.names.empty() ? NamesOfThisMachine() : options.names;
  std::string id = options.admin;
  if (id.empty()) {
    auto local = HasLocalWork(**store);
    if (!local.ok()) return local.status();
    id = *local ? "local" : "admin";
  }
  // Certificates first: without an administrator nothing has begun, and init may be
  // run again.
  const TlsFiles files(layout.Tls());
  if (auto status = IssueCertificate(files, made.names); !status.ok()) return status;
  auto fingerprint = FingerprintOf(files.authority);
  if (!fingerprint.ok()) return fingerprint.status();
  auto token = MakeFirstAdministrator(**store, id);
  if (!token.ok()) return token.status();
  made.admin = StrCat("users/", id);
  made.token = *std::move(token);
  made.fingerprint = *std::move(fingerprint);
  return made;
}

absl::StatusOr<Initialized> NewAdministratorToken(const Layout& layout, const std::string& admin) {
  const TlsFiles files(layout.Tls());
  if (!std::filesystem::exists(files.authority)) return NoClass(layout);
  DirectoryLock lock;
  if (auto status = DirectoryLock::Acquire(layout, lock); !status.ok()) return status;
  auto store = Store::Open(layout);
  if (!store.ok()) return store.status();
  auto fingerprint = FingerprintOf(files.authority);
  if (!fingerprint.ok()) return fingerprint.status();
  auto token = MakeAdministratorToken(**store, admin);
  if (!token.ok()) return token.status();
  return Initialized{std::string(OwnerOf(token->name())), token->secret(), *fingerprint, {}};
}

absl::StatusOr<std::vector<std::string>> RenewCertificate(const Layout& layout,
                                                          std::vector<std::string> names) {
  const TlsFiles files(layout.Tls());
  if (!std::filesystem::exists(files.authority)) return NoClass(layout);
  if (names.empty()) names = NamesOfThisMachine();
  if (auto status = IssueCertificate(files, names); !status.ok()) return status;
  return names;
}

}  // namespace trainyard::server
