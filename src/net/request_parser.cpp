// The strict rules of a request's header, on top of Beast's parser of lengths and chunks.
#include "net/request_parser.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

namespace virtufin::inline v0::net {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

// Chunk headers with extensions and trailers: what is buffered before they are complete.
constexpr std::size_t kMaxChunkHeaderBytes = std::size_t{8} * 1024;

std::string_view View(beast::string_view text) { return {text.data(), text.size()}; }

// Fills an IncomingRequest. Fields that come after the header (trailers) are dropped.
class Parser final : public http::basic_parser<true> {
 public:
  explicit Parser(IncomingRequest& request) : request_(request) { eager(false); }

 private:
  void on_request_impl(http::verb, beast::string_view method, beast::string_view target,
                       int version, beast::error_code&) override {
    request_.method = View(method);
    request_.target = View(target);
    request_.minor_version = version - 10;
  }
  void on_response_impl(int, beast::string_view, int, beast::error_code&) override {}
  void on_field_impl(http::field, beast::string_view name, beast::string_view value,
                     beast::error_code&) override {
    if (in_header_) request_.fields.push_back({std::string(View(name)), std::string(View(value))});
  }
  void on_header_impl(beast::error_code&) override { in_header_ = false; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, beast::error_code&) override {}
  std::size_t on_body_impl(beast::string_view body, beast::error_code&) override {
    request_.body.append(body.data(), body.size());
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, beast::error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body,
                                 beast::error_code&) override {
    request_.body.append(body.data(), body.size());
    return body.size();
  }
  void on_finish_impl(beast::error_code&) override {}

  IncomingRequest& request_;
  bool in_header_ = true;
};

struct Fault {
  int status;
  const char* reason;
};

// Every line ends with CRLF, is no continuation and is `token: value`.
std::optional<Fault> CheckLines(std::string_view header, const RequestLimits& limits) {
  std::size_t lines = 0;
  while (!header.empty()) {
    const std::size_t end = header.find("\r\n");
    const std::string_view line = header.substr(0, end);
    header.remove_prefix(end + 2);
    if (line.empty()) break;
    if (!IsFieldValue(line)) return Fault{400, "a control character in the header"};
    if (lines++ == 0) continue;  // the request line is Beast's
    if (lines > limits.max_fields + 1) return Fault{431, "too many header fields"};
    if (line.front() == ' ' || line.front() == '\t') return Fault{400, "a folded header line"};
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !IsToken(line.substr(0, colon))) {
      return Fault{400, "expected a field name and a colon"};
    }
  }
  return std::nullopt;
}

// Tells a client at once that would else wait for the end of a header that never ends.
bool HasBareLineFeed(std::string_view bytes, std::size_t from) {
  for (std::size_t at = bytes.find('\n', from); at != std::string_view::npos;
       at = bytes.find('\n', at + 1)) {
    if (at == 0 || bytes[at - 1] != '\r') return true;
  }
  return false;
}

// Exactly one of what may come once, and nothing that frames the body in two ways.
std::optional<Fault> CheckFraming(const IncomingRequest& request) {
  int hosts = 0;
  int lengths = 0;
  int codings = 0;
  bool chunked = true;
  bool digits = true;
  for (const HttpField& field : request.fields) {
    if (EqualsIgnoreCase(field.name, "host")) {
      ++hosts;
    } else if (EqualsIgnoreCase(field.name, "content-length")) {
      ++lengths;
      digits = digits && !field.value.empty() &&
               std::all_of(field.value.begin(), field.value.end(),
                           [](char c) { return c >= '0' && c <= '9'; });
    } else if (EqualsIgnoreCase(field.name, "transfer-encoding")) {
      ++codings;
      chunked = chunked && EqualsIgnoreCase(field.value, "chunked");
    }
  }
  if (hosts > 1) return Fault{400, "more than one Host"};
  if (hosts == 0 && request.minor_version == 1) return Fault{400, "expected a Host"};
  if (lengths > 1) return Fault{400, "more than one Content-Length"};
  if (!digits) return Fault{400, "expected a number as Content-Length"};
  if (codings > 0 && lengths > 0) return Fault{400, "Content-Length with Transfer-Encoding"};
  if (codings > 1) return Fault{400, "more than one Transfer-Encoding"};
  if (codings > 0 && request.minor_version == 0) {
    return Fault{400, "Transfer-Encoding in an HTTP/1.0 request"};
  }
  if (!chunked) return Fault{501, "expected the transfer coding chunked"};
  return std::nullopt;
}

