#include "client/cli/network_view.h"

#include "absl/strings/str_cat.h"
#include "client/cli/options.h"
#include "client/cli/report.h"
#include "client/cli/term/format.h"
#include "client/cli/term/table.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

Table LayerTable(const v1::Network& network) {
  Table table({{"LAYER", Align::kRight},
               {"W", Align::kRight},
               {"b", Align::kRight},
               {"ACTIVATION"},
               {"PARAMETERS", Align::kRight}});
  table.AddRow(
      {"0", "", "", absl::StrCat("(", Thousands(network.spec().input_count()), " inputs)"), ""});
  int index = 0;
  for (const v1::LayerShape& layer : network.layer_shapes()) {
    table.AddRow({absl::StrCat(++index),
                  absl::StrCat(layer.input_count(), " x ", layer.unit_count()),
                  layer.bias_count() == 0 ? "none" : absl::StrCat(layer.bias_count()),
                  ActivationWord(layer.activation()), Thousands(layer.parameter_count())});
  }
  return table;
}

}  // namespace

std::string Architecture(const v1::NetworkSpec& spec) {
  std::string text = absl::StrCat(spec.input_count());
  for (const v1::LayerSpec& layer : spec.layers()) absl::StrAppend(&text, "-", layer.units());
  return text;
}

void PrintNetwork(Context& context, const v1::Network& network) {
  if (context.json) return PrintJson(context, network);
  const Look look = context.look();
  Properties properties;
  // A dry run makes no network.
  properties.Add("network",
                 network.create_time().seconds() == 0 ? "(dry run: not made)" : network.name());
  properties.Add("loss", LossWord(network.spec().loss()));
  properties.Add("initialiser", InitializerWords(network.spec().initializer()));
  properties.Add("seed", absl::StrCat(network.spec().seed()));
  properties.Add("created", LocalTime(network.create_time()));
  context.out() << properties.Render(look) << "\n"
                << LayerTable(network).Render(look) << "\ntotal "
                << Painted(look, Paint::kBold, Thousands(network.parameter_count()))
                << " parameters\n";
}

void PrintNetworks(Context& context, const v1::ListNetworksResponse& networks, bool full_names) {
  if (context.json) return PrintJson(context, networks);
  Table table({{"NAME"}, {"LAYERS"}, {"LOSS"}, {"PARAMETERS", Align::kRight}, {"CREATED"}});
  for (const v1::Network& network : networks.networks()) {
    table.AddRow({full_names ? network.name() : BareId(network.name()),
                  Architecture(network.spec()), LossWord(network.spec().loss()),
                  Thousands(network.parameter_count()), LocalTime(network.create_time())});
  }
  context.out() << (table.empty() ? "no networks; make one with: trainyard network create NAME "
                                    "--layers 784,500,200,10\n"
                                  : table.Render(context.look()));
}

}  // namespace trainyard::client
