// Whatever a link does to frames and answers: books rebuilt from published events are the venue's.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "support/event_books.hpp"
#include "support/scale.hpp"
#include "support/venue_truth.hpp"
#include "unit/exchange/feed_fixture.hpp"

using namespace virtufin;

namespace {

constexpr std::int64_t kTickMs = 100;
constexpr int kFaultyTicks = 250;
constexpr int kQuietTicks = 700;

BinanceFeedOptions Options(BinanceMarket market) {
  BinanceFeedOptions options;
  options.market = market;
  options.snapshot_timeout_ms = 2'000;
  options.retry_ms = 100;
  options.max_retry_ms = 1'600;
  options.stable_ms = 3'000;
  return options;
}

/// How often which fault happens on a link, in percent; drawn per seed, zero in the quiet tail.
struct Faults {
  int drop = 0, duplicate = 0, delay = 0, overtake = 0;
  int no_answer = 0, late_answer = 0, old_answer = 0, bad_answer = 0;
  int second_socket = 0, close = 0;

  static Faults Draw(std::mt19937& random) {
    const auto up_to = [&](unsigned most) { return static_cast<int>(random() % (most + 1)); };
    Faults faults;
    faults.drop = up_to(6);
    faults.duplicate = up_to(10);
    faults.delay = up_to(8);
    faults.overtake = up_to(4);
    faults.no_answer = up_to(25);
    faults.late_answer = up_to(25);
    faults.old_answer = up_to(40);
    faults.bad_answer = up_to(15);
    faults.second_socket = up_to(8);
    faults.close = up_to(3);
    return faults;
  }
};

class Simulation {
 public:
  Simulation(BinanceMarket market, std::uint32_t seed)
      : random_(seed), venue_(market, seed, 4), link_(Options(market)) {
    for (const std::string& symbol : venue_.symbols()) {
      REQUIRE(link_.feed->Subscribe(symbol, link_.Now()).ok());
    }
    faults_ = Faults::Draw(random_);
    if (Percent(40)) restarts_.insert(50 + Below(150));
    if (Percent(20)) restarts_.insert(50 + Below(150));
  }

  void Run() {
    for (int tick = 0; tick < kFaultyTicks; ++tick) Step(tick);
    faults_ = {};
    for (int tick = 0; tick < kQuietTicks; ++tick) Step(kFaultyTicks + tick);
    Settle();
  }

  BinanceFeedCounters counters() const { return link_.feed->counters(); }
  std::uint64_t restarted() const { return restarted_; }
  std::uint64_t checked() const { return checked_; }

 private:
  struct Item {
    std::uint32_t connection;
    std::string text, symbol;  // symbol: an answer
    bool failed = false;
    std::uint64_t request = 0;
  };

  bool Percent(int percent) { return Below(100) < percent; }
  int Below(int limit) { return static_cast<int>(random_() % static_cast<unsigned>(limit)); }

  void Step(int tick) {
    Sockets();
    if (restarts_.count(tick) != 0) {
      venue_.Restart(restarted_++ == 0 ? 1'000 : 5'000'000'000);
    }
    venue_.Trade(3);
    for (const std::uint32_t connection : open_) {
      // Sockets opened later cut the history elsewhere.
      if (connection % 2 == 0 && tick % 2 == 0) continue;
      Send(connection);
    }
    for (int part = 0; part < 10; ++part) {
      link_.Advance(kTickMs / 10);
      Deliver();
      link_.feed->OnTick(link_.Now());
      Answer();
      Check();
    }
  }

  void Sockets() {
    if (open_.empty() && (faults_.close == 0 || Percent(20))) OpenSocket();
    if (open_.size() == 1 && Percent(faults_.second_socket)) OpenSocket();
    if (open_.size() == 2 && Percent(5)) CloseSocket(0);
    if (!open_.empty() && Percent(faults_.close)) CloseSocket(open_.size() - 1);
  }
  void OpenSocket() {
    open_.push_back(++sockets_);
    venue_.OpenStream(sockets_);
    link_.Open(sockets_);
  }
  void CloseSocket(std::size_t index) {
    const std::uint32_t connection = open_[index];
    open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(index));
    std::erase_if(items_, [&](const auto& item) { return item.second.connection == connection; });
    link_.feed->OnClose(connection, link_.Now(), "lost");
  }

  void Send(std::uint32_t connection) {
    for (std::size_t symbol = 0; symbol < venue_.symbols().size(); ++symbol) {
      for (const std::string& text :
           {venue_.Diff(connection, symbol), Percent(30) ? venue_.Ticker(symbol) : std::string()}) {
        if (text.empty() || Percent(faults_.drop)) continue;
        // A socket keeps its order, so what follows a late frame is late too; but for a fault.
        std::int64_t& last = last_due_[connection];
        const std::int64_t late = Percent(faults_.delay) ? 100 + Below(2'000) : 1 + Below(40);
        std::int64_t due = std::max(last, link_.elapsed_ns / 1'000'000 + late);
        if (Percent(faults_.overtake)) {
          due += 50 + Below(500);
        } else {
          last = due;
        }
        for (int n = Percent(faults_.duplicate) ? 2 : 1; n > 0; --n) {
          items_.emplace(due + (n - 1) * Below(300), Item{connection, text, {}, false});
        }
      }
    }
  }

  void Answer() {
    for (std::size_t i = 0; i < link_.sink.fetches.size(); ++i) {
      const std::string& symbol = link_.sink.fetches[i];
      if (Percent(faults_.no_answer)) continue;
      const auto index = static_cast<std::size_t>(
          std::find(venue_.symbols().begin(), venue_.symbols().end(), symbol) -
          venue_.symbols().begin());
      const std::size_t lag = Percent(faults_.old_answer) ? static_cast<std::size_t>(Below(30)) : 0;
      std::string text = venue_.Snapshot(index, lag);
      bool failed = false;
      if (Percent(faults_.bad_answer)) {
        failed = Percent(50);
        text = text.substr(0, static_cast<std::size_t>(Below(static_cast<int>(text.size()))));
      }
      const std::int64_t late = Percent(faults_.late_answer) ? 1'000 + Below(6'000) : Below(300);
      items_.emplace(link_.elapsed_ns / 1'000'000 + late,
                     Item{0, text, symbol, failed, link_.sink.requests[i]});
    }
    link_.sink.fetches.clear();
    link_.sink.requests.clear();
  }

