// Networks as people read them.
#pragma once

#include "client/cli/context.h"

namespace trainyard::client {

// As a table of layers with the shapes of W and b, or as JSON.
void PrintNetwork(Context& context, const v1::Network& network);
void PrintNetworks(Context& context, const v1::ListNetworksResponse& networks,
                   bool full_names = false);

// 784-500-200-10
std::string Architecture(const v1::NetworkSpec& spec);

}  // namespace trainyard::client
