#include "server/auth/gatekeeper.h"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"
#include "server/auth/policy.h"
#include "server/resources/clock.h"

namespace trainyard::server {
namespace {

constexpr std::string_view kScheme = "Bearer ";

double SteadySeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

absl::Status Denied(std::string_view reason, const std::string& message) {
  return MakeError(absl::StatusCode::kPermissionDenied, {std::string(reason), "", {}}, message);
}

absl::Status CheckMay(const Rule* rule, const Identity& identity) {
  if (rule == nullptr) return Denied("NO_POLICY", "nobody may call this method");
  if (!RoleMay(rule->access, identity.role)) {
    return Denied("ROLE_NOT_ALLOWED",
                  StrCat(identity.role == v1::STUDENT ? "a student" : "an instructor",
                         " may not call ", rule->method, "; ask an ",
                         rule->access == Access::kAdmin ? "administrator" : "instructor"));
  }
  if (rule->writes && identity.scope == v1::READ) {
    return Denied("READ_ONLY_TOKEN",
                  StrCat("this token is for reading and ", rule->method, " changes something"));
  }
  return absl::OkStatus();
}

Reach ReachOf(Access access, v1::Role role) {
  const bool staff = role == v1::INSTRUCTOR || role == v1::ADMIN;
  const bool wide = access == Access::kShared || access == Access::kStaff ||
                    access == Access::kAdmin || (access == Access::kOwnOrStaff && staff);
  return wide ? Reach::kClass : Reach::kOwn;
}

}  // namespace

absl::StatusOr<Identity> Gatekeeper::Identify(const grpc::ServerContextBase& context) {
  if (accounts_.single_user())
    return Identity{std::string(kLocalUser), v1::ADMIN, v1::FULL, "", {}};
  const auto found = context.client_metadata().find("authorization");
  const std::string_view value = found == context.client_metadata().end()
                                     ? std::string_view()
                                     : std::string_view(found->second.data(), found->second.size());
  if (!value.starts_with(kScheme)) {
    return MakeError(absl::StatusCode::kUnauthenticated, {"TOKEN_REQUIRED", "", {}},
                     "this server asks who you are: join with the line that you were given "
                     "(`trainyard join`), or send `authorization: Bearer TOKEN`");
  }
  return accounts_.Authenticate(value.substr(kScheme.size()), Now().seconds());
}

absl::Status CheckStillAdmitted(const Caller& caller) {
  if (caller.revoked == nullptr || !caller.revoked->load()) return absl::OkStatus();
  return MakeError(absl::StatusCode::kUnauthenticated, {"TOKEN_REVOKED", "", {}},
                   "the token of this stream has been revoked or has expired, or may less than "
                   "when the stream began");
}

absl::StatusOr<Admission> Gatekeeper::Admit(const grpc::ServerContextBase& context,
                                            const google::protobuf::Descriptor& request) {
  return AdmitBy(context, RuleFor(request));
}

absl::StatusOr<Admission> Gatekeeper::AdmitStream(const grpc::ServerContextBase& context,
                                                  std::string_view method) {
  return AdmitBy(context, RuleNamed(method));
}

absl::StatusOr<Admission> Gatekeeper::AdmitBy(const grpc::ServerContextBase& context,
                                              const Rule* rule) {
  if (rule != nullptr && rule->access == Access::kPublic) {
    Caller anyone;
    anyone.user = "";
    anyone.role = v1::ROLE_UNSPECIFIED;
    return Admission{std::move(anyone), nullptr, nullptr};
  }
  auto identity = Identify(context);
  if (!identity.ok()) return identity.status();
  if (auto may = CheckMay(rule, *identity); !may.ok()) return may;
  const v1::Quota quota = accounts_.QuotaOf(identity->user);
  if (auto taken = limits_.TakeCall(identity->user, quota, SteadySeconds()); !taken.ok()) {
    return taken;
  }
  Admission admission;
  if (rule->stream) {
    auto stream = limits_.OpenStream(identity->user, quota);
    if (!stream.ok()) return stream.status();
    admission.stream = *std::move(stream);
  }
  if (rule->holds_thread) {
    auto transfer = limits_.OpenTransfer(identity->user);
    if (!transfer.ok()) return transfer.status();
    admission.transfer = *std::move(transfer);
  }
  // A single user is alone: nobody else is there to reach for.
  const Reach reach = accounts_.single_user() ? Reach::kOwn : ReachOf(rule->access, identity->role);
  admission.caller = {std::move(identity->user), identity->role, reach, std::move(identity->token),
                      std::move(identity->revoked)};
  return admission;
}

}  // namespace trainyard::server
