// A fetcher whose names a test resolves and whose public addresses are all one local server.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "support/scripted_peer.hpp"
#include "workmanager/fetch/url_fetcher.hpp"

namespace virtufin::test {

inline std::string WithLength(const std::string& body, const std::string& status = "200 OK",
                              const std::string& headers = {}) {
  return "HTTP/1.1 " + status + "\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

inline std::string Redirect(const std::string& location, const std::string& status = "302 Found") {
  return WithLength("gone", status, "Location: " + location + "\r\n");
}

/// What was resolved and connected to, and what requests came; used by many threads.
class LocalNetwork {
 public:
  using Addresses = std::vector<std::string>;

  /// The answers to one name, one a lookup; the last stays.
  void Name(const std::string& host, std::vector<Addresses> answers) {
    std::lock_guard lock(mutex_);
    names_[host] = std::move(answers);
  }
  detail::FetchNetwork Network() {
    return {[this](const std::string& host) { return Lookup(host); },
            [this](const std::string& address) {
              std::lock_guard lock(mutex_);
              connected_.push_back(address);
              return std::string("127.0.0.1");
            }};
  }
  /// Reads one request, keeps it, and sends what `answer` makes of its target.
  ScriptedPeer::Script Answering(std::function<std::string(const std::string& target)> answer) {
    return [this, answer = std::move(answer)](PeerLink& link, int) {
      const std::string request = link.ReadUntil("\r\n\r\n");
      if (request.empty()) return;  // who it is talked the client out of it
      {
        std::lock_guard lock(mutex_);
        requests_.push_back(request);
      }
      const std::size_t begin = request.find(' ') + 1;
      link.Write(answer(request.substr(begin, request.find(' ', begin) - begin)));
    };
  }
  std::vector<std::string> Take(std::vector<std::string> LocalNetwork::*what) {
    std::lock_guard lock(mutex_);
    return std::exchange(this->*what, {});
  }
  std::vector<std::string> lookups() { return Take(&LocalNetwork::lookups_); }
  std::vector<std::string> connected() { return Take(&LocalNetwork::connected_); }
  std::vector<std::string> requests() { return Take(&LocalNetwork::requests_); }

 private:
  Result<Addresses> Lookup(const std::string& host) {
    std::lock_guard lock(mutex_);
    lookups_.push_back(host);
    const auto found = names_.find(host);
    if (found == names_.end()) {
      return Status(StatusCode::kUnavailable, "net", "cannot resolve " + host + ": no such name");
    }
    Addresses answer = found->second.front();
    if (found->second.size() > 1) found->second.erase(found->second.begin());
    return answer;
  }

  std::mutex mutex_;
  std::map<std::string, std::vector<Addresses>> names_;
  std::vector<std::string> lookups_, connected_, requests_;
};

inline std::unique_ptr<detail::UrlFetcher> Fetcher(LocalNetwork& network,
                                                   const UrlFetcherOptions& options = {}) {
  auto fetcher = detail::UrlFetcher::Create(options, network.Network());
  REQUIRE_MESSAGE(fetcher.ok(), fetcher.status().ToString());
  return std::move(*fetcher);
}

struct Fetched {
  StatusCode code = StatusCode::kOk;
  std::string text;  // the body, or the message
};

inline Fetched Fetch(CodeFetcher& fetcher, const std::string& url,
                     SourceCredential credential = {}) {
  CodeSource source;
  source.url = url;
  source.credential = std::move(credential);
  const auto code = fetcher.Fetch(source);
  if (code.ok()) return {StatusCode::kOk, std::string(code->begin(), code->end())};
  CHECK(code.status().component() == "workmanager");
  return {code.status().code(), std::string(code.status().message())};
}

inline bool Has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// "{P}" becomes the port of `peer`.
inline std::string AtPort(std::string text, const ScriptedPeer& peer) {
  for (std::size_t at; (at = text.find("{P}")) != std::string::npos;) {
    text.replace(at, 3, std::to_string(peer.port()));
  }
  return text;
}

}  // namespace virtufin::test
