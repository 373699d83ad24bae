// Control messages of a Binance connection: read, and what is wrong with them.
#include "sim/control.hpp"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

namespace virtufin::inline v0::sim {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxIdChars = 36;

bool GoodId(const json& id) {
  if (id.is_null()) return true;
  if (id.is_number_unsigned()) {
    return id.get<std::uint64_t>() <=
           static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  }
  if (id.is_number_integer()) return true;
  if (!id.is_string()) return false;
  const auto& text = id.get_ref<const std::string&>();
  return !text.empty() && text.size() <= kMaxIdChars &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  c == '-' || c == '_';
         });
}

bool Refuse(ControlError& error, int code, std::string message) {
  error.code = code;
  error.message = std::move(message);
  return false;
}

bool ReadStreams(const json& params, ControlMessage& message, ControlError& error) {
  for (const json& each : params) {
    if (!each.is_string()) return Refuse(error, 2, "Invalid request: stream name must be a string");
    message.streams.push_back(each);
  }
  if (!message.streams.empty()) return true;
  return Refuse(error, 2, "Invalid request: expected at least one stream name");
}

bool ReadProperty(const json& params, ControlMessage& message, ControlError& error) {
  const bool set = message.method == ControlMethod::kSetProperty;
  const std::size_t wanted = set ? 2 : 1;
  if (params.size() > wanted) return Refuse(error, 2, "Invalid request: too many parameters");
  if (params.size() < wanted) return Refuse(error, 2, "Invalid request: too few parameters");
  if (!params[0].is_string()) {
    return Refuse(error, 2, "Invalid request: property name must be a string");
  }
  if (params[0] != "combined") return Refuse(error, 0, "Unknown property");
  if (!set) return true;
  if (!params[1].is_boolean()) return Refuse(error, 1, "Invalid value type: expected Boolean");
  message.combined = params[1];
  return true;
}

}  // namespace

bool ParseControl(std::string_view text, ControlMessage& message, ControlError& error) {
  const json document = json::parse(text, nullptr, false);
  if (document.is_discarded()) {
    return Refuse(error, 3, "Invalid JSON: expected value at line 1 column 1");
  }
  if (!document.is_object()) return Refuse(error, 2, "Invalid request: expected an object");
  message.id = "null";
  if (const auto id = document.find("id"); id != document.end()) {
    if (!GoodId(*id)) {
      return Refuse(error, 2,
                    "Invalid request: request ID must be an integer, an alphanumeric string of at "
                    "most 36 characters, or null");
    }
    message.id = id->dump();
  }
  error.id = message.id;

  const auto method = document.find("method");
  if (method == document.end()) {
    return Refuse(
        error, 2,
        "Invalid request: missing field `method` at line 1 column " + std::to_string(text.size()));
  }
  if (!method->is_string()) return Refuse(error, 2, "Invalid request: method must be a string");
  if (*method == "SUBSCRIBE") {
    message.method = ControlMethod::kSubscribe;
  } else if (*method == "UNSUBSCRIBE") {
    message.method = ControlMethod::kUnsubscribe;
  } else if (*method == "LIST_SUBSCRIPTIONS") {
    message.method = ControlMethod::kList;
    return true;
  } else if (*method == "SET_PROPERTY") {
    message.method = ControlMethod::kSetProperty;
  } else if (*method == "GET_PROPERTY") {
    message.method = ControlMethod::kGetProperty;
  } else {
    std::string name = *method;
    std::erase_if(name, [](char c) { return c == '"' || c == '\\' || c < ' '; });
    return Refuse(error, 2,
                  "Invalid request: unknown variant `" + name +
                      "`, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, "
                      "`SET_PROPERTY`, `GET_PROPERTY`");
  }
  const auto params = document.find("params");
  if (params == document.end()) {
    return Refuse(error, 2, "Invalid request: missing field `params`");
  }
  if (!params->is_array()) return Refuse(error, 2, "Invalid request: params must be an array");
  const bool streams =
      message.method == ControlMethod::kSubscribe || message.method == ControlMethod::kUnsubscribe;
  return streams ? ReadStreams(*params, message, error) : ReadProperty(*params, message, error);
}

std::string ResultText(std::string_view result, std::string_view id) {
  return "{\"result\":" + std::string(result) + ",\"id\":" + std::string(id) + "}";
}

std::string ErrorText(const ControlError& error, bool nested) {
  const std::string id = error.id.empty() ? "" : ",\"id\":" + error.id;
  const std::string text =
      "\"code\":" + std::to_string(error.code) + ",\"msg\":\"" + error.message + "\"";
  return nested ? "{\"error\":{" + text + "}" + id + "}" : "{" + text + id + "}";
}

}  // namespace virtufin::inline v0::sim
