// Sets libcurl up for one request, takes its answer, and names what went wrong.
#include "net/http_transfer.hpp"

#include <algorithm>
#include <exception>

#include "net/http_message.hpp"

namespace virtufin::inline v0::net {
namespace {

Status Invalid(std::string message) {
  return Status(StatusCode::kInvalidArgument, "net", std::move(message));
}

std::string Lowered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

std::string_view Trimmed(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

StatusCode CodeOf(CURLcode code) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return StatusCode::kDeadlineExceeded;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return StatusCode::kUnauthenticated;
    case CURLE_PARTIAL_FILE:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:  // an answer that is no HTTP
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_BAD_FUNCTION_ARGUMENT:  // a header that is none
      return StatusCode::kDataLoss;
    case CURLE_TOO_MANY_REDIRECTS:
      return StatusCode::kFailedPrecondition;
    case CURLE_URL_MALFORMAT:
      return StatusCode::kInvalidArgument;
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FILESIZE_EXCEEDED:
      return StatusCode::kResourceExhausted;
    default:
      return StatusCode::kUnavailable;
  }
}

}  // namespace

/// The first error of a list of options.
class OptionSetter {
 public:
  explicit OptionSetter(CURL* easy) noexcept : easy_(easy) {}
  template <class T>
  void operator()(CURLoption option, T value) {
    if (code_ == CURLE_OK) code_ = curl_easy_setopt(easy_, option, value);
  }
  Status status() const {
    if (code_ == CURLE_OK) return Status();
    return Status(StatusCode::kInternal, "net",
                  std::string("libcurl refused an option: ") + curl_easy_strerror(code_));
  }

 private:
  CURL* easy_;
  CURLcode code_ = CURLE_OK;
};

HttpTransfer::HttpTransfer(HttpRequestId id, HttpRequest request, HttpClient::Done done)
    : id_(id), request_(std::move(request)), done_(std::move(done)), shown_(Redact(request_.url)) {}

Status HttpTransfer::Check() {
  Result<Url> url = ParseUrl(request_.url);
  if (!url.ok()) return url.status();
  url_ = std::move(*url);
  if (url_.scheme != "http" && url_.scheme != "https") {
    return Invalid("expected an http:// or https:// address, found " + url_.scheme + "://");
  }
  if (!IsToken(request_.method)) return Invalid("expected a method that is one word");
  for (const auto& [name, value] : request_.headers) {
    if (!IsToken(name)) return Invalid("expected header names of letters, digits and '-'");
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      return Invalid("expected one line as the value of the header " + name);
    }
  }
  if (request_.timeout_ms <= 0) return Invalid("expected a timeout_ms above 0");
  for (const std::string& address : request_.addresses) {
    if (!IsAddressLiteral(address)) return Invalid("expected addresses that are literals");
  }
  if (!request_.addresses.empty() && request_.max_redirects > 0) {
    return Invalid("expected no redirects of a request with addresses");
  }
  return Status();
}

Status HttpTransfer::Prepare(const HttpClientOptions& options, const std::string& ca_pem,
                             const std::vector<std::string>& addresses, std::int64_t timeout_ms) {
  easy_.reset(curl_easy_init());
  if (easy_ == nullptr) return Status(StatusCode::kInternal, "net", "libcurl gave no handle");
  if (Status s = SetOptions(options, ca_pem, addresses, timeout_ms); !s.ok()) return s;
  return SetBody();
}

