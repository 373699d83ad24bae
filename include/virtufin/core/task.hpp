// Task: a piece of work that runs elsewhere; takes move-only callables and keeps small ones, up to
// kInlineBytes, without allocating.
// Specification: docs/openspec/specs/core/spec.md
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace virtufin::inline v0 {

/// Owns its callable. Not copyable. [owner]
class Task {
 public:
  static constexpr std::size_t kInlineBytes = 56;

  /// Empty: false, and must not be run.
  Task() noexcept = default;
  template <class F>
  requires(!std::same_as<std::decay_t<F>, Task> && std::invocable<std::decay_t<F>&>)
      Task(F&& callable) {  // NOLINT(google-explicit-constructor): posts read as calls
    using Callable = std::decay_t<F>;
    if constexpr (kInline<Callable>) {
      std::construct_at(reinterpret_cast<Callable*>(&storage_), std::forward<F>(callable));
      calls_ = &kInlineCalls<Callable>;
    } else {
      std::construct_at(reinterpret_cast<Callable**>(&storage_),
                        new Callable(std::forward<F>(callable)));
      calls_ = &kHeapCalls<Callable>;
    }
  }
  Task(Task&& other) noexcept : calls_(std::exchange(other.calls_, nullptr)) {
    if (calls_ != nullptr) calls_->move(&storage_, &other.storage_);
  }
  Task& operator=(Task&& other) noexcept {
    if (this == &other) return *this;
    Destroy();
    calls_ = std::exchange(other.calls_, nullptr);
    if (calls_ != nullptr) calls_->move(&storage_, &other.storage_);
    return *this;
  }
  ~Task() { Destroy(); }

  explicit operator bool() const noexcept { return calls_ != nullptr; }
  /// Precondition: not empty. Throws what the callable throws.
  void operator()() { calls_->run(&storage_); }

 private:
  struct Calls {
    void (*run)(void* storage);
    void (*move)(void* to, void* from) noexcept;  // leaves nothing in `from`
    void (*destroy)(void* storage) noexcept;
  };
  template <class Callable>
  static constexpr bool kInline =
      sizeof(Callable) <= kInlineBytes &&
      alignof(Callable) <= alignof(void*) && std::is_nothrow_move_constructible_v<Callable>;
  template <class T>
  static T* As(void* storage) noexcept {
    return std::launder(static_cast<T*>(storage));
  }
  template <class Callable>
  static constexpr Calls kInlineCalls = {
      [](void* storage) { (*As<Callable>(storage))(); },
      [](void* to, void* from) noexcept {
        std::construct_at(static_cast<Callable*>(to), std::move(*As<Callable>(from)));
        std::destroy_at(As<Callable>(from));
      },
      [](void* storage) noexcept { std::destroy_at(As<Callable>(storage)); }};
  template <class Callable>
  static constexpr Calls kHeapCalls = {
      [](void* storage) { (**As<Callable*>(storage))(); },
      [](void* to, void* from) noexcept {
        std::construct_at(static_cast<Callable**>(to), *As<Callable*>(from));
      },
      [](void* storage) noexcept { delete *As<Callable*>(storage); }};

  void Destroy() noexcept {
    if (const Calls* calls = std::exchange(calls_, nullptr)) calls->destroy(&storage_);
  }

  alignas(void*) std::byte storage_[kInlineBytes];
  const Calls* calls_ = nullptr;
};

}  // namespace virtufin::inline v0
