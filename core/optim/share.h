// An update shared out among threads: each element's alone, so that who does
// which does not show.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/base/thread_team.h"
#include "core/kernels/kernels.h"

namespace trainyard {

// Calls work(first, count) for parts of [0, elements) that begin on the boundary
// of a vector.
template <typename T, typename Work>
void ShareOut(ThreadTeam& team, std::int64_t elements, const Work& work) {
  constexpr std::int64_t kPerLine = kRowAlignment / sizeof(T);
  const std::int64_t lines = elements / kPerLine;
  const std::int64_t parts = std::min(std::int64_t{team.size()}, std::max(lines, std::int64_t{1}));
  team.ForEach(parts, [&](std::int64_t part) {
    const std::int64_t first = PartBegin(lines, part, parts);
    work(first * kPerLine, (PartBegin(lines, part + 1, parts) - first) * kPerLine);
  });
}

}  // namespace trainyard
