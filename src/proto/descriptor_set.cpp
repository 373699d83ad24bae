// The descriptor set of the services, as the build embedded it.
#include "virtufin/proto/descriptor_set.hpp"

#include <cstdint>

namespace virtufin::inline v0 {
namespace {

constexpr std::uint8_t kDescriptorSet[] = {
#include "descriptor_set.inc"
};

}  // namespace

ByteView ServiceDescriptorSet() noexcept { return kDescriptorSet; }

}  // namespace virtufin::inline v0
