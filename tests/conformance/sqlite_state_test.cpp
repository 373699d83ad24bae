// The StateStore suite on the SQLite store.
#include "conformance/state_suite.hpp"
#include "support/temporary_folder.hpp"
#include "virtufin/state/sqlite.hpp"

namespace virtufin::test {

class SqliteDriver {
 public:
  static constexpr StateQuirks kQuirks = {};

  StateStore& store() { return *store_; }
  ManualClock& clock() { return clock_; }

 private:
  TemporaryFolder folder_;
  ManualClock clock_{Timestamp::FromUnixMillis(1'700'000'000'000)};
  std::unique_ptr<StateStore> store_ =
      OpenSqliteStore({.path = folder_ / "state.db"}, clock_).value();
};

}  // namespace virtufin::test

VIRTUFIN_STATE_SUITE(SqliteDriver);
