// A request's body as the messages of a gRPC method.
#pragma once

#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <memory>
#include <string>
#include <vector>

#include "server/http/connection.h"

namespace trainyard::server {

// The first message is what path and query say, those after it carry a chunk of
// the body each, and with `finish=true` in the query the last one finishes the
// part. The next chunk is read when gRPC has taken the one before, so a slow disk
// slows the sender. Runs on the connection's strand; what is under way holds it.
class Upload final : public StreamOwner, public std::enable_shared_from_this<Upload> {
 public:
  using HeadParser = boost::beast::http::request_parser<boost::beast::http::empty_body>;

  // `head` is given away.
  Upload(std::shared_ptr<HttpConnection> connection, HeadParser& head, RequestPlan plan);

  void Start();

  void OnMessage(grpc::ByteBuffer message) override;
  void OnWritten(bool ok) override;
  void OnEnd(const grpc::Status& status) override;

 private:
  void ReadChunk();
  void OnChunk(boost::beast::error_code error);
  void WriteLast();

  const std::shared_ptr<HttpConnection> connection_;
  boost::beast::http::request_parser<boost::beast::http::buffer_body> parser_;
  RequestPlan plan_;
  bool finish_ = false;
  bool done_ = false;  // nothing more is sent
  bool answered_ = false;
  std::vector<char> chunk_;
  std::string answer_;
  std::shared_ptr<StreamCall> call_;
};

}  // namespace trainyard::server
