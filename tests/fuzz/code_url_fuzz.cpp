// Any text as an address of code, as a redirect and as a host of a list: what is taken is read by
// the C library and by libcurl as it was judged.
#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "fuzz/check.hpp"
#include "workmanager/fetch/code_url.hpp"

namespace {

using namespace virtufin;
using namespace virtufin::detail;

/// Host and port as libcurl reads them.
void CheckCurlAgrees(const CodeUrl& code) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), &curl_url_cleanup);
  FUZZ_CHECK(parsed != nullptr);
  const std::string text = code.Text();
  if (curl_url_set(parsed.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return;
  const auto part = [&](CURLUPart what) {
    char* value = nullptr;
    const CURLUcode error = curl_url_get(parsed.get(), what, &value, CURLU_DEFAULT_PORT);
    const std::string out = error == CURLUE_OK ? value : "";
    curl_free(value);
    return out;
  };
  const std::string host =
      code.literal && code.literal->v6 ? "[" + code.url.host + "]" : code.url.host;
  FUZZ_CHECK(part(CURLUPART_HOST) == host);
  FUZZ_CHECK(part(CURLUPART_PORT) == std::to_string(code.url.port));
  FUZZ_CHECK(part(CURLUPART_SCHEME) == code.url.scheme);
  FUZZ_CHECK(part(CURLUPART_USER).empty());
}

void CheckTaken(const CodeUrl& code) {
  FUZZ_CHECK(code.url.scheme == "http" || code.url.scheme == "https");
  FUZZ_CHECK(code.url.userinfo.empty() && !code.url.host.empty() && code.url.port != 0);
  for (const char c : code.Text()) FUZZ_CHECK(static_cast<unsigned char>(c) > ' ' && c != '#');
  if (code.literal) {
    FUZZ_CHECK(ParseAddress(code.url.host) == code.literal);
  } else {
    in_addr v4{};
    FUZZ_CHECK(inet_aton(code.url.host.c_str(), &v4) == 0);
    FUZZ_CHECK(code.url.host.find_first_of(":%[]@\\/") == std::string::npos);
  }
  const Result<CodeUrl> again = ParseCodeUrl(code.Text());
  FUZZ_CHECK(again.ok() && again->Text() == code.Text() && again->literal == code.literal);
  CheckCurlAgrees(code);
}

/// What the system has a name for is inside; an IPv4 address is judged alike in its IPv6 coats.
void CheckAddress(const std::uint8_t* bytes) {
  in6_addr v6{};
  std::copy(bytes, bytes + 16, v6.s6_addr);
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(AF_INET6, &v6, text, sizeof(text));
  const auto address = ParseAddress(text);
  FUZZ_CHECK(address && address->v6 && address->Text() == text);
  const AddressRange* const range = InsideRange(*address);
  if (IN6_IS_ADDR_UNSPECIFIED(&v6) || IN6_IS_ADDR_LOOPBACK(&v6) || IN6_IS_ADDR_LINKLOCAL(&v6) ||
      IN6_IS_ADDR_SITELOCAL(&v6) || IN6_IS_ADDR_MULTICAST(&v6) || (bytes[0] & 0xfe) == 0xfc ||
      IN6_IS_ADDR_V4COMPAT(&v6)) {
    FUZZ_CHECK(range != nullptr);
  }
  const IpAddress v4{false, 0, address->low & 0xffff'ffff};
  FUZZ_CHECK(ParseAddress(v4.Text()) == v4);
  FUZZ_CHECK(InsideRange(v4) == InsideRange({true, 0, 0x0000'ffff'0000'0000 | v4.low}));
  FUZZ_CHECK(InsideRange(v4) == InsideRange({true, 0x0064'ff9b'0000'0000, v4.low}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const Result<CodeUrl> code = ParseCodeUrl(text); code.ok()) {
    CheckTaken(*code);
  } else {
    FUZZ_CHECK(code.status().code() == StatusCode::kInvalidArgument ||
               code.status().code() == StatusCode::kPermissionDenied);
  }
  const CodeUrl base = ParseCodeUrl("https://base.test:8443/a/b?c").value();
  if (const Result<CodeUrl> next = FollowLocation(base, text); next.ok()) CheckTaken(*next);
  if (const Result<HostList> list = HostList::Parse({text}); list.ok()) {
    const bool bare = text.find(':') != text.rfind(':') && text[0] != '[';
    const Result<CodeUrl> url = ParseCodeUrl("http://" + (bare ? "[" + text + "]" : text));
    FUZZ_CHECK(url.ok() && list->Contains(url->url));
  }
  if (size >= 16) CheckAddress(data);
  return 0;
}
