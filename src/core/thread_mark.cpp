// The mark that tells executor, net-loop and callback threads from foreign ones.
#include <type_traits>

#include "core/thread_context.hpp"

namespace virtufin::inline v0 {

namespace detail {
static_assert(std::is_trivially_destructible_v<ThreadContext>);
constinit thread_local ThreadContext this_thread;
}  // namespace detail

ThreadKind CurrentThreadKind() noexcept { return detail::this_thread.kind; }

ThreadMark::ThreadMark(ThreadKind kind) noexcept : before_(detail::this_thread.kind) {
  detail::this_thread.kind = kind;
}
ThreadMark::~ThreadMark() { detail::this_thread.kind = before_; }

}  // namespace virtufin::inline v0
