// Which call a thread runs, as a number.
#pragma once

#include <cstdint>

namespace virtufin::inline v0::detail {

/// The number of the innermost WorkerContext::Scope of this thread, no other of the process has it;
/// 0 outside of one. [any]
std::uint64_t CurrentCall() noexcept;

}  // namespace virtufin::inline v0::detail
