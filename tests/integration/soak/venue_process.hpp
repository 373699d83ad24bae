// The simulated venue of the soak in a process of its own: what the adapter's process needs, and
// nothing of what the venue remembers, counts as its memory.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sim/fault_plan.hpp"
#include "support/event_books.hpp"
#include "support/piped_process.hpp"

namespace soak {

struct Load {
  double seconds = 10;
  std::uint64_t seed = 1;
  bool usdm = false;
  std::int64_t changes_per_s = 2'000;  // of each pair
  double faults_per_minute = 20;

  /// First nothing is wrong but that sockets rotate, then there are faults.
  double calm_seconds() const { return seconds * 0.4; }
  double faulty_seconds() const { return seconds - calm_seconds(); }
};

std::vector<std::string> Pairs(bool usdm);

/// All that goes wrong, at its time from the first fault. That one cuts every connection.
virtufin::sim::FaultPlan Faults(const Load& load);

/// What the child does: serves until its input ends. The exit code.
int Serve(const Load& load);

/// The parent's side of it.
class VenueProcess {
 public:
  struct Truth {
    std::int64_t last_id = 0, last_trade = 0;  // the last aggregated trade
    virtufin::test::PlainBook book;
  };

  /// Starts this program again, as the venue. Ends the process when it cannot.
  VenueProcess(const char* self, const Load& load);
  ~VenueProcess();
  VenueProcess(const VenueProcess&) = delete;
  VenueProcess& operator=(const VenueProcess&) = delete;

  const std::string& rest_url() const { return rest_url_; }
  const std::string& stream_url() const { return stream_url_; }
  void Inject(const virtufin::sim::Fault& fault);
  /// No more faults. How many hit something so far.
  std::uint64_t EndFaults();
  void StopTrading();
  /// By pair.
  std::map<std::string, Truth> Look();

 private:
  std::string Ask(const std::string& command);

  virtufin::test::PipedProcess process_;
  std::string rest_url_, stream_url_;
};

}  // namespace soak
