#include "server/networks/network_service.h"

#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"
#include "server/convert/given_weights.h"
#include "server/convert/network.h"
#include "server/resources/clock.h"
#include "server/resources/request.h"

namespace trainyard::server {

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
        response = DescribeNetwork(*spec);
        response.set_name(StrCat(*parent, "/networks/", request.network_id()));
        response.set_uid(NewUid());
        *response.mutable_create_time() = Now();
        ResourceRow row{
            0,  ResourceKind::kNetwork,      response.name(), response.uid(), *parent, 0,
            "", response.SerializeAsString()};
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
    if (row.ok()) network.ParseFromString(row->body);
    return row.status();
  });
  if (!status.ok()) return status;
  return network;
}

absl::StatusOr<v1::ListNetworksResponse> NetworkService::List(
    const Caller& caller, const v1::ListNetworksRequest& request) {
  auto parent = ResolveUser(caller, "parent", request.parent());
  if (!parent.ok()) return parent.status();
  auto page = ParsePage(request.page_size(), request.page_token());
  if (!page.ok()) return page.status();
  v1::ListNetworksResponse response;
  auto status = store_.Read([&](Reader& reader) -> absl::Status {
    auto rows = reader.List(ResourceKind::kNetwork, *parent, page->after_id, page->size + 1);
    if (!rows.ok()) return rows.status();
    const bool more = static_cast<int>(rows->size()) > page->size;
    if (more) rows->pop_back();
    for (const ResourceRow& row : *rows) response.add_networks()->ParseFromString(row.body);
    if (more) response.set_next_page_token(PageToken(rows->back().id));
    return absl::OkStatus();
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
