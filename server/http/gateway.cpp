#include "server/http/gateway.h"

#include <charconv>
#include <chrono>

#include "core/base/error.h"
#include "core/base/text.h"
#include "server/convert/status.h"
#include "server/http/asset_response.h"
#include "server/http/openapi.h"
#include "server/http/transcode.h"

namespace trainyard::server {
namespace {

namespace bhttp = boost::beast::http;
using bhttp::verb;

constexpr std::chrono::seconds kCallTimeout{60};
constexpr char kSessionPath[] = "/v1/session";
// Whoever holds a token may ask who they are.
constexpr char kWhoAmI[] = "/v1/users/me";

RequestPlan Answer(HttpResponse response) {
  RequestPlan plan;
  plan.response = std::move(response);
  return plan;
}

RequestPlan NotFound(const std::string& path) {
  return Answer(ErrorResponse(
      MakeError(absl::StatusCode::kNotFound, {"NO_SUCH_PATH", "", {}},
                StrCat("there is nothing at ", path, ": /v1/openapi.json lists the paths"))));
}

RequestPlan NotAllowed(const std::vector<verb>& allowed) {
  std::string names;
  for (const verb each : allowed) {
    const auto name = bhttp::to_string(each);
    names += StrCat(names.empty() ? "" : ", ", std::string_view(name.data(), name.size()));
  }
  auto response =
      ErrorResponse(bhttp::status::method_not_allowed,
                    MakeError(absl::StatusCode::kUnimplemented, {"METHOD_NOT_ALLOWED", "", {}},
                              StrCat("this path takes ", names)));
  response.headers.emplace_back("Allow", names);
  return Answer(std::move(response));
}

RequestPlan BadTarget() {
  return Answer(
      ErrorResponse(FieldError("", "MALFORMED_TARGET", "the request's target is no path")));
}

HttpResponse ToResponse(const Route& route, const grpc::Status& status,
                        const grpc::ByteBuffer& bytes) {
  if (!status.ok()) return ErrorResponse(status);
  const auto message = NewMessage(*route.method->output_type());
  HttpResponse response;
  if (message->ParseFromString(ToString(bytes))) {
    response.body = ToJson(*message);
    return response;
  }
  return ErrorResponse(absl::InternalError("the answer is not a valid message"));
}

bool IsGet(const Gateway::RequestHeader& head) {
  return head.method() == verb::get || head.method() == verb::head;
}

}  // namespace

Gateway::Gateway(std::shared_ptr<grpc::Channel> channel, OriginOptions origins, Assets assets)
    : stub_(std::move(channel)),
      single_user_(origins.single_user),
      secure_(origins.tls),
      origins_(std::move(origins)),
      assets_(assets),
      routes_(RouteTable::Build({"trainyard.v1"})) {
  AddPage("/healthz", [] { return HttpResponse{bhttp::status::ok, "text/plain", "ok\n", {}}; });
  AddPage("/readyz", [this] {
    if (!draining_) return HttpResponse{bhttp::status::ok, "text/plain", "ready\n", {}};
    return HttpResponse{bhttp::status::service_unavailable, "text/plain", "draining\n", {}};
  });
  AddPage("/v1/openapi.json", [this] {
    std::call_once(described_, [this] { description_ = OpenApi(routes_); });
    return HttpResponse{bhttp::status::ok, "application/json", description_, {}};
  });
}

RequestPlan Gateway::PlanFor(const RequestHeader& head) const {
  const auto uri = ParseUri({head.target().data(), head.target().size()});
  if (!uri) return BadTarget();
  const Credentials credentials = CredentialsOf(head);
  if (auto status = origins_.Check(head.method(), head, credentials.by_cookie); !status.ok()) {
    return Answer(ErrorResponse(status));
  }
  RequestPlan plan = ForPath(head, *uri);
  plan.credentials = credentials;
  return plan;
}

RequestPlan Gateway::PlanToTls(const RequestHeader& head) {
  const auto host = head[bhttp::field::host];
  const auto target = head.target();
  if (!IsGet(head) || host.empty() || !target.starts_with("/")) {
    return Answer(ErrorResponse(
        MakeError(absl::StatusCode::kFailedPrecondition, {"TLS_REQUIRED", "", {}},
                  "this server speaks TLS: call it by https://, and never send a token without")));
  }
  const std::string place = StrCat("https://", std::string_view(host.data(), host.size()),
                                   std::string_view(target.data(), target.size()));
  return Answer({bhttp::status::temporary_redirect,
                 "text/plain",
                 StrCat("this server speaks TLS: ", place, "\n"),
                 {{"Location", place}}});
}

RequestPlan Gateway::ForPath(const RequestHeader& head, const Uri& uri) const {
  // Without an origin it is no preflight, but a verb that no path takes.
  if (head.method() == verb::options && !head[bhttp::field::origin].empty()) {
    auto headers = origins_.Preflight(head);
    if (!headers) return Answer(ErrorResponse(OriginPolicy::Foreign(head)));
    return Answer({bhttp::status::no_content, "", "", *std::move(headers)});
  }
  if (uri.path == kSessionPath) return ForSession(head);
  if (const auto page = pages_.find(uri.path); page != pages_.end()) {
    return IsGet(head) ? Answer(page->second()) : NotAllowed({verb::get});
  }
  if (uri.path.starts_with("/v1")) return ForRoute(head, uri);
  if (uri.path == "/v2" || uri.path.starts_with("/v2/")) return ForModel(head, uri);
  const Asset* asset = assets_.Find(uri.path);
  if (asset == nullptr) return NotFound(uri.path);
  return IsGet(head) ? Answer(AssetResponse(*asset, head)) : NotAllowed({verb::get});
}

RequestPlan Gateway::ForSession(const RequestHeader& head) const {
  RequestPlan plan;
  if (head.method() == verb::post) {
    plan.kind = RequestPlan::Kind::kLogin;
  } else if (head.method() == verb::delete_) {
    plan.response.body = "{}";
    plan.response.headers.emplace_back("Set-Cookie", NoSessionCookie(secure_));
  } else {
    return NotAllowed({verb::post, verb::delete_});
  }
  return plan;
}

RequestPlan Gateway::ForRoute(const RequestHeader& head, Uri uri) const {
  const auto match = routes_.Find(head.method(), uri.path);
  if (match.route == nullptr) {
    return match.allowed.empty() ? NotFound(uri.path) : NotAllowed(match.allowed);
  }
  RequestPlan plan;
  plan.route = match.route;
  plan.name = match.name;
  plan.query = std::move(uri.query);
  plan.kind = RequestPlan::Kind::kUnary;
  if (match.route->kind == RouteKind::kUpload) plan.kind = RequestPlan::Kind::kUpload;
  if (match.route->method->server_streaming()) {
    plan.kind = RequestPlan::Kind::kStream;
    const auto last = head["Last-Event-ID"];
    ResumeFrom(*plan.route, {last.data(), last.size()}, plan.query);
  }
  return plan;
}

RequestPlan Gateway::ForModel(const RequestHeader& head, const Uri& uri) const {
  auto call = ModelCallAt(uri.path);
  if (!call) {
    return Answer(ModelError({grpc::StatusCode::NOT_FOUND, StrCat("there is no ", uri.path)}));
  }
  if (head.method() != call->verb() && !(call->verb() == verb::get && IsGet(head))) {
    return NotAllowed({call->verb()});
  }
  const auto length = head["Inference-Header-Content-Length"];
  if (!length.empty()) {
    std::size_t bytes = 0;
    const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), bytes);
    if (error != std::errc() || end != length.data() + length.size()) {
      return Answer(ModelError(
          {grpc::StatusCode::INVALID_ARGUMENT, "Inference-Header-Content-Length is no number"}));
    }
    call->json_bytes = bytes;
  }
  RequestPlan plan;
  plan.kind = RequestPlan::Kind::kModel;
  plan.model = *std::move(call);
  return plan;
}

