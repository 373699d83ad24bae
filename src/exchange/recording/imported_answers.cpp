// Which recorded answer fits which request.
#include "exchange/recording/imported_answers.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "net/url.hpp"

namespace virtufin::inline v0::detail {
namespace {

/// Path and parameters in order, without host and `limit`: "/api/v3/depth?symbol=BTCUSDT".
std::string RequestOf(std::string_view url) {
  const auto host = url.find("://");
  const auto path = host == url.npos ? url.npos : url.find('/', host + 3);
  if (path == url.npos) return {};
  url.remove_prefix(path);
  const auto query = std::min(url.find('?'), url.size());
  std::string request(url.substr(0, query));
  url.remove_prefix(std::min(query + 1, url.size()));
  std::vector<std::string> parameters;
  while (!url.empty()) {
    const std::size_t end = std::min(url.find('&'), url.size());
    const std::string_view one = url.substr(0, end);
    if (!one.empty() && !one.starts_with("limit=")) parameters.push_back(net::PercentDecode(one));
    url.remove_prefix(std::min(end + 1, url.size()));
  }
  std::sort(parameters.begin(), parameters.end());
  for (const std::string& one : parameters) {
    request.append(request.find('?') == request.npos ? "?" : "&").append(one);
  }
  return request;
}

}  // namespace

Status ImportedAnswers::Read(const std::string& path, Problems& problems) {
  auto lines = LineReader::Open(path, problems);
  if (!lines.ok()) return lines.status();
  for (RecordedLine line; lines->Next(line);) {
    const std::string request = RequestOf(line.url);
    if (line.kind != RecordedLine::Kind::kAnswer || request.empty()) {
      problems.Add(path, line.number,
                   "expected '<url> -> <unix seconds>: <body>' with an address and its path");
      continue;
    }
    if (first_url_.empty()) first_url_ = line.url;
    auto& like = by_request_[request];
    const auto later = std::upper_bound(
        like.begin(), like.end(), line.unix_ns,
        [](std::int64_t at, const ImportedAnswer& one) { return at < one.unix_ns; });
    like.insert(later, {std::string(line.body), line.unix_ns, path, line.number});
  }
  return {};
}

bool ImportedAnswers::HasInstruments() const noexcept {
  return std::any_of(by_request_.begin(), by_request_.end(), [](const auto& one) {
    return one.first.find("/exchangeInfo") != one.first.npos;
  });
}

const ImportedAnswer* ImportedAnswers::Find(std::string_view url) const {
  const auto like = by_request_.find(RequestOf(url));
  return like == by_request_.end() || like->second.empty() ? nullptr : &like->second.front();
}

ImportedAnswer ImportedAnswers::Take(std::string_view url) {
  auto& like = by_request_.find(RequestOf(url))->second;
  ImportedAnswer taken = std::move(like.front());
  like.pop_front();
  return taken;
}

}  // namespace virtufin::inline v0::detail
