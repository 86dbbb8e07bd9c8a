// What a request line asks for, taken apart.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace trainyard::server {

// Parameters of a query, decoded, in the order given.
using Query = std::vector<std::pair<std::string, std::string>>;

// A request target: PATH?QUERY.
struct Uri {
  // As sent.
  std::string path;
  Query query;
};

// Nothing where an escape is broken or the target is no path.
std::optional<Uri> ParseUri(std::string_view target);

// %41 is A. Nothing where an escape is broken, or stands for a control
// character. `plus_is_space` in queries.
std::optional<std::string> PercentDecoded(std::string_view text, bool plus_is_space);

// The value of a parameter, if it is there.
std::optional<std::string> Find(const Query& query, std::string_view name);

// Sets a parameter, and takes away others of the name.
void Replace(Query& query, std::string_view name, std::string_view value);

// HOST of HOST or HOST:PORT, in lower case; [::1] keeps its brackets.
std::string HostWithoutPort(std::string_view authority);

}  // namespace trainyard::server
