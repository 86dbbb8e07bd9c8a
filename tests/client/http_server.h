// A web server of fixed answers, for downloads.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <mutex>
#include <string>
#include <thread>

namespace trainyard::client {

// One request a connection, on a free port, until it is destroyed.
class HttpServer {
 public:
  HttpServer() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    listen(listener_, 8);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/";
    thread_ = std::thread([this] { Loop(); });
  }
  ~HttpServer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Ends with a slash.
  const std::string& url() const { return url_; }

  // Any other path is 404. `missing_bytes` are promised but not sent.
  void Serve(const std::string& path, std::string body, std::size_t missing_bytes = 0) {
    std::lock_guard lock(mutex_);
    answers_[path] = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " +
                     std::to_string(body.size() + missing_bytes) + "\r\n\r\n" + body;
  }

 private:
  void Loop() {
    int connection = -1;
    while ((connection = accept(listener_, nullptr, nullptr)) >= 0) {
      Answer(connection);
      close(connection);
    }
  }
  void Answer(int connection) {
    std::string request(4096, '\0');
    const ssize_t size = read(connection, request.data(), request.size());
    if (size <= 0) return;
    const std::size_t start = request.find(' ') + 1;
    const std::string path = request.substr(start, request.find(' ', start) - start);
    std::lock_guard lock(mutex_);
    const auto found = answers_.find(path);
    const std::string answer =
        found != answers_.end()
            ? found->second
            : "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    std::size_t sent = 0;
    while (sent < answer.size()) {
      const ssize_t part =
          send(connection, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
      if (part <= 0) return;
      sent += static_cast<std::size_t>(part);
    }
  }

  const int listener_;
  std::string url_;
  std::mutex mutex_;
  std::map<std::string, std::string> answers_;
  std::thread thread_;
};

}  // namespace trainyard::client