// One member of a comma-separated list, any case.
bool HasMember(std::string_view list, std::string_view member) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view part = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    while (!part.empty() && (part.front() == ' ' || part.front() == '\t')) part.remove_prefix(1);
    while (!part.empty() && (part.back() == ' ' || part.back() == '\t')) part.remove_suffix(1);
    if (EqualsIgnoreCase(part, member)) return true;
  }
  return false;
}

bool AnyHasMember(const IncomingRequest& request, std::string_view name, std::string_view member) {
  return std::any_of(request.fields.begin(), request.fields.end(), [&](const HttpField& field) {
    return EqualsIgnoreCase(field.name, name) && HasMember(field.value, member);
  });
}

Fault FaultOf(const beast::error_code& error) {
  if (error == http::error::body_limit) return {413, "the body is too large"};
  if (error == http::error::header_limit) return {431, "the header is too large"};
  if (error == http::error::bad_version) return {505, "expected HTTP/1.0 or HTTP/1.1"};
  if (error == http::error::bad_method) return {400, "expected a method"};
  if (error == http::error::bad_target) return {400, "expected a target after the method"};
  if (error == http::error::bad_content_length) return {400, "a bad Content-Length"};
  if (error == http::error::bad_transfer_encoding) return {400, "a bad Transfer-Encoding"};
  if (error == http::error::bad_chunk || error == http::error::bad_chunk_extension) {
    return {400, "a bad chunk"};
  }
  return {400, "not an HTTP request"};
}

}  // namespace

struct RequestParser::State {
  explicit State(const RequestLimits& its_limits) : limits(its_limits) { Renew(); }

  void Renew() {
    request = IncomingRequest{};
    parser.emplace(request);
    parser->header_limit(static_cast<std::uint32_t>(limits.max_header_bytes + 1));
    parser->body_limit(limits.max_body_bytes);
    phase = Phase::kHeader;
    searched = 0;
    fault = Fault{0, ""};
    expects_continue = false;
  }
  Step Refuse(const Fault& why) {
    fault = why;
    phase = Phase::kBad;
    return Step::kBad;
  }

  Step Header(std::string_view bytes, std::size_t& used);
  Step HeaderDone();
  Step Body(std::string_view bytes, std::size_t& used);

  enum class Phase { kHeader, kBody, kDone, kBad };

  RequestLimits limits;
  IncomingRequest request;
  std::optional<Parser> parser;
  Phase phase = Phase::kHeader;
  std::size_t searched = 0;  // bytes of the header already known not to end it
  Fault fault{0, ""};
  bool expects_continue = false;
};

