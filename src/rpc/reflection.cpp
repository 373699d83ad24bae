// The index of a descriptor set, and what reflection answers from it.
#include "rpc/reflection.hpp"

#include "proto/lite/descriptor_index.pb.h"
#include "proto/lite/reflection.pb.h"

namespace virtufin::inline v0::detail {
namespace {

namespace index = ::virtufin::lite::index;
namespace messages = ::virtufin::lite::reflection;

std::string Joined(const std::string& scope, const std::string& name) {
  return scope.empty() ? name : scope + "." + name;
}

std::string_view WithoutDot(std::string_view name) {
  if (name.starts_with('.')) name.remove_prefix(1);
  return name;
}

void Fail(messages::ServerReflectionResponse& response, StatusCode code, std::string message) {
  auto& error = *response.mutable_error_response();
  error.set_error_code(static_cast<std::int32_t>(code));
  error.set_error_message(std::move(message));
}

}  // namespace

// Enters the names of one file.
struct Reflection::Index {
  Reflection& out;
  const std::string& file;

  void Symbol(std::string name) { out.symbols_.emplace(std::move(name), file); }
  void Extensions(const std::string& scope,
                  const google::protobuf::RepeatedPtrField<index::Field>& fields) {
    for (const index::Field& field : fields) {
      Symbol(Joined(scope, field.name()));
      out.extensions_[std::string(WithoutDot(field.extendee()))].emplace(field.number(), file);
    }
  }
  void Enumeration(const std::string& scope, const index::Enumeration& enumeration) {
    Symbol(Joined(scope, enumeration.name()));
    for (const index::Named& value : enumeration.value()) Symbol(Joined(scope, value.name()));
  }
  void Type(const std::string& scope, const index::Type& type) {
    const std::string name = Joined(scope, type.name());
    Symbol(name);
    out.types_.insert(name);
    for (const index::Field& field : type.field()) Symbol(Joined(name, field.name()));
    for (const index::Named& oneof : type.oneof_decl()) Symbol(Joined(name, oneof.name()));
    for (const index::Enumeration& inner : type.enum_type()) Enumeration(name, inner);
    for (const index::Type& inner : type.nested_type()) Type(name, inner);
    Extensions(name, type.extension());
  }
  void Everything(const index::File& all) {
    for (const index::Type& type : all.message_type()) Type(all.package(), type);
    for (const index::Enumeration& one : all.enum_type()) Enumeration(all.package(), one);
    Extensions(all.package(), all.extension());
    for (const index::Service& service : all.service()) {
      const std::string name = Joined(all.package(), service.name());
      Symbol(name);
      for (const index::Named& method : service.method()) Symbol(Joined(name, method.name()));
    }
  }
};

Result<Reflection> Reflection::Make(ByteView set, const std::vector<std::string>& services) {
  const Status bad(StatusCode::kInternal, "rpc", "expected a descriptor set");
  index::FileSet files;
  if (!files.ParseFromArray(set.data(), static_cast<int>(set.size()))) return bad;
  Reflection reflection;
  for (std::string& bytes : *files.mutable_file()) {
    index::File file;
    if (!file.ParseFromString(bytes)) return bad;
    Index{reflection, file.name()}.Everything(file);
    File& kept = reflection.files_[file.name()];
    kept.bytes = std::move(bytes);
    kept.imports.assign(file.dependency().begin(), file.dependency().end());
  }
  for (const std::string& service : services) {
    if (reflection.symbols_.count(service) != 0) reflection.services_.push_back(service);
  }
  return reflection;
}

const Reflection::File* Reflection::FileOf(std::string_view name) const {
  const auto found = files_.find(name);
  return found == files_.end() ? nullptr : &found->second;
}

// What was asked for goes always, first; what it imports unless the stream has it.
void Reflection::Collect(std::string_view name, bool asked, Sent& sent,
                         std::vector<const File*>& out) const {
  const auto found = files_.find(name);
  if (found == files_.end()) return;
  if (!sent.insert(found->first).second && !asked) return;
  out.push_back(&found->second);
  for (const std::string& import : found->second.imports) Collect(import, false, sent, out);
}

Result<std::string> Reflection::Answer(const std::string& bytes, Sent& sent) const {
  messages::ServerReflectionRequest request;
  if (!request.ParseFromString(bytes)) {
    return Status(StatusCode::kInvalidArgument, "rpc",
                  "expected a ServerReflectionRequest, found other bytes");
  }
  messages::ServerReflectionResponse response;
  response.set_valid_host(request.host());
  *response.mutable_original_request() = request;
  const auto give = [&](const std::string* file, const std::string& what) {
    if (file == nullptr || FileOf(*file) == nullptr) {
      return Fail(response, StatusCode::kNotFound, what + ": not found");
    }
    std::vector<const File*> files;
    Collect(*file, true, sent, files);
    for (const File* one : files) {
      response.mutable_file_descriptor_response()->add_file_descriptor_proto(one->bytes);
    }
  };
  switch (request.message_request_case()) {
    case messages::ServerReflectionRequest::kFileByFilename:
      give(&request.file_by_filename(), "file '" + request.file_by_filename() + "'");
      break;
    case messages::ServerReflectionRequest::kFileContainingSymbol: {
      const std::string& name = request.file_containing_symbol();
      const auto found = symbols_.find(WithoutDot(name));
      give(found == symbols_.end() ? nullptr : &found->second, "symbol '" + name + "'");
      break;
    }
    case messages::ServerReflectionRequest::kFileContainingExtension: {
      const messages::ExtensionRequest& wanted = request.file_containing_extension();
      const std::string* file = nullptr;
      if (const auto type = extensions_.find(WithoutDot(wanted.containing_type()));
          type != extensions_.end()) {
        const auto found = type->second.find(wanted.extension_number());
        if (found != type->second.end()) file = &found->second;
      }
      give(file, "extension " + std::to_string(wanted.extension_number()) + " of '" +
                     wanted.containing_type() + "'");
      break;
    }
    case messages::ServerReflectionRequest::kAllExtensionNumbersOfType: {
      const std::string_view type = WithoutDot(request.all_extension_numbers_of_type());
      if (types_.find(type) == types_.end()) {
        Fail(response, StatusCode::kNotFound, "type '" + std::string(type) + "': not found");
        break;
      }
      auto& numbers = *response.mutable_all_extension_numbers_response();
      numbers.set_base_type_name(std::string(type));
      if (const auto found = extensions_.find(type); found != extensions_.end()) {
        for (const auto& [number, file] : found->second) numbers.add_extension_number(number);
      }
      break;
    }
    case messages::ServerReflectionRequest::kListServices:
      response.mutable_list_services_response();
      for (const std::string& service : services_) {
        response.mutable_list_services_response()->add_service()->set_name(service);
      }
      break;
    case messages::ServerReflectionRequest::MESSAGE_REQUEST_NOT_SET:
      Fail(response, StatusCode::kInvalidArgument, "expected one of the requests, found none");
      break;
  }
  return response.SerializeAsString();
}

}  // namespace virtufin::inline v0::detail
