// hello_inproc: the greeter of hello_cpp.cpp as a class of an application. No library is loaded:
// the application registers a factory, and workers are made from its name.
//
//   hello_inproc [name]      prints {"message":"Hello, <name>!"}
#include <cstdio>
#include <future>
#include <memory>
#include <string>

#include "hello_cpp.cpp"
#include "virtufin/engine/inproc.hpp"
#include "virtufin/platform/platform.hpp"

using namespace virtufin;

int main(int argc, char** argv) {
  auto created = Platform::Create({});
  if (!created) return 1;
  Platform& platform = **created;
  const Status registered = RegisterWorkerFactory(platform.engines(), "hello",
                                                  [] { return std::make_unique<hello::Hello>(); });
  if (!registered || !platform.Start()) return 1;

  CreateWorkerRequest request;
  request.code.mime_type = kInProcMimeType;
  const std::string factory = "hello";
  request.code.content.assign(factory.begin(), factory.end());
  request.topics = {"greet"};
  auto worker = platform.workers().Create(std::move(request));
  if (!worker || !platform.workers().Start(*worker)) return 1;

  std::promise<std::string> answer;
  auto watch = platform.bus().Subscribe(
      "com.example.hello.response", {}, [&](const Message& message, const DeliveryInfo&) {
        answer.set_value(std::string(message.event().data_text()));
        return Delivery::kSuccess;
      });
  const Json name = {{"name", argc > 1 ? argv[1] : "world"}};
  auto greet = CloudEvent::Builder()
                   .Source("urn:com.example")
                   .Type("com.example.greet")
                   .JsonData(name.dump())
                   .Build();
  if (!watch || !greet || !platform.bus().Publish(Message("greet", *greet))) return 1;
  std::puts(answer.get_future().get().c_str());
  return platform.Stop(std::chrono::seconds(5)).ok() ? 0 : 1;
}
