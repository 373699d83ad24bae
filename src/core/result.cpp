// Status: the shared error text, and the end of the process for value() of an error.
#include "virtufin/core/result.hpp"

#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdlib>

namespace virtufin::inline v0 {

struct Status::Detail {
  mutable std::atomic<std::uint32_t> references;
  StatusCode code;
  std::string_view component;
  std::string message;
};

std::string_view StatusCodeName(StatusCode code) noexcept {
  static constexpr std::array<std::string_view, 17> kNames = {"OK",
                                                              "CANCELLED",
                                                              "UNKNOWN",
                                                              "INVALID_ARGUMENT",
                                                              "DEADLINE_EXCEEDED",
                                                              "NOT_FOUND",
                                                              "ALREADY_EXISTS",
                                                              "PERMISSION_DENIED",
                                                              "RESOURCE_EXHAUSTED",
                                                              "FAILED_PRECONDITION",
                                                              "ABORTED",
                                                              "OUT_OF_RANGE",
                                                              "UNIMPLEMENTED",
                                                              "INTERNAL",
                                                              "UNAVAILABLE",
                                                              "DATA_LOSS",
                                                              "UNAUTHENTICATED"};
  const auto index = static_cast<std::size_t>(static_cast<std::uint32_t>(code));
  return index < kNames.size() ? kNames[index] : kNames[2];
}

Status::Status(StatusCode code, std::string_view component, std::string message) {
  if (code != StatusCode::kOk) detail_ = new Detail{{1}, code, component, std::move(message)};
}

StatusCode Status::code() const noexcept { return ok() ? StatusCode::kOk : detail_->code; }

std::string_view Status::message() const noexcept {
  return ok() ? std::string_view{} : std::string_view{detail_->message};
}

std::string_view Status::component() const noexcept {
  return ok() ? std::string_view{} : detail_->component;
}

std::string Status::ToString() const {
  std::string text(StatusCodeName(code()));
  if (ok()) return text;
  text.append(" [").append(component()).append("]: ").append(message());
  return text;
}

bool operator==(const Status& a, const Status& b) noexcept {
  return a.detail_ == b.detail_ ||
         (a.code() == b.code() && a.component() == b.component() && a.message() == b.message());
}

void Status::AddRefSlow() const noexcept {
  detail_->references.fetch_add(1, std::memory_order_relaxed);
}

void Status::ReleaseSlow() const noexcept {
  if (detail_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete detail_;
}

namespace detail {

void DieOnBadResult(const Status& status) noexcept {
  // No allocation here: the error may be that memory ran out.
  const std::array<std::string_view, 7> parts = {"libvirtufin: value() of a Result without one: ",
                                                 StatusCodeName(status.code()),
                                                 " [",
                                                 status.component(),
                                                 "]: ",
                                                 status.message(),
                                                 "\n"};
  std::array<iovec, 7> pieces{};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    pieces[i] = {const_cast<char*>(parts[i].data()), parts[i].size()};
  }
  [[maybe_unused]] const auto written =
      writev(STDERR_FILENO, pieces.data(), static_cast<int>(pieces.size()));
  std::abort();
}

Status OkIsNoError() {
  return Status(StatusCode::kInternal, "core",
                "a Result was made from an ok Status: expected a value or an error");
}

Status ValueWasLost() {
  return Status(StatusCode::kInternal, "core",
                "the value of a Result was lost: an exception left its assignment");
}

}  // namespace detail
}  // namespace virtufin::inline v0
