// Certificates: a small authority of the server's own, and what it signs.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace trainyard::server {

// Files of a server's certificates, all in one folder.
struct TlsFiles {
  explicit TlsFiles(const std::filesystem::path& folder)
      : authority_key(folder / "authority.key"),
        authority(folder / "authority.pem"),
        key(folder / "server.key"),
        chain(folder / "server.pem") {}

  // Signs server certificates; used by init and renew only.
  std::filesystem::path authority_key;
  // Clients trust it: its fingerprint is in the line that they join by.
  std::filesystem::path authority;
  // Of the server's certificate.
  std::filesystem::path key;
  // The server's certificate, and the authority's after it.
  std::filesystem::path chain;

  std::vector<std::filesystem::path> All() const { return {authority_key, authority, key, chain}; }
};

// Makes an authority, P-256, for twenty years, where `files` has none, and with it a
// certificate for two years for these names and addresses, beside "trainyard",
// which clients ask for whatever name they reach the server by. Files that are
// there but for the authority's are replaced, the key first, each by renaming.
absl::Status IssueCertificate(const TlsFiles& files, const std::vector<std::string>& names);

// Names and addresses by which this machine may be reached.
std::vector<std::string> NamesOfThisMachine();

// SHA-256 of the first certificate of a PEM file, in lower-case hexadecimal.
absl::StatusOr<std::string> FingerprintOf(const std::filesystem::path& pem);

}  // namespace trainyard::server