  void Deliver() {
    while (!items_.empty() && items_.begin()->first <= link_.elapsed_ns / 1'000'000) {
      const Item item = std::move(items_.begin()->second);
      items_.erase(items_.begin());
      if (item.symbol.empty()) {
        link_.Frame(item.text, item.connection);
      } else if (item.failed) {
        link_.feed->OnSnapshotFailed(item.symbol, item.request, link_.Now());
      } else {
        (void)link_.feed->OnSnapshot(item.symbol, item.request, link_.Now(), item.text).ok();
      }
      Check();
    }
  }

  void Check() {
    for (const Message& message : link_.sink.messages) {
      CAPTURE(std::string(message.topic()));
      CAPTURE(std::string(message.event().data_text()));
      const test::EventBooks::Book* changed = nullptr;
      REQUIRE(events_.Take(message, changed) == "");
      if (changed == nullptr) continue;
      const std::string_view subject = message.event().subject();
      const auto symbol = static_cast<std::size_t>(subject[subject.find('/') + 4] - '0');
      const sim::VenueBook* truth = venue_.At(symbol, changed->last_id);
      REQUIRE(truth != nullptr);
      REQUIRE(changed->levels.bids == truth->bids);
      REQUIRE(changed->levels.asks == truth->asks);
      ++checked_;
    }
    link_.sink.messages.clear();
  }

  void Settle() {
    for (const std::uint32_t connection : open_) Send(connection);
    for (int i = 0; i < 50; ++i) {
      link_.Advance(kTickMs);
      Deliver();
    }
    for (std::size_t i = 0; i < venue_.symbols().size(); ++i) {
      const std::string& symbol = venue_.symbols()[i];
      CAPTURE(symbol);
      CHECK(link_.feed->state(symbol) == FeedState::kLive);
      const test::EventBooks::Book& book = events_.books().at(symbol);
      CHECK(book.live);
      CHECK(book.feed_state == "live");
      CHECK(book.last_id == venue_.last_id(i));
    }
    CHECK(counters().books.crossed == 0);
  }

  std::mt19937 random_;
  test::VenueTruth venue_;
  test::FeedFixture link_;
  test::EventBooks events_;
  Faults faults_;
  std::set<int> restarts_;
  std::uint64_t restarted_ = 0, checked_ = 0;
  std::uint32_t sockets_ = 0;
  std::vector<std::uint32_t> open_;
  std::map<std::uint32_t, std::int64_t> last_due_;  // milliseconds
  std::multimap<std::int64_t, Item> items_;         // on the link, by when they arrive
};

void RunSeeds(BinanceMarket market) {
  BookCounters sum;
  std::uint64_t failed = 0, restarted = 0, checked = 0, quotes_stale = 0;
  const int seeds = test::Scaled(200);
  for (int seed = 0; seed < seeds; ++seed) {
    CAPTURE(seed);
    Simulation simulation(market, static_cast<std::uint32_t>(seed));
    simulation.Run();
    const BinanceFeedCounters counters = simulation.counters();
    sum.gaps += counters.books.gaps;
    sum.stale += counters.books.stale;
    sum.snapshots_stale += counters.books.snapshots_stale;
    failed += counters.snapshots_failed;
    quotes_stale += counters.quotes_stale;
    restarted += simulation.restarted();
    checked += simulation.checked();
  }
  // The faults did happen.
  CHECK(checked > static_cast<std::uint64_t>(seeds) * 1'000);
  CHECK(sum.gaps > static_cast<std::uint64_t>(seeds) * 4);
  CHECK(sum.stale > 0);
  CHECK(sum.snapshots_stale > 0);
  CHECK(failed > 0);
  CHECK(quotes_stale > 0);
  CHECK(restarted > 0);
  MESSAGE(seeds << " seeds: " << checked << " book events equal the truth, " << sum.gaps
                << " gaps, " << sum.snapshots_stale << " stale snapshots, " << restarted
                << " restarts");
}

}  // namespace

// Pins EX-33.
TEST_CASE("spot: books rebuilt from events alone are the venue's, and live when it calms down") {
  RunSeeds(BinanceMarket::kSpot);
}

// Pins EX-33.
TEST_CASE("USD-M: books rebuilt from events alone are the venue's, and live when it calms down") {
  RunSeeds(BinanceMarket::kUsdm);
}
