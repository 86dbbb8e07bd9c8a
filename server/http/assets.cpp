#include "server/http/assets.h"

#include <algorithm>

namespace trainyard::server {

const Asset* Assets::Find(std::string_view path) const {
  const Asset* const end = assets_ + count_;
  const Asset* found = std::lower_bound(
      assets_, end, path,
      [](const Asset& asset, std::string_view wanted) { return asset.path < wanted; });
  return found != end && found->path == path ? found : nullptr;
}

}  // namespace trainyard::server
