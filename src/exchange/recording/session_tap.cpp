// What of a session is written down, and what never is.
#include "exchange/recording/session_tap.hpp"

#include <algorithm>
#include <array>

#include "exchange/binance/option_values.hpp"
#include "exchange/binance/venue_answers.hpp"

namespace virtufin::inline v0::detail {
namespace {

constexpr std::array<std::string_view, 7> kNeverRecorded = {
    "stream_url", "rest_url", "public_path", "market_path", "ca_file", "ca_pem", "record_path"};

}  // namespace

bool IsNeverRecorded(std::string_view key) noexcept {
  return std::find(kNeverRecorded.begin(), kNeverRecorded.end(), key) != kNeverRecorded.end();
}

RecordedUrls::RecordedUrls(const BinanceSessionOptions& options) : rest_(options.rest_url) {
  if (options.feed.market == BinanceMarket::kSpot) {
    streams_ = {options.stream_url};
    return;
  }
  streams_ = {options.stream_url + options.public_path, options.stream_url + options.market_path};
  if (streams_[0].size() < streams_[1].size()) std::swap(streams_[0], streams_[1]);
}

std::string RecordedUrls::Relative(std::string_view url) const {
  for (const std::string& stream : streams_) {
    if (url.starts_with(stream)) return "stream:" + std::string(url.substr(stream.size()));
  }
  if (url.starts_with(rest_)) return "rest:" + std::string(url.substr(rest_.size()));
  return "other:";
}

RecordingHeader HeaderOf(const BinanceSessionOptions& options, FeedTime now) {
  RecordingHeader header;
  header.venue = BinanceVenueName(options.feed.market);
  header.market = options.feed.market;
  header.seed = options.seed;
  header.start = now;
  header.banned_until_unix_ns = options.banned_until_unix_ns;
  for (auto& [key, value] : OptionValues(options)) {
    if (!IsNeverRecorded(key)) header.options.emplace_back(key, std::move(value));
  }
  return header;
}

void SessionTap::Attach(BinanceSession& session) {
  session_ = &session;
  urls_.assign(1, RecordedUrls(session.options()));
}

void SessionTap::In(RecordKind kind, FeedTime now, std::uint32_t socket, std::uint64_t number,
                    std::initializer_list<std::string_view> payload, std::uint16_t status) {
  now_ = now;
  recorder_->Append({now, number, socket, kind, RecordDirection::kIn, status}, payload);
}

void SessionTap::Out(RecordKind kind, std::uint32_t socket, std::uint64_t number,
                     std::string_view payload, std::uint16_t status) {
  recorder_->Append({now_, number, socket, kind, RecordDirection::kOut, status}, {payload});
}

Status SessionTap::Told(Status status) {
  Out(RecordKind::kResult, 0, 0, {}, static_cast<std::uint16_t>(status.code()));
  return status;
}

// ---- what the session is given -----------------------------------------------------------------

Status SessionTap::Start(FeedTime now) {
  In(RecordKind::kStart, now);
  return Told(session_->Start(now));
}

void SessionTap::Stop(FeedTime now) {
  In(RecordKind::kStop, now);
  session_->Stop(now);
}

Result<FeedHandle> SessionTap::Subscribe(const FeedRequest& request, FeedTime now) {
  In(RecordKind::kSubscribe, now, 0, 0, {EncodeRequest(request)});
  Result<FeedHandle> handle = session_->Subscribe(request, now);
  Out(RecordKind::kResult, 0, handle.ok() ? *handle : 0, {},
      static_cast<std::uint16_t>(handle.status().code()));
  return handle;
}

Status SessionTap::Unsubscribe(FeedHandle handle, FeedTime now) {
  In(RecordKind::kUnsubscribe, now, 0, handle);
  return Told(session_->Unsubscribe(handle, now));
}

Status SessionTap::Republish(FeedHandle handle, FeedTime now) {
  In(RecordKind::kRepublish, now, 0, handle);
  return Told(session_->Republish(handle, now));
}

void SessionTap::SetBannedUntil(std::int64_t unix_ns, FeedTime now) {
  In(RecordKind::kBan, now, 0, static_cast<std::uint64_t>(unix_ns));
  session_->SetBannedUntil(unix_ns, now);
}

void SessionTap::OnOpen(std::uint32_t socket, FeedTime now) {
  In(RecordKind::kOpen, now, socket);
  session_->OnOpen(socket, now);
}

void SessionTap::OnFrame(std::uint32_t socket, FeedTime now, std::string_view text) {
  In(RecordKind::kText, now, socket, 0, {text});
  session_->OnFrame(socket, now, text);
}

void SessionTap::OnSignOfLife(std::uint32_t socket, FeedTime now) {
  In(RecordKind::kLife, now, socket);
  session_->OnSignOfLife(socket, now);
}

void SessionTap::OnClosed(std::uint32_t socket, FeedTime now, std::string_view reason) {
  In(RecordKind::kClose, now, socket, 0, {reason});
  session_->OnClosed(socket, now, reason);
}

/// Of the headers only those that the session reads: others may name whoever asked.
void SessionTap::OnAnswer(std::uint64_t request, FeedTime now, const VenueAnswer& answer) {
  RecordedAnswer kept;
  kept.error = answer.error;
  for (const VenueHeader& header : answer.headers) {
    if (IsHeaderRead(header.name)) kept.headers.emplace_back(header.name, header.value);
  }
  In(RecordKind::kHttp, now, 0, request, {EncodeAnswerHead(kept), answer.body},
     static_cast<std::uint16_t>(answer.status));
  session_->OnAnswer(request, now, answer);
}

void SessionTap::OnTick(FeedTime now) {
  In(RecordKind::kTick, now);
  session_->OnTick(now);
}

void SessionTap::OnHeld(std::int64_t held_ns, FeedTime now) {
  In(RecordKind::kHeld, now, 0, static_cast<std::uint64_t>(held_ns));
  session_->OnHeld(held_ns, now);
}

// ---- what it does ------------------------------------------------------------------------------

void SessionTap::Open(std::uint32_t socket, std::string_view url) {
  Out(RecordKind::kOpen, socket, 0, urls_.front().Relative(url));
  link_->Open(socket, url);
}

bool SessionTap::Send(std::uint32_t socket, std::string_view text) {
  const bool sent = link_->Send(socket, text);
  Out(RecordKind::kText, socket, 0, text, sent ? 1 : 0);
  return sent;
}

void SessionTap::Ping(std::uint32_t socket) {
  Out(RecordKind::kLife, socket, 0, {});
  link_->Ping(socket);
}

void SessionTap::Close(std::uint32_t socket) {
  Out(RecordKind::kClose, socket, 0, {});
  link_->Close(socket);
}

void SessionTap::Get(std::uint64_t request, std::string_view url, std::int64_t timeout_ms) {
  Out(RecordKind::kHttp, 0, request, EncodeGet(urls_.front().Relative(url), timeout_ms));
  link_->Get(request, url, timeout_ms);
}

}  // namespace virtufin::inline v0::detail
