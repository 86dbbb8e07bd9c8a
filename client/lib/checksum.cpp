#include "client/lib/checksum.h"

#include <openssl/evp.h>
#include <zlib.h>

#include <array>
#include <fstream>
#include <functional>
#include <memory>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace trainyard::client {
namespace {

using Consume = std::function<void(const char*, std::size_t)>;

absl::Status ReadStored(const std::filesystem::path& file, const Consume& consume) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return absl::NotFoundError(absl::StrCat("cannot read ", file.string()));
  std::vector<char> buffer(1 << 16);
  while (stream.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) ||
         stream.gcount() > 0) {
    consume(buffer.data(), static_cast<std::size_t>(stream.gcount()));
  }
  return absl::OkStatus();
}

// gzread passes on what is not gzip, and reports a stream that ends early only
// when the file is closed.
absl::Status ReadUncompressed(const std::filesystem::path& file, const Consume& consume) {
  gzFile stream = gzopen(file.c_str(), "rb");
  if (stream == nullptr) return absl::NotFoundError(absl::StrCat("cannot read ", file.string()));
  std::vector<char> buffer(1 << 16);
  int count = 0;
  while ((count = gzread(stream, buffer.data(), static_cast<unsigned>(buffer.size()))) > 0) {
    consume(buffer.data(), static_cast<std::size_t>(count));
  }
  const int closed = gzclose_r(stream);
  if (count < 0 || closed != Z_OK) {
    return absl::DataLossError(absl::StrCat(file.string(), " is a truncated or damaged gzip file"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> Md5OfFile(const std::filesystem::path& file, Content content) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> digest(EVP_MD_CTX_new(),
                                                                       EVP_MD_CTX_free);
  if (EVP_DigestInit_ex(digest.get(), EVP_md5(), nullptr) != 1) {
    return absl::UnimplementedError("this OpenSSL has no MD5");
  }
  const Consume consume = [&digest](const char* data, std::size_t size) {
    EVP_DigestUpdate(digest.get(), data, size);
  };
  const absl::Status status =
      content == Content::kStored ? ReadStored(file, consume) : ReadUncompressed(file, consume);
  if (!status.ok()) return status;
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  EVP_DigestFinal_ex(digest.get(), bytes.data(), &size);
  std::string raw(bytes.begin(), bytes.begin() + size);
  return absl::BytesToHexString(raw);
}

}  // namespace trainyard::client
