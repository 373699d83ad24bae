// The library's end of the npm interop: reads the events of a request in any mode and writes them
// in the mode that the path names, into its answer or into a request of its own.
//
//   POST /answer/<binary|structured|batch>          the answer carries the events
//   POST /forward/<binary|structured|batch>/<port>  a request to that port carries them
//
// Prints its URL; ends when its input does.
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>

#include "net/http_client.hpp"
#include "net/http_server.hpp"
#include "virtufin/event/http.hpp"

namespace {

using namespace virtufin;

Result<HttpEvents> Read(const net::IncomingRequest& request) {
  std::vector<HttpField> fields;
  for (const net::HttpField& field : request.fields) fields.push_back({field.name, field.value});
  return HttpDecoder().Decode(fields, AsBytes(request.body));
}

Result<HttpContent> Write(std::string_view mode, const std::vector<CloudEvent>& events) {
  if (mode == "batch") return EncodeHttpBatch(events);
  if (events.size() != 1) {
    return Status(StatusCode::kInvalidArgument, "peer", "expected one event");
  }
  return mode == "binary" ? EncodeHttpBinary(events[0]) : EncodeHttpStructured(events[0]);
}

net::HttpAnswer Failed(const Status& status) {
  net::HttpAnswer answer;
  answer.status = 400;
  answer.fields = {{"Content-Type", "text/plain"}};
  answer.body = status.ToString();
  return answer;
}

class Handler final : public net::HttpHandler {
 public:
  explicit Handler(net::HttpClient& client) : client_(client) {}

  void OnRequest(net::IncomingRequest request, net::HttpResponder responder) override {
    const Result<HttpEvents> events = Read(request);
    if (!events.ok()) return responder.Send(Failed(events.status()));
    const std::string_view target = request.target;
    const bool answers = target.starts_with("/answer/");
    std::string_view mode =
        target.substr(std::string_view(answers ? "/answer/" : "/forward/").size());
    const std::string port(mode.substr(std::min(mode.find('/') + 1, mode.size())));
    mode = mode.substr(0, mode.find('/'));
    const Result<HttpContent> content = Write(mode, events->events);
    if (!content.ok()) return responder.Send(Failed(content.status()));
    if (answers) {
      net::HttpAnswer answer;
      for (const HttpField& field : content->fields()) {
        answer.fields.push_back({std::string(field.name), std::string(field.value)});
      }
      answer.body = AsText(content->body());
      return responder.Send(std::move(answer));
    }
    Forward(port, *content, std::move(responder));
  }

 private:
  void Forward(const std::string& port, const HttpContent& content, net::HttpResponder responder) {
    net::HttpRequest request;
    request.method = "POST";
    request.url = "http://127.0.0.1:" + port + "/";
    for (const HttpField& field : content.fields()) {
      request.headers.emplace_back(field.name, field.value);
    }
    request.body = AsText(content.body());
    auto held = std::make_shared<net::HttpResponder>(std::move(responder));
    client_.Send(std::move(request), [held](net::HttpResponse response) {
      if (!response.error.ok()) return held->Send(Failed(response.error));
      net::HttpAnswer answer;
      answer.status = response.status;
      answer.body = std::move(response.body);
      held->Send(std::move(answer));
    });
  }

  net::HttpClient& client_;
};

int Fail(const Status& status) {
  std::cerr << status.ToString() << '\n';
  return 1;
}

}  // namespace

int main() {
  auto client = net::HttpClient::Create({});
  if (!client.ok()) return Fail(client.status());
  if (Status status = (*client)->Start(); !status.ok()) return Fail(status);
  Handler handler(**client);
  auto server = net::HttpServer::Create({}, handler);
  if (!server.ok()) return Fail(server.status());
  if (Status status = (*server)->Start(); !status.ok()) return Fail(status);
  std::cout << "http://127.0.0.1:" << (*server)->port() << std::endl;
  std::string line;
  while (std::getline(std::cin, line)) {
  }
  if (Status status = (*client)->Stop(std::chrono::seconds(5)); !status.ok()) return Fail(status);
  const Status status = (*server)->Stop(std::chrono::seconds(5));
  return status.ok() ? 0 : Fail(status);
}
