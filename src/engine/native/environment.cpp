// Setting and restoring the two variables.
#include "engine/native/environment.hpp"

#include <cstdlib>

namespace virtufin::inline v0::detail {
namespace {

constexpr char kId[] = "VIRTUFIN_WORKER_ID";
constexpr char kTopic[] = "VIRTUFIN_WORKER_TOPIC";

constinit std::mutex environment_mutex;

std::optional<std::string> Exchange(const char* name, const std::optional<std::string>& value) {
  std::optional<std::string> before;
  if (const char* text = std::getenv(name); text != nullptr) before = text;
  if (value.has_value()) {
    setenv(name, value->c_str(), 1);
  } else {
    unsetenv(name);
  }
  return before;
}

std::string Joined(const std::vector<std::string>& topics) {
  std::string joined;
  for (const std::string& topic : topics) {
    if (&topic != &topics.front()) joined += ',';
    joined += topic;
  }
  return joined;
}

}  // namespace

WorkerEnvironment::WorkerEnvironment(const WorkerIdentity& identity)
    : one_at_a_time_(environment_mutex),
      id_before_(Exchange(kId, identity.worker_id)),
      topic_before_(Exchange(kTopic, Joined(identity.topics))) {}

WorkerEnvironment::~WorkerEnvironment() {
  Exchange(kTopic, topic_before_);
  Exchange(kId, id_before_);
}

}  // namespace virtufin::inline v0::detail
