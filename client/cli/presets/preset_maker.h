// Makes the datasets and networks of a preset.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "client/cli/context.h"
#include "client/cli/presets/preset.h"

namespace trainyard::client {

// The preset as `train` was asked for it: with biases where it has none, and
// with a seed of its own, each of which has its own network.
Preset Adjusted(Preset preset, bool bias, std::optional<std::int64_t> seed);

// Has the server make what is not there and can be made, and says what it was. What is there
// under the same name is used where it is equal, and an error where it is not.
// Returns the exit code.
int MakePresetDatasets(Context& context, const Preset& preset);
int MakePresetNetwork(Context& context, const Preset& preset);

}  // namespace trainyard::client
