// trainyard token create | list | revoke

#include <google/protobuf/empty.pb.h>

#include <ctime>

#include "absl/strings/str_cat.h"
#include "client/cli/class_view.h"
#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/report.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

struct CreateOptions {
  std::string user;
  std::string display_name;
  bool read_only = false;
  int days = 0;
};
struct OwnerOptions {
  std::string user;
};
struct RevokeOptions {
  std::string name;
  std::string user;
};

std::string UserNamed(const std::string& id) {
  return id.empty() ? std::string(kMe) : absl::StrCat("users/", BareId(id));
}

int Create(Context& context, const CreateOptions& options) {
  v1::CreateTokenRequest request;
  request.set_parent(UserNamed(options.user));
  v1::Token& token = *request.mutable_token();
  token.set_display_name(options.display_name);
  token.set_scope(options.read_only ? v1::READ : v1::FULL);
  if (options.days > 0) {
    token.mutable_expire_time()->set_seconds(std::time(nullptr) +
                                             std::time_t{86'400} * options.days);
  }
  v1::Token made;
  const grpc::Status status =
      context.connection().Call(&v1::AdminService::Stub::CreateToken, request, &made);
  if (!status.ok()) return ReportError(context, status);
  if (context.json) {
    PrintJson(context, made);
  } else {
    context.out() << made.secret() << "\n";
    context.err() << "keep it: it is not shown again; `trainyard token revoke "
                  << BareId(made.name())
                  << (options.user.empty() ? "" : absl::StrCat(" --user ", options.user))
                  << "` ends it\n";
  }
  return kDone;
}

int List(Context& context, const OwnerOptions& options) {
  v1::ListTokensRequest request;
  request.set_parent(UserNamed(options.user));
  v1::ListTokensResponse tokens;
  const grpc::Status status =
      ListAll(context.connection(), &v1::AdminService::Stub::ListTokens, request, &tokens);
  if (!status.ok()) return ReportError(context, status);
  PrintTokens(context, tokens);
  return kDone;
}

int Revoke(Context& context, const RevokeOptions& options) {
  v1::DeleteTokenRequest request;
  request.set_name(options.user.empty()
                       ? FullName("tokens", options.name)
                       : absl::StrCat(UserNamed(options.user), "/tokens/", BareId(options.name)));
  request.set_request_id(NewRequestId());
  google::protobuf::Empty nothing;
  const grpc::Status status =
      context.connection().Call(&v1::AdminService::Stub::DeleteToken, request, &nothing);
  if (!status.ok()) return ReportError(context, status);
  PrintDeleted(context, "token", BareId(request.name()));
  return kDone;
}

}  // namespace

void AddToken(CLI::App& group, Context& context) {
  constexpr char kUser[] = "Somebody else's, for administrators: their id";
  auto [create, options] = AddCommand<CreateOptions>(
      group, context, "create", "Make another token of yours and print it, once", Create);
  create.add_option("--for", options.display_name, "What it is for, to know it by");
  create.add_flag("--read-only", options.read_only, "It changes nothing: for dashboards");
  create.add_option("--days", options.days, "Days that it lasts (default: until revoked)")
      ->check(CLI::Range(1, 3650));
  create.add_option("--user", options.user, kUser);
  auto [list, whose] = AddCommand<OwnerOptions>(group, context, "list",
                                                "List your tokens, without their secrets", List);
  list.add_option("--user", whose.user, kUser);
  auto [revoke, which] = AddCommand<RevokeOptions>(
      group, context, "revoke", "End a token: calls and streams with it fail", Revoke);
  revoke.add_option("NAME", which.name, "Id, or full resource name")->required();
  revoke.add_option("--user", which.user, kUser);
}

}  // namespace trainyard::client
