// One request of an HttpClient as libcurl sees it.
#pragma once

#include <curl/curl.h>

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "net/gunzip.hpp"
#include "net/http_client.hpp"
#include "net/url.hpp"

namespace virtufin::inline v0::net {

struct CurlDeleter {
  void operator()(CURL* easy) const noexcept { curl_easy_cleanup(easy); }
  void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};
using SlistPtr = std::unique_ptr<curl_slist, CurlDeleter>;

class OptionSetter;

/// On the client's thread; its address does not change while libcurl has it.
class HttpTransfer {
 public:
  HttpTransfer(HttpRequestId id, HttpRequest request, HttpClient::Done done);

  /// Errors: INVALID_ARGUMENT naming what is wrong with the request.
  Status Check();
  /// Makes the handle. `addresses` are those of the host; empty: it is one itself.
  /// Errors: INTERNAL when libcurl refuses an option.
  Status Prepare(const HttpClientOptions& options, const std::string& ca_pem,
                 const std::vector<std::string>& addresses, std::int64_t timeout_ms);
  /// Gives the answer, once.
  void Finish(CURLcode code);
  void Fail(Status error);

  HttpRequestId id() const noexcept { return id_; }
  CURL* easy() const noexcept { return easy_.get(); }
  const Url& url() const noexcept { return url_; }
  const HttpRequest& request() const noexcept { return request_; }

 private:
  Status SetOptions(const HttpClientOptions& options, const std::string& ca_pem,
                    const std::vector<std::string>& addresses, std::int64_t timeout_ms);
  void SetAddresses(OptionSetter& set, const std::vector<std::string>& addresses);
  Status SetBody();
  Status ErrorOf(CURLcode code) const;
  bool BodyIsWhole() const;
  bool LeavesOrigin(const std::string& location) const;
  std::size_t TakeHeader(std::string_view line);
  std::size_t TakeBody(std::string_view piece);
  static std::size_t OnHeader(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t OnBody(char* data, std::size_t size, std::size_t count, void* self);

  HttpRequestId id_;
  HttpRequest request_;
  HttpClient::Done done_;
  Url url_;
  std::string shown_;  // redacted
  std::unique_ptr<CURL, CurlDeleter> easy_;
  SlistPtr headers_, resolve_, connect_to_;
  std::array<char, CURL_ERROR_SIZE> error_text_{};
  HttpResponse response_;
  std::size_t header_bytes_ = 0;
  std::string over_;  // which limit was reached
  std::string bad_;   // what is wrong with the answer
  bool header_whole_ = false;
  std::optional<Gunzip> gunzip_;
};

}  // namespace virtufin::inline v0::net
