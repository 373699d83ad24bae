// Both ends of the pipe between the soak and its venue: a command a line, an answer a line.
#include "venue_process.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <sstream>
#include <string_view>

#include "sim/venue_server.hpp"

namespace soak {
namespace {

using namespace virtufin;

constexpr std::string_view kInject = "inject ";

sim::VenueMarket MarketOf(bool usdm) {
  return usdm ? sim::VenueMarket::kUsdm : sim::VenueMarket::kSpot;
}

sim::VenueServerOptions VenueOf(const Load& load) {
  sim::VenueServerOptions options;
  options.venue.market = MarketOf(load.usdm);
  options.venue.symbols = sim::DefaultSymbols(MarketOf(load.usdm));
  for (sim::SymbolOptions& symbol : options.venue.symbols) {
    symbol.changes_per_s = load.changes_per_s;
  }
  options.venue.seed = load.seed;
  options.venue.ban_ms = 500;
  options.venue.retry_after_ms = 1'000;
  options.venue.shutdown_notice_ms = 5'000;
  options.venue.max_connects_per_5min = 100'000;
  return options;
}

void Print(const sim::VenueBook& book) {
  for (const auto* const side : {&book.bids, &book.asks}) {
    for (const auto& [price, quantity] : *side) {
      std::cout << ' ' << price.ToString() << ' ' << quantity.ToString();
    }
    std::cout << " |";
  }
}

void Tell(sim::BinanceVenue& venue) {
  sim::MarketModel& market = venue.market();
  for (std::size_t i = 0; i < market.size(); ++i) {
    const std::int64_t id = market.last_update_id(i);
    std::cout << market.at(i).options.name << ' ' << id << ' ' << market.at(i).last_aggregate_id;
    Print(*market.BookAt(i, id));
    std::cout << ' ';
  }
}

std::uint64_t FaultsOf(const sim::BinanceVenue& venue) {
  std::uint64_t sum = 0;
  for (const std::uint64_t count : venue.counters().faults) sum += count;
  return sum;
}

}  // namespace

std::vector<std::string> Pairs(bool usdm) {
  std::vector<std::string> names;
  for (const auto& symbol : sim::DefaultSymbols(MarketOf(usdm))) names.push_back(symbol.name);
  return names;
}

sim::FaultPlan Faults(const Load& load) {
  const auto until_ms = static_cast<std::int64_t>(load.faulty_seconds() * 1000);
  auto plan = sim::FaultPlan::Draw(load.seed, until_ms, load.faults_per_minute, Pairs(load.usdm));
  // Each further ban of the same address lasts twice as long: a soak would end banned.
  std::erase_if(plan.faults, [](const sim::Fault& fault) {
    return fault.kind == sim::FaultKind::kHttp && fault.amount == 418;
  });
  plan.faults.insert(plan.faults.begin(), sim::Fault{});
  return plan;
}

int Serve(const Load& load) {
  auto server = sim::BinanceVenueServer::Create(VenueOf(load)).value();
  if (!server->Start().ok()) return 1;
  std::cout << server->rest_url() << ' ' << server->ws_url() << std::endl;
  for (std::string command; std::getline(std::cin, command);) {
    const Status done = server->With([&](sim::BinanceVenue& venue, std::int64_t now_ms) {
      if (command.starts_with(kInject)) {
        const auto plan = sim::FaultPlan::Parse(command.substr(kInject.size())).value();
        if (!venue.Inject(plan.faults.at(0), now_ms).ok()) std::abort();
      } else if (command == "end faults") {
        venue.EndFaults();
        std::cout << FaultsOf(venue);
      } else if (command == "stop trading") {
        venue.StopTrading();
      } else if (command == "look") {
        Tell(venue);
      }
    });
    std::cout << std::endl;
    if (!done.ok()) return 1;
  }
  return server->Stop(std::chrono::seconds(5)).ok() ? 0 : 1;
}

VenueProcess::VenueProcess(const char* self, const Load& load)
    : process_(test::StartPiped({self, "--seconds", std::to_string(load.seconds), "--seed",
                                 std::to_string(load.seed), "--market", load.usdm ? "usdm" : "spot",
                                 "--rate", std::to_string(load.changes_per_s), "--serve"})) {
  std::istringstream(Ask("")) >> rest_url_ >> stream_url_;
  if (stream_url_.empty()) std::abort();
}

VenueProcess::~VenueProcess() {
  ::close(process_.in);
  ::waitpid(process_.pid, nullptr, 0);
  std::fclose(process_.out);
}

/// Without a command: only the next line.
std::string VenueProcess::Ask(const std::string& command) {
  const std::string line = command + "\n";
  if (!command.empty() && ::write(process_.in, line.data(), line.size()) < 0) return {};
  std::string answer;
  for (int c = std::fgetc(process_.out); c != EOF && c != '\n'; c = std::fgetc(process_.out)) {
    answer.push_back(static_cast<char>(c));
  }
  return answer;
}

void VenueProcess::Inject(const sim::Fault& fault) {
  Ask(std::string(kInject) + sim::FaultText(fault));
}

std::uint64_t VenueProcess::EndFaults() {
  return std::strtoull(Ask("end faults").c_str(), nullptr, 10);
}

void VenueProcess::StopTrading() { Ask("stop trading"); }

std::map<std::string, VenueProcess::Truth> VenueProcess::Look() {
  std::istringstream text(Ask("look"));
  std::map<std::string, Truth> all;
  for (std::string name; text >> name;) {
    Truth& truth = all[name];
    text >> truth.last_id >> truth.last_trade;
    for (auto* const side : {&truth.book.bids, &truth.book.asks}) {
      for (std::string price, quantity; text >> price && price != "|" && text >> quantity;) {
        side->emplace(Decimal::Parse(price).value(), Decimal::Parse(quantity).value());
      }
    }
  }
  return all;
}

}  // namespace soak
