// A stream of a gRPC method, as the body of one answer.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/http/call.h"
#include "server/http/connection.h"

namespace trainyard::server {

// Server-Sent Events, or bytes where the messages carry a chunk. It asks gRPC for
// a message only while fewer than a few wait to be written, so a slow reader costs
// those and its cursor. Runs on the connection's strand; what is under way holds
// it. The connection ends with the answer.
class StreamedAnswer final : public StreamOwner,
                             public std::enable_shared_from_this<StreamedAnswer> {
 public:
  StreamedAnswer(std::shared_ptr<HttpConnection> connection, const Route& route);
  ~StreamedAnswer() override;

  void Start(const std::string& authorization, grpc::ByteBuffer request);

  void OnMessage(grpc::ByteBuffer message) override;
  void OnWritten(bool) override {}
  void OnEnd(const grpc::Status& status) override;

 private:
  using Frame = std::shared_ptr<const std::string>;

  void Listen();
  void Open();
  void Push(Frame frame);
  void Write();
  void SendWaiting();
  void OnSent(boost::beast::error_code error);
  void GiveUp();
  Frame FrameOf(const grpc::ByteBuffer& message);
  void AddEnding();

  const std::shared_ptr<HttpConnection> connection_;
  const Route& route_;
  const bool events_;
  std::shared_ptr<StreamCall> call_;
  boost::asio::steady_timer patience_;
  bool open_ = false;
  bool writing_ = false;
  bool gone_ = false;
  bool last_ = false;  // what ends the answer is in flight
  std::optional<grpc::Status> end_;
  // The answer's head until it is written, frames that wait, and what the socket
  // has: gathered pieces of both, one HTTP chunk.
  std::string head_;
  std::vector<Frame> waiting_;
  std::vector<Frame> in_flight_;
  char heard_ = 0;
};

}  // namespace trainyard::server
