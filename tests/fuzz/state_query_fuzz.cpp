// Any text for a query, and any bytes for a record's value: what is taken gives the same records
// page by page as at once.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fuzz/check.hpp"
#include "virtufin/state/driver.hpp"

using namespace virtufin;

namespace {

using Records = std::vector<std::pair<std::string, std::string>>;  // by key

/// One page, as a driver makes it.
QueryPage Answer(const StateQuery& query, const Records& records) {
  StateQuery::Run run(query);
  for (const auto& [key, value] : records) {
    if (key <= query.after_key() && !query.after_key().empty()) continue;
    if (!key.starts_with(query.key_prefix())) continue;
    if (!run.Offer(key, value, 1)) break;
  }
  return run.Finish();
}

/// The keys of all pages of at most `limit` records.
std::string Walk(std::string query, std::size_t limit, const Records& records) {
  std::string keys;
  for (std::size_t pages = 0; pages <= records.size(); ++pages) {
    const auto parsed = StateQuery::Parse("s", query, limit);
    if (!parsed.ok()) FUZZ_CHECK(query.size() > StateQuery::kMaxBytes / 2);  // grew by the token
    if (!parsed.ok()) return "too long";
    const QueryPage page = Answer(*parsed, records);
    for (const StateItem& item : page.items) keys += item.key + " ";
    if (page.token.empty()) return keys;
    FUZZ_CHECK(!page.items.empty());
    auto json = nlohmann::json::parse(query, nullptr, false);
    if (query.empty()) json = nlohmann::json::object();
    json["page"]["token"] = page.token;
    query = json.dump();
  }
  FUZZ_CHECK(!"the pages do not end");
  return keys;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line = input.find('\n');
  const std::string query(input.substr(0, line));
  const std::string value(line == input.npos ? "" : input.substr(line + 1));

  const auto parsed = StateQuery::Parse("s", query, 0);
  if (!parsed.ok()) {
    FUZZ_CHECK(parsed.status().code() == StatusCode::kInvalidArgument);
    FUZZ_CHECK(!parsed.status().message().empty());
    return 0;
  }
  const Records records = {{"a", value},
                           {"a.1", R"({"a":1,"b":{"c":"x"}})"},
                           {"b", R"({"a":1.5,"b":{"c":null},"k":[1]})"},
                           {"c", "no json"},
                           {"d", R"({"a":"1","b":true})"},
                           {"key", value}};
  const std::string whole = Walk(query, 0, records);
  for (const std::size_t limit : {1, 2, 5}) {
    const std::string pages = Walk(query, limit, records);
    FUZZ_CHECK(pages == whole || pages == "too long" || whole == "too long");
  }
  return 0;
}