OriginPolicy::Headers Gateway::HeadersFor(const RequestHeader& head) const {
  auto headers = origins_.CorsHeaders(head);
  headers.emplace_back("X-Content-Type-Options", "nosniff");
  return headers;
}

void Gateway::Call(const RequestPlan& plan, const std::string& body,
                   boost::asio::any_io_executor executor, std::function<void(HttpResponse)> done) {
  const auto request = ToRequest(*plan.route, plan.name, plan.query, body);
  if (!request.ok()) return done(ErrorResponse(request.status()));
  CallUnary(stub_, {plan.route->rpc_path(), plan.credentials.authorization, plan.peer},
            ToBytes(**request), kCallTimeout, std::move(executor),
            [route = plan.route, done = std::move(done)](const grpc::Status& status,
                                                         const grpc::ByteBuffer& answer) {
              done(ToResponse(*route, status, answer));
            });
}

void Gateway::CallModel(const RequestPlan& plan, const std::string& body,
                        boost::asio::any_io_executor executor,
                        std::function<void(HttpResponse)> done) {
  auto request = ModelRequestOf(plan.model, body);
  if (!request.ok()) return done(ModelError(ToGrpcStatus(request.status())));
  const grpc::Slice bytes(request->message);
  CallUnary(stub_, {plan.model.rpc_path(), plan.credentials.authorization},
            grpc::ByteBuffer(&bytes, 1), kCallTimeout, std::move(executor),
            [call = plan.model, binary = std::move(request->binary), done = std::move(done)](
                const grpc::Status& status, const grpc::ByteBuffer& answer) {
              done(ModelResponse(call, binary, status, ToString(answer)));
            });
}

void Gateway::LogIn(const std::string& body, boost::asio::any_io_executor executor,
                    std::function<void(HttpResponse)> done) {
  const auto token = TokenIn(body);
  // Without logins there is nothing to keep.
  if (single_user_) return done({bhttp::status::ok, "application/json", "{}", {}});
  if (!token.ok()) return done(ErrorResponse(token.status()));
  const auto match = routes_.Find(verb::get, kWhoAmI);
  if (match.route == nullptr)
    return done(ErrorResponse(absl::UnimplementedError("no logins here")));
  RequestPlan plan;
  plan.route = match.route;
  plan.name = match.name;
  plan.credentials.authorization = StrCat("Bearer ", *token);
  Call(plan, "", std::move(executor),
       [cookie = SessionCookie(*token, secure_), done = std::move(done)](HttpResponse response) {
         if (response.status == bhttp::status::ok) {
           response.headers.emplace_back("Set-Cookie", cookie);
         }
         done(std::move(response));
       });
}

}  // namespace trainyard::server