RequestParser::Step RequestParser::State::Header(std::string_view bytes, std::size_t& used) {
  // Empty lines before a request are skipped: some clients send one after a body.
  if (searched == 0) {
    while (bytes.size() >= 2 && bytes.substr(0, 2) == "\r\n") {
      bytes.remove_prefix(2);
      used += 2;
    }
    if (bytes.empty() || bytes == "\r") return Step::kMore;
    if (!IsToken(bytes.substr(0, 1))) return Refuse({400, "expected a method"});
  }
  const std::size_t from = searched < 3 ? 0 : searched - 3;
  const std::size_t end = bytes.find("\r\n\r\n", from);
  if (end == std::string_view::npos) {
    if (HasBareLineFeed(bytes, searched)) return Refuse({400, "a line feed without its return"});
    if (bytes.size() > limits.max_header_bytes) {
      if (bytes.find('\n') != std::string_view::npos)
        return Refuse({431, "the header is too large"});
      return Refuse({414, "the request line is too long"});
    }
    searched = bytes.size();
    return Step::kMore;
  }
  const std::string_view header = bytes.substr(0, end + 4);
  if (header.size() > limits.max_header_bytes) return Refuse({431, "the header is too large"});
  if (const auto wrong = CheckLines(header, limits)) return Refuse(*wrong);
  beast::error_code error;
  std::size_t taken = 0;
  while (taken < header.size() && !parser->is_header_done() && !error) {
    const std::size_t step =
        parser->put(boost::asio::buffer(header.data() + taken, header.size() - taken), error);
    if (step == 0) break;
    taken += step;
  }
  if (error) return Refuse(FaultOf(error));
  if (taken != header.size()) return Refuse({400, "not an HTTP request"});
  used += taken;
  return HeaderDone();
}

RequestParser::Step RequestParser::State::HeaderDone() {
  if (const auto wrong = CheckFraming(request)) return Refuse(*wrong);
  const std::string_view expect = request.Field("expect");
  if (!expect.empty() && request.minor_version == 1) {
    if (!EqualsIgnoreCase(expect, "100-continue")) {
      return Refuse({417, "expected 100-continue as Expect"});
    }
    expects_continue = !parser->is_done();
  }
  request.websocket = request.method == "GET" && request.minor_version == 1 && parser->is_done() &&
                      AnyHasMember(request, "connection", "upgrade") &&
                      AnyHasMember(request, "upgrade", "websocket") &&
                      !request.Field("sec-websocket-key").empty();
  phase = parser->is_done() ? Phase::kDone : Phase::kBody;
  return Step::kHeader;
}

RequestParser::Step RequestParser::State::Body(std::string_view bytes, std::size_t& used) {
  std::size_t taken = 0;
  while (!parser->is_done()) {
    beast::error_code error;
    const std::string_view rest = bytes.substr(taken);
    const std::size_t step =
        rest.empty() ? 0 : parser->put(boost::asio::buffer(rest.data(), rest.size()), error);
    taken += step;
    if (error == http::error::need_more || rest.empty()) {
      if (rest.size() > kMaxChunkHeaderBytes) return Refuse({400, "a chunk header is too long"});
      used += taken;
      return Step::kMore;
    }
    if (error) return Refuse(FaultOf(error));
  }
  used += taken;
  phase = Phase::kDone;
  return Step::kBody;
}

RequestParser::RequestParser(const RequestLimits& limits)
    : state_(std::make_unique<State>(limits)) {}
RequestParser::~RequestParser() = default;
RequestParser::RequestParser(RequestParser&&) noexcept = default;
RequestParser& RequestParser::operator=(RequestParser&&) noexcept = default;

RequestParser::Step RequestParser::Put(std::string_view bytes, std::size_t& used) {
  used = 0;
  switch (state_->phase) {
    case State::Phase::kHeader:
      return state_->Header(bytes, used);
    case State::Phase::kBody:
      return state_->Body(bytes, used);
    case State::Phase::kDone:
      return Step::kBody;
    case State::Phase::kBad:
      break;
  }
  return Step::kBad;
}

IncomingRequest& RequestParser::request() noexcept { return state_->request; }
bool RequestParser::has_body() const noexcept { return !state_->parser->is_done(); }
bool RequestParser::expects_continue() const noexcept { return state_->expects_continue; }
bool RequestParser::keep_alive() const noexcept { return state_->parser->keep_alive(); }
std::size_t RequestParser::body_bytes() const noexcept { return state_->request.body.size(); }
int RequestParser::status() const noexcept { return state_->fault.status; }
std::string_view RequestParser::reason() const noexcept { return state_->fault.reason; }
void RequestParser::Reset() { state_->Renew(); }

}  // namespace virtufin::inline v0::net