Status HttpTransfer::SetOptions(const HttpClientOptions& options, const std::string& ca_pem,
                                const std::vector<std::string>& addresses,
                                std::int64_t timeout_ms) {
  OptionSetter set(easy_.get());
  set(CURLOPT_URL, request_.url.c_str());
  set(CURLOPT_PRIVATE, static_cast<void*>(this));
  set(CURLOPT_ERRORBUFFER, error_text_.data());
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_REDIR_PROTOCOLS_STR, url_.tls ? "https" : "http,https");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(timeout_ms));
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(timeout_ms));
  set(CURLOPT_FOLLOWLOCATION, request_.max_redirects > 0 ? 1L : 0L);
  set(CURLOPT_MAXREDIRS, static_cast<long>(std::max(0, request_.max_redirects)));
  set(CURLOPT_HTTP_CONTENT_DECODING, 0L);  // Gunzip does it
  set(CURLOPT_TCP_NODELAY, 1L);
  set(CURLOPT_MAXAGE_CONN, static_cast<long>(options.idle_connection_s));
  const std::string proxy = request_.addresses.empty() ? options.proxy : "";
  // Both, so that neither is taken from the environment.
  set(CURLOPT_PROXY, proxy.c_str());
  set(CURLOPT_NOPROXY, proxy.empty() ? "*" : "");
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(CURLOPT_SSL_OPTIONS, static_cast<long>(CURLSSLOPT_NO_PARTIALCHAIN));
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  if (!ca_pem.empty()) {
    curl_blob blob{const_cast<char*>(ca_pem.data()), ca_pem.size(), CURL_BLOB_NOCOPY};
    set(CURLOPT_CAINFO_BLOB, &blob);
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  }
  set(CURLOPT_HEADERFUNCTION, &OnHeader);
  set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(CURLOPT_WRITEFUNCTION, &OnBody);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  if (!addresses.empty()) SetAddresses(set, addresses);
  return set.status();
}

void HttpTransfer::SetAddresses(OptionSetter& set, const std::vector<std::string>& addresses) {
  const auto bracketed = [](const std::string& address) {
    return address.find(':') == std::string::npos ? address : "[" + address + "]";
  };
  const bool chosen = !request_.addresses.empty();
  if (chosen) {
    set(CURLOPT_FRESH_CONNECT, 1L);
    set(CURLOPT_FORBID_REUSE, 1L);
  }
  if (chosen && IsAddressLiteral(url_.host)) {
    // To libcurl such a host is its own answer; any host and port go to the first address.
    connect_to_.reset(curl_slist_append(nullptr, ("::" + bracketed(addresses[0]) + ":").c_str()));
    set(CURLOPT_CONNECT_TO, connect_to_.get());
    return;
  }
  // With '+' an entry ages, and libcurl resolves the host itself when it is too old.
  std::string entry = (chosen ? "" : "+") + url_.host + ":" + std::to_string(url_.port) + ":";
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    entry += (i == 0 ? "" : ",") + bracketed(addresses[i]);
  }
  resolve_.reset(curl_slist_append(nullptr, entry.c_str()));
  set(CURLOPT_RESOLVE, resolve_.get());
}

