#include "server/networks/network_service.h"

#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"
#include "server/convert/given_weights.h"
#include "server/convert/network.h"
#include "server/resources/clock.h"
#include "server/resources/request.h"
#include "server/resources/visible.h"

namespace trainyard::server {
namespace {

absl::Status CheckVisibility(const v1::Network& network) {
  if (network.visibility() != v1::HIDDEN && v1::Visibility_IsValid(network.visibility())) {
    return absl::OkStatus();
  }
  return FieldError("network.visibility", "INVALID_VISIBILITY",
                    "a network is PRIVATE or shared with the CLASS");
}

}  // namespace

absl::StatusOr<v1::Network> NetworkService::Create(const Caller& caller,
                                                   const v1::CreateNetworkRequest& request) {
  v1::Network response;
  auto status = Once(
      store_, {caller, "CreateNetwork", request, request.request_id(), request.validate_only()},
      response, [&](Transaction& transaction) -> absl::Status {
        auto parent = ResolveUser(caller, "parent", request.parent());
        if (!parent.ok()) return parent.status();
        if (auto id = CheckId("network_id", request.network_id()); !id.ok()) return id;
        auto spec = ToCore(request.network().spec());
        if (!spec.ok()) return spec.status();
        const std::string weights = GivenWeights(*spec);
        if (std::holds_alternative<GivenInitializer>(spec->initializer) && weights.empty()) {
          return FieldError("network.spec.initializer.weights.layers", "REQUIRED",
                            "initializer.weights.layers is required: a digest alone has none");
        }
        if (auto shared = CheckVisibility(request.network()); !shared.ok()) return shared;
        response = DescribeNetwork(*spec);
        response.set_visibility(request.network().visibility());
        response.set_name(StrCat(*parent, "/networks/", request.network_id()));
        response.set_uid(NewUid());
        *response.mutable_create_time() = Now();
        ResourceRow row{
            0,  ResourceKind::kNetwork,      response.name(), response.uid(), *parent, 0,
            "", response.SerializeAsString()};
        if (!weights.empty()) {
          auto room = room_(transaction, *parent, static_cast<std::int64_t>(weights.size()));
          if (!room.ok()) return room;
        }
        auto inserted = transaction.Insert(row);
        if (!inserted.ok() || weights.empty()) return inserted;
        return transaction.PutAttachment(response.uid(), weights);
      });
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<v1::Network> NetworkService::Get(const Caller& caller,
                                                const v1::GetNetworkRequest& request) {
  auto name = ResolveName(caller, "name", "networks", request.name());
  if (!name.ok()) return name.status();
  v1::Network network;
  auto status = store_.Read([&](Reader& reader) -> absl::Status {
    auto row = reader.Get(ResourceKind::kNetwork, *name);
    if (!row.ok()) return row.status();
    network.ParseFromString(row->body);
    return MayKnow(caller, row->parent, network.visibility()) ? absl::OkStatus() : NotFound(*name);
  });
  if (!status.ok()) return status;
  return network;
}

absl::StatusOr<v1::ListNetworksResponse> NetworkService::List(
    const Caller& caller, const v1::ListNetworksRequest& request) {
  auto parent = ResolveList(caller, "parent", request.parent());
  if (!parent.ok()) return parent.status();
  auto page = ParsePage(request.page_size(), request.page_token());
  if (!page.ok()) return page.status();
  v1::ListNetworksResponse response;
  auto status = store_.Read([&](Reader& reader) -> absl::Status {
    v1::Network network;
    auto next = ListPage(
        reader, ResourceKind::kNetwork, *parent, *page,
        [&](const ResourceRow& row) {
          network.ParseFromString(row.body);
          return MayKnow(caller, row.parent, network.visibility());
        },
        [&](const ResourceRow&) { *response.add_networks() = network; });
    if (next.ok()) response.set_next_page_token(*next);
    return next.status();
  });
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<v1::Network> NetworkService::Update(const Caller& caller,
                                                   const v1::UpdateNetworkRequest& request) {
  auto name = ResolveName(caller, "network.name", "networks", request.network().name());
  if (!name.ok()) return name.status();
  v1::Network response;
  auto status = Once(store_, {caller, "UpdateNetwork", request, request.request_id()}, response,
                     [&](Transaction& transaction) -> absl::Status {
                       auto row = transaction.Get(ResourceKind::kNetwork, *name);
                       if (!row.ok()) return row.status();
                       response.ParseFromString(row->body);
                       auto applied = ApplyMask(request.update_mask(), {"visibility"},
                                                request.network(), response);
                       if (applied.ok()) applied = CheckVisibility(response);
                       if (!applied.ok()) return applied;
                       row->body = response.SerializeAsString();
                       return transaction.Update(*row);
                     });
  if (!status.ok()) return status;
  return response;
}

absl::Status NetworkService::Delete(const Caller& caller, const v1::DeleteNetworkRequest& request) {
  auto name = ResolveName(caller, "name", "networks", request.name());
  if (!name.ok()) return name.status();
  v1::DeleteNetworkRequest nothing;
  return Once(
      store_,
      {caller, "DeleteNetwork", request, request.request_id(), request.validate_only(), true},
      nothing, [&](Transaction& transaction) -> absl::Status {
        auto row = transaction.Get(ResourceKind::kNetwork, *name);
        if (!row.ok()) return row.status();
        return transaction.Delete(row->uid);
      });
}

}  // namespace trainyard::server
