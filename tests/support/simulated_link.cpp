// A VenueLink on a virtual clock, between a session and a simulated venue.
#include "support/simulated_link.hpp"

#include <algorithm>
#include <chrono>

namespace virtufin::test {
namespace {

constexpr std::int64_t kMs = 1'000'000;

/// What follows scheme and host.
std::string Target(std::string_view url) {
  const auto host = url.find("://");
  const auto slash = url.find('/', host == url.npos ? 0 : host + 3);
  return slash == url.npos ? "/" : std::string(url.substr(slash));
}

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return text;
}

}  // namespace

SimulatedLink::SimulatedLink(sim::VenueOptions options, std::uint64_t seed)
    : start_unix_ns_(options.start_unix_ms * kMs),
      random_(seed ^ 0x11c4ULL),
      clock_(Timestamp::FromUnixMillis(options.start_unix_ms)),
      venue_(sim::BinanceVenue::Create(std::move(options), *this).value()) {}

std::int64_t SimulatedLink::Latency() {
  std::int64_t ms = 1 + random_.Below(40);
  if (random_.Percent(faults.late)) {
    ++counters_.late;
    ms += random_.Below(1'500);
  }
  return ms * kMs;
}

SimulatedLink::Socket* SimulatedLink::Find(std::uint32_t socket) {
  const auto found = sockets_.find(socket);
  return found == sockets_.end() ? nullptr : &found->second;
}

void SimulatedLink::Up(std::uint32_t socket, Parcel parcel) {
  Socket& state = sockets_[socket];
  state.last_up_ns = std::max(state.last_up_ns, elapsed_ns_ + Latency());
  parcel.socket = socket;
  At(state.last_up_ns, std::move(parcel));
}

void SimulatedLink::Down(std::uint32_t socket, Parcel parcel) {
  Socket* const state = Find(socket);
  if (state == nullptr) return;
  state->last_down_ns = std::max(state->last_down_ns, elapsed_ns_ + state->slower_ns + Latency());
  parcel.socket = socket;
  At(state->last_down_ns, std::move(parcel));
}

// --- The session's side.

void SimulatedLink::Open(std::uint32_t socket, std::string_view url) {
  if (random_.Percent(faults.connect_lost)) {
    ++counters_.connects_lost;
    (void)sockets_[socket];  // nothing will ever happen to it
    return;
  }
  if (faults.skew_ms > 0) sockets_[socket].slower_ns = random_.Below(faults.skew_ms) * kMs;
  Parcel parcel;
  parcel.way = Way::kConnect;
  parcel.text = Target(url);
  Up(socket, std::move(parcel));
}

bool SimulatedLink::Send(std::uint32_t socket, std::string_view text) {
  Socket* const state = Find(socket);
  if (state == nullptr || !state->open) return false;
  if (random_.Percent(faults.send_refused)) {
    ++counters_.sends_refused;
    return false;
  }
  Parcel parcel;
  parcel.text = text;
  Up(socket, std::move(parcel));
  return true;
}

void SimulatedLink::Ping(std::uint32_t socket) {
  Parcel parcel;
  parcel.way = Way::kPing;
  if (Find(socket) != nullptr) Up(socket, std::move(parcel));
}

void SimulatedLink::Close(std::uint32_t socket) {
  const auto found = sockets_.find(socket);
  if (found == sockets_.end()) return;
  Parcel bye;
  bye.way = Way::kBye;
  bye.socket = socket;
  // A half-open socket's end never arrives.
  const bool told = !found->second.stalled && !found->second.gone;
  if (told) At(std::max(found->second.last_up_ns, elapsed_ns_ + Latency()), std::move(bye));
  sockets_.erase(found);
}

void SimulatedLink::Get(std::uint64_t request, std::string_view url, std::int64_t timeout_ms) {
  Parcel parcel;
  parcel.request = request;
  if (random_.Percent(faults.request_lost)) {
    ++counters_.requests_lost;
    parcel.way = Way::kAnswer;
    parcel.text = "connection reset";
    return At(elapsed_ns_ + Latency(), std::move(parcel));
  }
  parcel.way = Way::kRequest;
  parcel.text = Target(url);
  parcel.timeout_ns = elapsed_ns_ + timeout_ms * kMs;
  At(elapsed_ns_ + Latency(), std::move(parcel));
}

// --- The venue's side.

void SimulatedLink::Send(sim::ConnectionId connection, const sim::VenueText& text) {
  Parcel parcel;
  parcel.way = Way::kFrame;
  parcel.frame = text;
  Down(static_cast<std::uint32_t>(connection), std::move(parcel));
}

void SimulatedLink::Ping(sim::ConnectionId connection, std::string_view payload) {
  Parcel parcel;
  parcel.way = Way::kSign;
  parcel.text = payload;  // to be echoed
  Down(static_cast<std::uint32_t>(connection), std::move(parcel));
}

void SimulatedLink::Close(sim::ConnectionId connection, std::uint16_t code,
                          std::string_view reason) {
  Parcel parcel;
  parcel.way = Way::kEnded;
  parcel.text = "closed by the venue: " + std::to_string(code) + " " + std::string(reason);
  Down(static_cast<std::uint32_t>(connection), std::move(parcel));
  if (Socket* const state = Find(static_cast<std::uint32_t>(connection))) state->gone = true;
}

void SimulatedLink::Drop(sim::ConnectionId connection) {
  const auto socket = static_cast<std::uint32_t>(connection);
  Socket* const state = Find(socket);
  if (state == nullptr) return;
  ++counters_.cut;
  state->gone = true;
  if (state->stalled) return;  // nobody hears of it
  if (random_.Percent(50)) {   // a reset overtakes what is in flight
    for (auto each = parcels_.begin(); each != parcels_.end();) {
      const bool lost = each->second.socket == socket && each->second.way == Way::kFrame;
      counters_.frames_lost += lost ? 1 : 0;
      each = lost ? parcels_.erase(each) : std::next(each);
    }
  }
  Parcel parcel;
  parcel.way = Way::kEnded;
  parcel.text = "connection reset";
  Down(socket, std::move(parcel));
}

void SimulatedLink::Cut(std::uint32_t socket) {
  Drop(sim::ConnectionId{socket});
  venue_->OnClosed(sim::ConnectionId{socket}, venue_ms());
}

void SimulatedLink::Stall(sim::ConnectionId connection) {
  ++counters_.stalled;
  if (Socket* const state = Find(static_cast<std::uint32_t>(connection))) state->stalled = true;
}

void SimulatedLink::Hush(sim::ConnectionId connection) {
  ++counters_.hushed;
  if (Socket* const state = Find(static_cast<std::uint32_t>(connection))) state->hushed = true;
}

// --- Time.

void SimulatedLink::Step(detail::VenueEvents& events, std::int64_t next_tick_ns,
                         std::int64_t until_ms) {
  std::int64_t to_ns = until_ms * kMs;
  if (!parcels_.empty()) to_ns = std::min(to_ns, parcels_.begin()->first);
  const std::int64_t venue_tick = venue_->next_tick_ms();
  if (venue_tick != sim::BinanceVenue::kNoTick) {
    to_ns = std::min(to_ns, venue_tick * kMs - start_unix_ns_);
  }
  if (next_tick_ns != BinanceFeed::kNoTick) to_ns = std::min(to_ns, next_tick_ns - kStartNs);
  if (to_ns > elapsed_ns_) {
    clock_.Advance(std::chrono::nanoseconds(to_ns - elapsed_ns_));
    elapsed_ns_ = to_ns;
  }
  venue_->OnTick(venue_ms());
  while (!parcels_.empty() && parcels_.begin()->first <= elapsed_ns_) {
    Parcel parcel = std::move(parcels_.begin()->second);
    parcels_.erase(parcels_.begin());
    Arrive(parcel, events);
  }
}

void SimulatedLink::Arrive(Parcel& parcel, detail::VenueEvents& events) {
  if (parcel.way == Way::kAnswer) {
    detail::VenueAnswer answer;
    answer.status = parcel.status;
    (parcel.status == 0 ? answer.error : answer.body) = parcel.text;
    std::vector<detail::VenueHeader> headers;
    for (const auto& [name, value] : parcel.headers) headers.push_back({name, value});
    answer.headers = headers;
    if (answered && parcel.status != 0) answered(parcel.target, parcel.status, parcel.text);
    return events.OnAnswer(parcel.request, Now(), answer);
  }
  if (parcel.way == Way::kBye) return venue_->OnClosed(parcel.socket, venue_ms());
  if (parcel.way == Way::kRequest) return AnswerRequest(parcel);
  Socket* const state = Find(parcel.socket);
  if (state == nullptr) return;  // closed by the session meanwhile
  switch (parcel.way) {
    case Way::kOpened:
      state->open = true;
      return events.OnOpen(parcel.socket, Now());
    case Way::kFrame:
      ++counters_.frames;
      return events.OnFrame(parcel.socket, Now(), *parcel.frame);
    case Way::kSign: {
      Parcel pong;
      pong.way = Way::kPong;
      pong.text = parcel.text;
      if (!parcel.text.empty()) Up(parcel.socket, std::move(pong));
      return events.OnSignOfLife(parcel.socket, Now());
    }
    case Way::kRefused:
    case Way::kEnded: {
      const std::uint32_t socket = parcel.socket;
      sockets_.erase(socket);
      return events.OnClosed(socket, Now(), parcel.text);
    }
    default:
      return ArriveAtVenue(parcel);
  }
}

void SimulatedLink::ArriveAtVenue(Parcel& parcel) {
  Socket& state = sockets_[parcel.socket];
  if (state.stalled || state.gone) return;
  const auto connection = sim::ConnectionId{parcel.socket};
  Parcel back;
  switch (parcel.way) {
    case Way::kConnect: {
      const int status = venue_->Accept(connection, parcel.text, venue_ms());
      back.way = status == 101 ? Way::kOpened : Way::kRefused;
      back.text = "HTTP " + std::to_string(status);
      return Down(parcel.socket, std::move(back));
    }
    case Way::kText:
      return venue_->OnText(connection, parcel.text, venue_ms());
    case Way::kPong:
      return venue_->OnPong(connection, parcel.text, venue_ms());
    case Way::kPing:
      venue_->OnPing(connection, venue_ms());
      if (state.hushed) return;
      back.way = Way::kSign;
      return Down(parcel.socket, std::move(back));
    default:
      return;
  }
}

void SimulatedLink::AnswerRequest(const Parcel& parcel) {
  const sim::RestAnswer answer = venue_->OnRequest(parcel.text, venue_ms());
  Parcel back;
  back.way = Way::kAnswer;
  back.request = parcel.request;
  const std::int64_t due = elapsed_ns_ + answer.delay_ms * kMs + Latency();
  if (answer.no_answer || due > parcel.timeout_ns) {
    ++counters_.timeouts;
    back.text = "no answer in time";
    return At(std::max(parcel.timeout_ns, elapsed_ns_), std::move(back));
  }
  if (answer.truncate_at < answer.body->size()) {
    ++counters_.truncated;
    back.text = "the body ended early";
    return At(due, std::move(back));
  }
  back.status = answer.status;
  back.text = *answer.body;
  back.target = parcel.text;
  for (const auto& [name, value] : answer.headers) back.headers.emplace_back(Lower(name), value);
  At(due, std::move(back));
}

}  // namespace virtufin::test
