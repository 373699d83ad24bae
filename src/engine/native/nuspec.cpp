// A nuspec, read by expat. Its document type declarations are refused, so it can declare no entity.
#include <expat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "engine/native/manifest.hpp"
#include "virtufin/engine/package_names.hpp"

namespace virtufin::inline v0::detail {
namespace {

constexpr int kMaxDepth = 32;

struct Field {
  std::string_view name;
  std::string text;
  bool there = false;
};

// What the handlers of expat fill. `wrong` set: the parser was stopped.
struct Reading {
  XML_Parser parser = nullptr;
  std::string wrong;
  int depth = 0;
  bool in_metadata = false;
  Field* field = nullptr;  // whose text is being read
  std::array<Field, 6> fields = {Field{"id", {}, false},
                                 {"virtufinAbiVersion", {}, false},
                                 {"virtufinLibrary", {}, false},
                                 {"virtufinEntryPoint", {}, false},
                                 {"virtufinFreeResult", {}, false},
                                 {"virtufinReentrant", {}, false}};

  void Stop(std::string what) {
    if (wrong.empty()) wrong = std::move(what);
    XML_StopParser(parser, XML_FALSE);
  }
};

// Without its prefix: a nuspec may name its namespace in any way.
std::string_view LocalName(const char* name) {
  const std::string_view whole(name);
  return whole.substr(whole.find(':') + 1);
}

void OnDoctype(void* data, const char*, const char*, const char*, int) {
  static_cast<Reading*>(data)->Stop("has a document type declaration: expected none");
}

void OnStart(void* data, const char* raw_name, const char**) {
  Reading& reading = *static_cast<Reading*>(data);
  const std::string_view name = LocalName(raw_name);
  const int depth = ++reading.depth;
  if (depth > kMaxDepth) {
    return reading.Stop("is nested deeper than " + std::to_string(kMaxDepth) + " elements");
  }
  if (reading.field != nullptr) {
    return reading.Stop("has an element in <" + std::string(reading.field->name) +
                        ">: expected text");
  }
  if (depth == 1 && name != "package") {
    return reading.Stop("begins with <" + std::string(name.substr(0, 64)) +
                        ">: expected <package>");
  }
  if (depth == 2 && name == "metadata") reading.in_metadata = true;
  if (depth != 3 || !reading.in_metadata) return;
  for (Field& field : reading.fields) {
    if (field.name != name) continue;
    if (field.there) return reading.Stop("has <" + std::string(name) + "> twice");
    field.there = true;
    reading.field = &field;
  }
}

void OnEnd(void* data, const char*) {
  Reading& reading = *static_cast<Reading*>(data);
  if (reading.depth == 3) reading.field = nullptr;
  if (reading.depth == 2) reading.in_metadata = false;
  --reading.depth;
}

void OnText(void* data, const char* text, int size) {
  Reading& reading = *static_cast<Reading*>(data);
  if (reading.field != nullptr) reading.field->text.append(text, static_cast<std::size_t>(size));
}

std::string Trimmed(const std::string& text) {
  static constexpr char kBlank[] = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) + 1 - begin);
}

Status Refused(std::string_view name, const std::string& what) {
  return {StatusCode::kInvalidArgument, "engine", Quoted(name) + ": " + what};
}

Result<WorkerManifest> ToManifest(std::string_view name, const Reading& reading) {
  const auto& [id, abi_version, library, entry_point, free_result, reentrant] = reading.fields;
  WorkerManifest manifest;
  if (Trimmed(id.text).empty()) return Refused(name, "expected an <id> in <metadata>, found none");
  manifest.library = Trimmed(library.there ? library.text : id.text);
  if (entry_point.there) manifest.entry_point = Trimmed(entry_point.text);
  if (free_result.there) manifest.free_result = Trimmed(free_result.text);
  if (abi_version.there) {
    const std::string text = Trimmed(abi_version.text);
    std::int32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
      return Refused(name, "expected a whole number in <virtufinAbiVersion>, found " +
                               Quoted(text) + ": supported are 1 and 2");
    }
    manifest.abi_version = number;
  }
  if (reentrant.there) {
    const std::string text = Trimmed(reentrant.text);
    if (text != "true" && text != "false") {
      return Refused(name, "expected true or false in <virtufinReentrant>, found " + Quoted(text));
    }
    manifest.reentrant = text == "true";
  }
  if (Status status = CheckManifest(name, manifest); !status.ok()) return status;
  return manifest;
}

}  // namespace

Result<WorkerManifest> ParseNuspec(std::string_view name, ByteView text) {
  const std::unique_ptr<std::remove_pointer_t<XML_Parser>, decltype(&XML_ParserFree)> parser(
      XML_ParserCreate(nullptr), &XML_ParserFree);
  if (parser == nullptr) {
    return Status(StatusCode::kResourceExhausted, "engine", "no memory for expat");
  }
  Reading reading;
  reading.parser = parser.get();
  XML_SetUserData(parser.get(), &reading);
  XML_SetStartDoctypeDeclHandler(parser.get(), &OnDoctype);
  XML_SetElementHandler(parser.get(), &OnStart, &OnEnd);
  XML_SetCharacterDataHandler(parser.get(), &OnText);
  const auto outcome = XML_Parse(parser.get(), reinterpret_cast<const char*>(text.data()),
                                 static_cast<int>(text.size()), XML_TRUE);
  if (!reading.wrong.empty()) return Refused(name, reading.wrong);
  if (outcome != XML_STATUS_OK) {
    return Refused(name, "malformed: line " +
                             std::to_string(XML_GetCurrentLineNumber(parser.get())) + ": " +
                             XML_ErrorString(XML_GetErrorCode(parser.get())));
  }
  return ToManifest(name, reading);
}

}  // namespace virtufin::inline v0::detail
