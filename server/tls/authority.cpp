#include "server/tls/authority.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <set>
#include <span>
#include <system_error>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/text.h"

namespace trainyard::server {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Memory = std::unique_ptr<BIO, decltype(&BIO_free)>;

constexpr long kDay = 24L * 60 * 60;
constexpr long kAuthorityLife = 20 * 365 * kDay;
constexpr long kServerLife = 2 * 365 * kDay;
// Clocks of clients may be behind.
constexpr long kBackdated = -kDay;

absl::Status Failed(std::string_view what) {
  return absl::InternalError(StrCat("OpenSSL could not ", what));
}

Key NewKey() { return {EVP_EC_gen("P-256"), EVP_PKEY_free}; }

std::string TextOf(const Memory& memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string PemOf(EVP_PKEY& key) {
  const Memory memory(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_PrivateKey(memory.get(), &key, nullptr, nullptr, 0, nullptr, nullptr);
  return TextOf(memory);
}

std::string PemOf(X509& certificate) {
  const Memory memory(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_X509(memory.get(), &certificate);
  return TextOf(memory);
}

bool AddExtension(X509& certificate, X509& issuer, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, &issuer, &certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
  if (extension == nullptr) return false;
  const bool added = X509_add_ext(&certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

// A certificate with a random serial number, named `name`, not signed yet.
Certificate Blank(EVP_PKEY& key, const std::string& name, long life) {
  Certificate certificate(X509_new(), X509_free);
  X509_set_version(certificate.get(), 2);
  std::array<unsigned char, 16> serial{};
  RAND_bytes(serial.data(), static_cast<int>(serial.size()));
  serial[0] &= 0x7f;
  BIGNUM* const number = BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.get()));
  BN_free(number);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), kBackdated);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), life);
  X509_set_pubkey(certificate.get(), &key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return certificate;
}

bool IsAddress(const std::string& name) {
  std::array<unsigned char, 16> bytes{};
  return ::inet_pton(AF_INET, name.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1;
}

std::string AlternativeNames(const std::vector<std::string>& names) {
  std::string list = "DNS:trainyard";
  for (const std::string& name : names) {
    list += StrCat(IsAddress(name) ? ",IP:" : ",DNS:", name);
  }
  return list;
}

// Durable, readable by its owner alone, and never half there.
absl::Status WriteSecret(const std::filesystem::path& path, const std::string& text) {
  const std::filesystem::path fresh = path.string() + ".new";
  std::error_code error;
  std::filesystem::remove(fresh, error);
  auto writer = FileWriter::Create(fresh);
  if (!writer.ok()) return writer.status();
  if (::chmod(fresh.c_str(), 0600) != 0) return SystemError(errno, "protect", fresh.string());
  auto status = (*writer)->Write({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  if (status.ok()) status = (*writer)->Finish();
  if (!status.ok()) return status;
  std::filesystem::rename(fresh, path, error);
  if (error) return SystemError(error.value(), "replace", path.string());
  return SyncFolder(path.parent_path());
}

Certificate ReadCertificate(const std::filesystem::path& pem) {
  const Memory file(BIO_new_file(pem.c_str(), "r"), BIO_free);
  if (file == nullptr) return {nullptr, X509_free};
  return {PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr), X509_free};
}

Key ReadKey(const std::filesystem::path& pem) {
  const Memory file(BIO_new_file(pem.c_str(), "r"), BIO_free);
  if (file == nullptr) return {nullptr, EVP_PKEY_free};
  return {PEM_read_bio_PrivateKey(file.get(), nullptr, nullptr, nullptr), EVP_PKEY_free};
}

absl::Status MakeAuthority(const TlsFiles& files) {
  const Key key = NewKey();
  if (key == nullptr) return Failed("make a key");
  const Certificate authority = Blank(*key, "Trainyard class authority", kAuthorityLife);
  X509_set_issuer_name(authority.get(), X509_get_subject_name(authority.get()));
  const bool made =
      AddExtension(*authority, *authority, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
      AddExtension(*authority, *authority, NID_key_usage, "critical,keyCertSign,cRLSign") &&
      AddExtension(*authority, *authority, NID_subject_key_identifier, "hash") &&
      X509_sign(authority.get(), key.get(), EVP_sha256()) > 0;
  if (!made) return Failed("make the authority's certificate");
  auto status = WriteSecret(files.authority_key, PemOf(*key));
  return status.ok() ? WriteSecret(files.authority, PemOf(*authority)) : status;
}

}  // namespace

absl::Status IssueCertificate(const TlsFiles& files, const std::vector<std::string>& names) {
  if (!std::filesystem::exists(files.authority)) {
    if (auto status = MakeAuthority(files); !status.ok()) return status;
  }
  const Certificate authority = ReadCertificate(files.authority);
  const Key authority_key = ReadKey(files.authority_key);
  if (authority == nullptr || authority_key == nullptr) {
    return MakeError(absl::StatusCode::kDataLoss, {"AUTHORITY_DAMAGED", "", {}},
                     StrCat("cannot read ", files.authority.string(), " and its key"));
  }
  const Key key = NewKey();
  if (key == nullptr) return Failed("make a key");
  const Certificate certificate = Blank(*key, "trainyard", kServerLife);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(authority.get()));
  const bool made =
      AddExtension(*certificate, *authority, NID_basic_constraints, "critical,CA:FALSE") &&
      AddExtension(*certificate, *authority, NID_key_usage, "critical,digitalSignature") &&
      AddExtension(*certificate, *authority, NID_ext_key_usage, "serverAuth") &&
      AddExtension(*certificate, *authority, NID_authority_key_identifier, "keyid") &&
      AddExtension(*certificate, *authority, NID_subject_alt_name, AlternativeNames(names)) &&
      X509_sign(certificate.get(), authority_key.get(), EVP_sha256()) > 0;
  if (!made) {
    return FieldError("--name", "INVALID_NAME",
                      "one of the names is neither a host name nor an address");
  }
  auto status = WriteSecret(files.key, PemOf(*key));
  if (status.ok()) status = WriteSecret(files.chain, PemOf(*certificate) + PemOf(*authority));
  return status;
}

std::vector<std::string> NamesOfThisMachine() {
  std::set<std::string> names = {"localhost", "127.0.0.1", "::1"};
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) == 0 && host[0] != '\0') {
    names.insert(host.data());
  }
  ifaddrs* interfaces = nullptr;
  if (::getifaddrs(&interfaces) != 0) return {names.begin(), names.end()};
  for (const ifaddrs* entry = interfaces; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || (entry->ifa_flags & IFF_UP) == 0) continue;
    const int family = entry->ifa_addr->sa_family;
    const socklen_t size = family == AF_INET    ? sizeof(sockaddr_in)
                           : family == AF_INET6 ? sizeof(sockaddr_in6)
                                                : 0;
    std::array<char, NI_MAXHOST> text{};
    if (size == 0 || ::getnameinfo(entry->ifa_addr, size, text.data(), text.size(), nullptr, 0,
                                   NI_NUMERICHOST) != 0) {
      continue;
    }
    const std::string address = text.data();
    // An address of one link has its interface behind it and means nothing elsewhere.
    if (address.find('%') == std::string::npos) names.insert(address);
  }
  ::freeifaddrs(interfaces);
  return {names.begin(), names.end()};
}

absl::StatusOr<std::string> FingerprintOf(const std::filesystem::path& pem) {
  const Certificate certificate = ReadCertificate(pem);
  if (certificate == nullptr) {
    return MakeError(absl::StatusCode::kNotFound, {"NO_CERTIFICATE", "", {}},
                     StrCat("there is no certificate in ", pem.string()));
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (X509_digest(certificate.get(), EVP_sha256(), digest.data(), &size) != 1) {
    return Failed("digest a certificate");
  }
  std::string text;
  for (const unsigned char byte : std::span(digest.data(), size)) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace trainyard::server