Status HttpTransfer::SetBody() {
  OptionSetter set(easy_.get());
  const std::string& method = request_.method;
  if (method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else if (method != "GET" || !request_.body.empty()) {
    if (method == "POST" || method == "PUT" || method == "PATCH" || !request_.body.empty()) {
      set(CURLOPT_POST, 1L);
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
      set(CURLOPT_POSTFIELDS, request_.body.data());
    }
    set(CURLOPT_CUSTOMREQUEST, method.c_str());
  }
  bool added = true;
  const auto add = [&](const std::string& line) {
    curl_slist* longer = curl_slist_append(headers_.get(), line.c_str());
    added = added && longer != nullptr;
    if (longer == nullptr) return;
    static_cast<void>(headers_.release());
    headers_.reset(longer);
  };
  add("Expect:");        // no second round trip for bodies
  add("Content-Type:");  // unless the caller names one: libcurl would call every body a form
  add("Accept-Encoding: gzip");
  for (const auto& [name, value] : request_.headers) {
    add(value.empty() ? name + ";" : name + ": " + value);
  }
  if (!added) return Status(StatusCode::kResourceExhausted, "net", "no memory for a header");
  set(CURLOPT_HTTPHEADER, headers_.get());
  return set.status();
}

std::size_t HttpTransfer::OnHeader(char* data, std::size_t size, std::size_t count, void* self) {
  return static_cast<HttpTransfer*>(self)->TakeHeader({data, size * count});
}
std::size_t HttpTransfer::OnBody(char* data, std::size_t size, std::size_t count, void* self) {
  return static_cast<HttpTransfer*>(self)->TakeBody({data, size * count});
}

// What the two return otherwise than the size ends the transfer.
std::size_t HttpTransfer::TakeHeader(std::string_view line) {
  header_bytes_ += line.size();
  if (header_bytes_ > request_.max_header_bytes) {
    over_ = "expected a header of at most " + std::to_string(request_.max_header_bytes) + " bytes";
    return 0;
  }
  if (line.starts_with("HTTP/")) {
    response_.headers.clear();  // of 100 Continue, or of a redirect
    response_.body.clear();
    gunzip_.reset();
    header_whole_ = false;
    return line.size();
  }
  if (Trimmed(line).empty()) {
    header_whole_ = true;
    const std::string encoding = Lowered(response_.Header("content-encoding"));
    if (encoding == "gzip" || encoding == "x-gzip") {
      gunzip_.emplace();
    } else if (!encoding.empty() && encoding != "identity") {
      bad_ = "expected the content encoding gzip or none";
      return 0;
    }
    return line.size();
  }
  const std::size_t colon = line.find(':');
  if (colon != std::string_view::npos) {
    response_.headers.emplace_back(Lowered(Trimmed(line.substr(0, colon))),
                                   Trimmed(line.substr(colon + 1)));
    if (request_.max_redirects > 0 && response_.headers.back().first == "location" &&
        LeavesOrigin(response_.headers.back().second)) {
      bad_ = "expected redirects to the same host";
      return 0;
    }
  }
  return line.size();
}

/// The headers of a request, which may hold keys, go to the host that they were meant for.
bool HttpTransfer::LeavesOrigin(const std::string& location) const {
  if (location.find("//") == std::string::npos) return false;  // a path
  const Result<Url> target =
      ParseUrl(location.starts_with("//") ? url_.scheme + ":" + location : location);
  return !target.ok() || target->scheme != url_.scheme || target->host != url_.host ||
         target->port != url_.port;
}

std::size_t HttpTransfer::TakeBody(std::string_view piece) {
  const std::size_t refuse = piece.empty() ? 1 : 0;
  Gunzip::Step step = Gunzip::Step::kOk;
  if (gunzip_) {
    step = gunzip_->Feed(piece, request_.max_body_bytes, response_.body);
  } else if (piece.size() > request_.max_body_bytes - response_.body.size()) {
    step = Gunzip::Step::kTooLarge;
  } else {
    response_.body += piece;
  }
  if (step == Gunzip::Step::kTooLarge) {
    over_ = "expected a body of at most " + std::to_string(request_.max_body_bytes) + " bytes";
  } else if (step == Gunzip::Step::kBad) {
    bad_ = "expected a gzip body";
  }
  return step == Gunzip::Step::kOk ? piece.size() : refuse;
}

/// libcurl takes an end of stream inside the header, and inside a packed body, for the end.
bool HttpTransfer::BodyIsWhole() const {
  return header_whole_ && (!gunzip_ || gunzip_->whole() || request_.method == "HEAD");
}

Status HttpTransfer::ErrorOf(CURLcode code) const {
  const std::string prefix = request_.method + " " + shown_ + ": ";
  if (!over_.empty()) return Status(StatusCode::kResourceExhausted, "net", prefix + over_);
  if (!bad_.empty()) return Status(StatusCode::kDataLoss, "net", prefix + bad_);
  std::string reason = curl_easy_strerror(code);
  // libcurl's own words name hosts and reasons; after a redirect they could name an address.
  if (request_.max_redirects == 0 && error_text_[0] != '\0') reason = error_text_.data();
  return Status(CodeOf(code), "net", prefix + reason);
}

void HttpTransfer::Finish(CURLcode code) {
  if (code != CURLE_OK) {
    Fail(ErrorOf(code));
    return;
  }
  if (!BodyIsWhole()) {
    bad_ = "the answer ends in the middle";
    Fail(ErrorOf(CURLE_PARTIAL_FILE));
    return;
  }
  long status = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status < 100) {
    bad_ = "expected a status from 100 to 999";
    Fail(ErrorOf(CURLE_WEIRD_SERVER_REPLY));
    return;
  }
  response_.status = static_cast<int>(status);
  try {
    if (HttpClient::Done done = std::exchange(done_, nullptr)) done(std::move(response_));
  } catch (const std::exception&) {
    // A callback's fault is the callback's; the other requests go on.
  }
}

void HttpTransfer::Fail(Status error) {
  HttpClient::Done done = std::exchange(done_, nullptr);
  if (!done) return;
  HttpResponse response;
  response.error = std::move(error);
  try {
    done(std::move(response));
  } catch (const std::exception&) {
  }
}

std::string_view HttpResponse::Header(std::string_view name) const noexcept {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

}  // namespace virtufin::inline v0::net
