// Ready-made runs, in the words of the command line: what they make and what
// they set. Options that a user gives come before a preset's.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/cli/network_words.h"
#include "trainyard/v1/dataset.pb.h"

namespace trainyard::client {

// A dataset that a preset has the server generate.
struct PresetDataset {
  std::string id;
  v1::GeneratorSource::Kind kind = v1::GeneratorSource::KIND_UNSPECIFIED;
  std::int64_t rows = 0;
  // The kind's own where empty.
  std::optional<double> noise = {};
  std::int64_t seed = 0;
};

struct Preset {
  std::string name;
  // One line for the help.
  std::string about;
  std::vector<PresetDataset> datasets;
  // What to import for sets that are not generated; else empty.
  std::string import;
  // Ids of the sets to train on and to validate with; the latter may be empty.
  // One job for each training set.
  std::vector<std::string> training_sets;
  std::string validation_set;
  // Id of the network, and the network.
  std::string network;
  NetworkWords words;
  // Options of train with their values.
  std::vector<std::pair<std::string, std::string>> options;
};

const std::vector<Preset>& Presets();

// Null where there is none of that name.
const Preset* FindPreset(const std::string& name);

// The names and what they are, for the help.
std::vector<std::string> PresetNames();
std::string PresetHelp();

}  // namespace trainyard::client
