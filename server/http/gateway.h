// What the gateway is made of, and what is to be done with a request.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/generic/generic_stub.h>

#include <atomic>
#include <boost/beast/http/message.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "server/http/assets.h"
#include "server/http/call.h"
#include "server/http/model_call.h"
#include "server/http/origin_policy.h"
#include "server/http/response.h"
#include "server/http/route_table.h"
#include "server/http/session.h"
#include "server/http/sse.h"

namespace trainyard::server {

// Decided from a request's head alone.
struct RequestPlan {
  enum class Kind {
    // `response`, whatever the body.
    kRespond,
    // One JSON message in, one out.
    kUnary,
    // A stream of events or bytes out.
    kStream,
    // One call of the Open Inference Protocol.
    kModel,
    // The body's bytes in.
    kUpload,
    // A token to be checked and put into a cookie.
    kLogin,
  };
  Kind kind = Kind::kRespond;
  HttpResponse response;
  const Route* route = nullptr;
  ModelCall model;
  // What the route's name_field is.
  std::string name;
  Query query;
  Credentials credentials;
  // As gRPC would write it.
  std::string peer;
};

// Shared by all connections; any thread. It decides nothing about users: each
// call goes, with what says who calls, to the server's own gRPC services, and
// what they answer is the answer.
class Gateway {
 public:
  using RequestHeader = boost::beast::http::request_header<>;
  // A page of the gateway's own.
  using Page = std::function<HttpResponse()>;

  // `channel` is the public server's, in this process.
  Gateway(std::shared_ptr<grpc::Channel> channel, OriginOptions origins, Assets assets);

  // Before the first request: a page, and who hears of each answer's status.
  void AddPage(const std::string& path, Page page) { pages_[path] = std::move(page); }

  std::function<void(int)> on_answered;
  void Answered(int status) const {
    if (on_answered) on_answered(status);
  }

  RequestPlan PlanFor(const RequestHeader& head) const;
  // Of a request that came without TLS to a server that speaks it: nothing is served,
  // and a page that was asked for is found by https.
  static RequestPlan PlanToTls(const RequestHeader& head);
  // Headers of whatever is answered to this request.
  OriginPolicy::Headers HeadersFor(const RequestHeader& head) const;

  // A unary call, from the body to the answer; `done` runs on `executor`.
  void Call(const RequestPlan& plan, const std::string& body, boost::asio::any_io_executor executor,
            std::function<void(HttpResponse)> done);
  // The same for a model.
  void CallModel(const RequestPlan& plan, const std::string& body,
                 boost::asio::any_io_executor executor, std::function<void(HttpResponse)> done);
  // The same for POST /v1/session.
  void LogIn(const std::string& body, boost::asio::any_io_executor executor,
             std::function<void(HttpResponse)> done);

  grpc::GenericStub& stub() { return stub_; }
  SseFrames& frames() { return frames_; }
  // Connections, and streams of events, that are open.
  std::atomic<int>& connections() { return connections_; }
  std::atomic<int>& event_streams() { return event_streams_; }
  const RouteTable& routes() const { return routes_; }

  // Streams end and calls are refused soon: readyz says so.
  void Drain() { draining_ = true; }

 private:
  RequestPlan ForPath(const RequestHeader& head, const Uri& uri) const;
  RequestPlan ForSession(const RequestHeader& head) const;
  RequestPlan ForRoute(const RequestHeader& head, Uri uri) const;
  RequestPlan ForModel(const RequestHeader& head, const Uri& uri) const;

  grpc::GenericStub stub_;
  const bool single_user_;
  const bool secure_;
  const OriginPolicy origins_;
  const Assets assets_;
  const RouteTable routes_;
  std::map<std::string, Page> pages_;
  // Made when somebody asks for it.
  std::once_flag described_;
  std::string description_;
  SseFrames frames_;
  std::atomic<int> connections_ = 0;
  std::atomic<int> event_streams_ = 0;
  std::atomic<bool> draining_ = false;
};

}  // namespace trainyard::server
