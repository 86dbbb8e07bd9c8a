// Jobs that keep weights, as models that can be asked for by name and version.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "server/resources/names.h"
#include "server/store/store.h"

namespace trainyard::server {

// One version of a model.
struct ServedVersion {
  // user.job, however it was asked for.
  std::string name;
  // The epoch.
  std::string version;
  // All epochs whose weights are kept, ascending.
  std::vector<std::string> versions;
  int inputs = 0;
  int outputs = 0;
  // Whether there is a predicted class.
  bool classification = false;
  // A worker.v1.Model, as a serving worker wants it.
  std::string key;
};

// Remembers what it has found for as long as nothing in the store changes. Any
// thread.
class ModelDirectory {
 public:
  explicit ModelDirectory(Store& store) : store_(store) {}

  // `name` is user.job, or job for the caller's own; `version` an epoch, or empty
  // for the newest that is kept. Errors: INVALID_ARGUMENT naming `field`;
  // NOT_FOUND.
  absl::StatusOr<std::shared_ptr<const ServedVersion>> Find(const Caller& caller,
                                                            std::string_view field,
                                                            const std::string& name,
                                                            const std::string& version);

  // Calls visit(name, version) for each version of each of the caller's models.
  absl::Status List(const Caller& caller,
                    const std::function<void(const std::string&, const std::string&)>& visit);

 private:
  struct Found {
    std::uint64_t changes = 0;
    std::shared_ptr<const ServedVersion> version;
  };

  Store& store_;
  std::mutex mutex_;
  std::unordered_map<std::string, Found> found_;  // guarded by mutex_
};

}  // namespace trainyard::server
