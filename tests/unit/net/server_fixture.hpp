// A running HTTP server with a handler that knows a few paths.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "net/http_server.hpp"

namespace virtufin {

// /echo gives the body back; /later does so from another thread; /drop never answers;
// /throw throws; /abort and /stall are those faults;
// /kept keeps the responder for the test; /stream keeps a streamed answer, /nothing one that has no
// body; /refuse wants no body, /refuse-badly neither;
// /lie tells a longer length; /ws takes the WebSocket that `sockets` makes.
class PathsHandler : public net::HttpHandler {
 public:
  ~PathsHandler() override {
    for (std::thread& thread : threads_) thread.join();
  }
  std::optional<net::HttpAnswer> OnHeader(const net::IncomingRequest& request) override {
    if (request.target != "/refuse" && request.target != "/refuse-badly") return std::nullopt;
    net::HttpAnswer answer;
    if (request.target == "/refuse-badly") answer.fields.push_back({"X-Bad", "a\r\nX-Other: b"});
    answer.status = 403;
    answer.body = "no body here";
    return answer;
  }
  void OnRequest(net::IncomingRequest request, net::HttpResponder responder) override {
    net::HttpAnswer answer;
    answer.fields.push_back({"X-Method", request.method});
    if (request.target == "/drop") return;
    if (request.target == "/throw") throw std::runtime_error("on purpose");
    if (request.target == "/abort") return responder.Abort();
    if (request.target == "/stall") return responder.Stall();
    if (request.target == "/ws") return OnSocket(std::move(request), std::move(responder));
    if (request.target == "/kept" || request.target == "/stream" || request.target == "/nothing") {
      const std::lock_guard lock(mutex_);
      if (request.target == "/kept") return kept_.push_back(std::move(responder));
      if (request.target == "/nothing") answer.status = 204;
      return streams_.push_back(responder.Stream(std::move(answer)));
    }
    if (request.target == "/later") {
      threads_.emplace_back([answer = std::move(answer), body = std::move(request.body),
                             responder = std::move(responder)]() mutable {
        answer.body = std::move(body);
        responder.Send(std::move(answer));
      });
      return;
    }
    answer.body = std::move(request.body);
    if (request.target == "/lie") answer.told_length = answer.body.size() + 10;
    if (request.target == "/inject") answer.fields.push_back({"X-Bad", "a\r\nX-Other: b"});
    if (request.target != "/echo" && request.target != "/lie") answer.status = 404;
    if (request.target == "/inject") answer.status = 200;
    responder.Send(std::move(answer));
  }
  // Waits for a request to /kept or /stream.
  net::HttpResponder Kept() { return Await(kept_); }
  net::HttpStream Stream() { return Await(streams_); }

 protected:
  virtual void OnSocket(net::IncomingRequest, net::HttpResponder responder) {
    net::HttpAnswer answer;
    answer.status = 403;
    responder.Send(std::move(answer));
  }

 private:
  template <class T>
  T Await(std::vector<T>& from) {
    while (true) {
      {
        const std::lock_guard lock(mutex_);
        if (!from.empty()) {
          T first = std::move(from.front());
          from.erase(from.begin());
          return first;
        }
      }
      std::this_thread::yield();
    }
  }

  std::mutex mutex_;
  std::vector<net::HttpResponder> kept_;
  std::vector<net::HttpStream> streams_;
  std::vector<std::thread> threads_;
};

inline std::unique_ptr<net::HttpServer> StartServer(net::HttpHandler& handler,
                                                    net::HttpServerOptions options = {},
                                                    LogSink& log = NullLog()) {
  auto server = net::HttpServer::Create(std::move(options), handler, log).value();
  REQUIRE(server->Start().ok());
  REQUIRE(server->port() != 0);
  return server;
}

// Until `holds` does; what never comes runs into the test's time limit.
template <class F>
void Eventually(F holds) {
  while (!holds()) std::this_thread::yield();
}

}  // namespace virtufin
