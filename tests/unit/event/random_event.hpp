// Random events for property tests: every kind of attribute, value and data.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "virtufin/event/cloud_event.hpp"

namespace random_event {

using namespace virtufin;

class Source {
 public:
  explicit Source(std::uint64_t seed) : random_(seed) {}

  std::size_t Below(std::size_t bound) { return random_() % bound; }
  bool Coin() { return (random_() & 1) != 0; }

  /// UTF-8 with everything that encodings have to care for.
  std::string Text(std::size_t at_least = 0) {
    static const std::string kPieces[] = {"a",
                                          "urn:x",
                                          " ",
                                          "\"",
                                          "\\",
                                          "/",
                                          "\n",
                                          "\x01",
                                          "\t",
                                          "é",
                                          "\xe2\x82\xac",
                                          "\xf0\x9f\x98\x80",
                                          "0",
                                          "}",
                                          ",",
                                          std::string(1, '\0'),
                                          "longer piece of text"};
    std::string text;
    for (std::size_t left = at_least + Below(6); left > 0; --left) {
      text += kPieces[Coin() ? 0 : Below(std::size(kPieces))];
    }
    return text;
  }

  std::string Name(bool legacy) {
    std::string name(1 + Below(12), 'x');
    for (char& c : name) c = "abcdefghijklmnopqrstuvwxyz0123456789"[Below(36)];
    if (legacy && Coin()) name += "." + Text();
    return name;
  }

  Timestamp Time() {
    static const char* const kTimes[] = {"2018-04-05T17:31:00Z", "0001-01-01T00:00:00.1+00:00",
                                         "9999-12-31T23:59:59.999999999Z",
                                         "1969-12-31t23:59:59.25-05:30"};
    if (Coin()) return *Timestamp::Parse(kTimes[Below(4)]);
    return Timestamp::FromUnixNanos(static_cast<std::int64_t>(random_()) / 4);
  }

  std::string Bytes() {
    std::string bytes(Below(40), 0);
    for (char& c : bytes) c = static_cast<char>(random_());
    return bytes;
  }

  std::string Json(int depth = 0) {
    static const char* const kScalars[] = {
        "null", "true", "-0", "1.50e+3", R"("\u00e9\n")", "\"\xc3\xa9\"", "18446744073709551616"};
    if (depth > 4 || Below(3) == 0) return kScalars[Below(std::size(kScalars))];
    const bool object = Coin();
    std::string json(1, object ? '{' : '[');
    for (std::size_t i = 0, size = Below(4); i < size; ++i) {
      if (i > 0) json += Coin() ? "," : " ,\n";
      if (object) json += "\"k" + std::to_string(i) + "\" : ";
      json += Json(depth + 1);
    }
    return json + (object ? '}' : ']');
  }

 private:
  std::mt19937_64 random_;
};

/// An event and the memory its parts lie in.
struct Sample {
  explicit Sample(std::uint64_t seed, bool strings_only = false) : from(seed) {
    for (std::string* text : {&id, &source, &type}) *text = from.Text(1) + "!";
    if (from.Coin()) subject = from.Text(1) + "!";
    if (from.Coin()) schema = "schema:" + from.Text();
    MakeData();
    MakeExtensions(strings_only);
  }

  CloudEvent Event() {
    CloudEvent::Parts parts;
    parts.id = id;
    parts.source = source;
    parts.type = type;
    parts.subject = subject;
    parts.data_content_type = media_type;
    parts.data_schema = schema;
    if (from.Coin()) parts.time = from.Time();
    parts.extensions = extensions;
    parts.data_kind = kind;
    parts.data = AsBytes(data);
    return *CloudEvent::Make(parts, NameRule::kLenient);
  }

  Source from;
  std::string id, source, type, subject, schema, media_type, data;
  DataKind kind = DataKind::kAbsent;
  std::vector<std::string> texts;
  std::vector<NamedValue> extensions;

 private:
  void MakeData() {
    switch (from.Below(4)) {
      case 0:
        kind = DataKind::kJson;
        data = from.Json();
        media_type = from.Coin() ? "" : "application/vnd.x+json; charset=utf-8";
        break;
      case 1:
        kind = DataKind::kText;
        data = from.Text();
        media_type = from.Coin() ? "text/plain" : "application/xml";
        break;
      case 2:
        kind = DataKind::kBinary;
        data = from.Bytes();
        media_type = "application/octet-stream";
        break;
      default:
        break;
    }
  }

  void MakeExtensions(bool strings_only) {
    const std::size_t count = from.Below(8);
    texts.reserve(2 * count);
    for (std::size_t i = 0; i < count; ++i) {
      const std::string_view name = texts.emplace_back(from.Name(true) + std::to_string(i));
      const std::size_t type = strings_only ? 2 : from.Below(7);
      const std::string_view text = texts.emplace_back(type == 3 ? from.Bytes() : from.Text());
      const AttributeValue values[] = {from.Coin(), static_cast<std::int32_t>(from.Below(SIZE_MAX)),
                                       text,        AsBytes(text),
                                       Uri{text},   UriReference{text},
                                       from.Time()};
      extensions.emplace_back(name, values[type]);
    }
    if (from.Below(4) == 0) extensions.emplace_back("correlationid", std::string_view("c"));
  }
};

}  // namespace random_event
