// SilentSockets: those that are open and bring no data.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace virtufin::inline v0::detail {

/// [owner]
class SilentSockets {
 public:
  void Add(std::uint32_t socket) { sockets_.push_back(socket); }
  /// False: it was not there.
  bool Remove(std::uint32_t socket) { return std::erase(sockets_, socket) != 0; }
  bool empty() const noexcept { return sockets_.empty(); }
  /// What these carry comes from none of them.
  bool AreAll(const std::vector<std::uint32_t>& carriers) const noexcept {
    return !sockets_.empty() && !carriers.empty() &&
           std::all_of(carriers.begin(), carriers.end(), [this](std::uint32_t socket) {
             return std::find(sockets_.begin(), sockets_.end(), socket) != sockets_.end();
           });
  }

 private:
  std::vector<std::uint32_t> sockets_;
};

}  // namespace virtufin::inline v0::detail
