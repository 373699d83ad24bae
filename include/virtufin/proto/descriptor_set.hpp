// The description of the gRPC services, for what is driven by descriptors: reflection, transcoding.
// Specification: docs/openspec/specs/workmanager/spec.md
#pragma once

#include "virtufin/core/bytes.hpp"

namespace virtufin::inline v0 {

/// A google.protobuf.FileDescriptorSet with all imports: virtufin/*.proto, what they import, gRPC's
/// health and both of its reflections. Read it into a pool of your own: nothing of it is registered
/// with Protobuf. Static storage. [any]
ByteView ServiceDescriptorSet() noexcept;

}  // namespace virtufin::inline v0
