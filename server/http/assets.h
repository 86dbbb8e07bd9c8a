// Files of the page that the server serves, part of the binary.
#pragma once

#include <cstddef>
#include <string_view>

namespace trainyard::server {

// One file.
struct Asset {
  // As a browser asks for it: "/" is the folder's index.html.
  std::string_view path;
  std::string_view content_type;
  std::string_view bytes;
  // The same with gzip; empty where that is not smaller.
  std::string_view gzip;
  // Quoted, from the content.
  std::string_view etag;
};

// A table that was made at build time, sorted by path.
class Assets {
 public:
  constexpr Assets() = default;
  constexpr Assets(const Asset* assets, std::size_t count) : assets_(assets), count_(count) {}

  // Null where there is none.
  const Asset* Find(std::string_view path) const;
  std::size_t count() const { return count_; }

 private:
  const Asset* assets_ = nullptr;
  std::size_t count_ = 0;
};

// Those of this binary; embed.cmake writes its definition.
Assets EmbeddedAssets();

}  // namespace trainyard::server
