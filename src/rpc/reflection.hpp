// gRPC's server reflection over a descriptor set; v1 and v1alpha are the same to it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "virtufin/core/bytes.hpp"
#include "virtufin/core/result.hpp"

namespace virtufin::inline v0::detail {

class Reflection {
 public:
  /// What one stream has been sent: an import goes once.
  using Sent = std::set<std::string_view>;

  /// Reads a FileDescriptorSet, borrowed. Of `services` those are listed that it describes.
  /// Errors: INTERNAL when it is none.
  static Result<Reflection> Make(ByteView set, const std::vector<std::string>& services);

  /// The response to one ServerReflectionRequest; what is wrong with it is said in there. [any]
  /// Errors: INVALID_ARGUMENT when the request is no message.
  Result<std::string> Answer(const std::string& request, Sent& sent) const;

 private:
  struct File {
    std::string bytes;
    std::vector<std::string> imports;
  };
  struct Index;

  const File* FileOf(std::string_view name) const;
  void Collect(std::string_view name, bool asked, Sent& sent, std::vector<const File*>& out) const;

  std::map<std::string, File, std::less<>> files_;
  std::map<std::string, std::string, std::less<>> symbols_;                             // -> file
  std::map<std::string, std::map<std::int32_t, std::string>, std::less<>> extensions_;  // -> file
  std::set<std::string, std::less<>> types_;
  std::vector<std::string> services_;
};

}  // namespace virtufin::inline v0::detail
