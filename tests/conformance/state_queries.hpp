// The part of the StateStore suite that asks queries: filters, orders, pages and what is refused.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "virtufin/state/state_store.hpp"

namespace virtufin::test {

/// The keys that a query finds, joined by spaces; or its error.
inline std::string Ask(StateStore& store, std::string_view query, std::size_t limit = 0) {
  auto page = store.Query("s", query, limit);
  if (!page.ok()) return page.status().ToString();
  std::string keys;
  for (const StateItem& item : page->items) keys += (keys.empty() ? "" : " ") + item.key;
  return keys;
}

/// Records of all types under one member, `v`.
inline void FillForQueries(StateStore& store) {
  const std::pair<const char*, const char*> records[] = {
      {"big", R"({"v":9007199254740993})"},
      {"big2", R"({"v":9007199254740992})"},
      {"cut", R"({"v":1)"},
      {"deep", R"({"m":{"world":"act","n":{"x":[1,{"y":2}]}}})"},
      {"hyp", R"({"m":{"world":"hyp.x"},"v":null})"},
      {"int", R"({"v":1,"w":2})"},
      {"list", R"({"v":[1,2]})"},
      {"min", R"({"v":-3})"},
      {"no", R"({"v":false})"},
      {"plain", "plain text"},
      {"real", R"({"v":1.5,"w":1})"},
      {"text.a", R"({"v":"10"})"},
      {"text.b", R"({"v":"9","key":"shadowed"})"},
      {"yes", R"({"v":true})"},
      {"\xc3\xa4", R"({"v":"\u00e4"})"},
  };
  for (const auto& [key, value] : records) REQUIRE(store.Set("s", key, value).ok());
  REQUIRE(store.Set("other", "int", R"({"v":1})").ok());
}

// Pins ST-10.
TEST_CASE_TEMPLATE_DEFINE("a filter finds the records that match", Driver, state_suite_filters) {
  Driver driver;
  StateStore& store = driver.store();
  FillForQueries(store);
  const std::string all =
      "big big2 cut deep hyp int list min no plain real text.a text.b yes \xc3\xa4";
  struct Case {
    const char* filter;
    std::string found;
  };
  const Case cases[] = {
      {"{}", all},
      {R"({"EQ":{"v":1}})", "int"},
      {R"({"EQ":{"v":1.0}})", "int"},
      {R"({"EQ":{"v":"1"}})", ""},
      {R"({"EQ":{"v":9007199254740993}})", "big"},
      {R"({"EQ":{"v":null}})", "hyp"},
      {R"({"EQ":{"v":true}})", "yes"},
      {R"({"EQ":{"v":[1,2]}})", "list"},
      {R"({"EQ":{"v":"ä"}})", "\xc3\xa4"},
      {R"({"EQ":{"missing":null}})", ""},
      {R"({"NEQ":{"m.world":"act"}})",
       "big big2 cut hyp int list min no plain real text.a text.b yes \xc3\xa4"},
      {R"({"GT":{"v":1}})", "big big2 real"},
      {R"({"GTE":{"v":1}})", "big big2 int real"},
      {R"({"GT":{"v":9007199254740992}})", "big"},
      {R"({"GT":{"v":9007199254740992.0}})", "big"},
      {R"({"LT":{"v":1.5}})", "int min"},
      {R"({"LTE":{"v":1.5}})", "int min real"},
      {R"({"LT":{"v":"9"}})", "text.a"},  // text, byte by byte
      {R"({"GTE":{"v":false}})", "no yes"},
      {R"({"IN":{"v":[-3,"9",true,5]}})", "min text.b yes"},
      {R"({"IN":{"v":[]}})", ""},
      {R"({"IN":{"key":["int","nothing","yes"]}})", "int yes"},
      {R"({"PREFIX":{"m.world":"hyp."}})", "hyp"},
      {R"({"PREFIX":{"v":""}})", "text.a text.b \xc3\xa4"},
      {R"({"PREFIX":{"key":"text."}})", "text.a text.b"},
      {R"({"EQ":{"key":"int"}})", "int"},
      {R"({"EQ":{"key":"in"}})", ""},
      {R"({"GTE":{"key":"text.b"}})", "text.b yes \xc3\xa4"},
      {R"({"EQ":{"m.n.x":[1,{"y":2}]}})", "deep"},
      {R"({"EQ":{"m.n.x.y":2}})", ""},
      {R"({"AND":[{"GT":{"v":0}},{"LT":{"v":2}}]})", "int real"},
      {R"({"AND":[{"PREFIX":{"key":"t"}},{"PREFIX":{"key":"text.b"}}]})", "text.b"},
      {R"({"OR":[{"EQ":{"key":"yes"}},{"AND":[{"EQ":{"w":1}},{"EQ":{"v":1.5}}]}]})", "real yes"},
      {R"({"AND":[{}]})", all},
  };
  for (const Case& c : cases) {
    CAPTURE(std::string(c.filter));
    CHECK(Ask(store, R"({"filter":)" + std::string(c.filter) + "}") == c.found);
  }
  CHECK(Ask(store, "") == all);
  CHECK(Ask(store, " { } ") == all);
  auto page = store.Query("s", R"({"filter":{"EQ":{"key":"int"}}})");
  REQUIRE(page->items.size() == 1);
  CHECK(page->items[0].value == R"({"v":1,"w":2})");
  CHECK(page->items[0].etag == store.Get("s", "int")->etag);
}

// Pins ST-11.
TEST_CASE_TEMPLATE_DEFINE("sorting goes by kind, then by value, then by key", Driver,
                          state_suite_sorts) {
  Driver driver;
  StateStore& store = driver.store();
  FillForQueries(store);
  const auto sorted = [&](std::string_view sort) {
    return Ask(store, R"({"sort":)" + std::string(sort) + "}");
  };
  CHECK(sorted(R"([{"key":"v"}])") ==
        "cut deep plain hyp no yes min int real big2 big text.a text.b \xc3\xa4 list");
  CHECK(sorted(R"([{"key":"v","order":"DESC"}])") ==
        "list \xc3\xa4 text.b text.a big big2 real int min yes no hyp cut deep plain");
  CHECK(sorted(R"([{"key":"key","order":"DESC"}])").starts_with("\xc3\xa4 yes text.b"));
  CHECK(sorted(R"([{"key":"w","order":"DESC"},{"key":"key","order":"DESC"}])")
            .starts_with("int real \xc3\xa4 yes"));
  CHECK(Ask(store, R"({"filter":{"GT":{"v":0}},"sort":[{"key":"v","order":"DESC"}],
                       "page":{"limit":2}})") == "big big2");
  // What differs only behind 512 bytes counts as equal and goes by key.
  const std::string same(512, 'x');
  REQUIRE(store.Set("s", "z1", R"({"t":")" + same + R"(2"})").ok());
  REQUIRE(store.Set("s", "z2", R"({"t":")" + same + R"(1"})").ok());
  CHECK(Ask(store, R"({"filter":{"PREFIX":{"t":"x"}},"sort":[{"key":"t"}]})") == "z1 z2");
}

/// All keys, page by page; empty when a page has another size than asked for.
inline std::vector<std::string> Walk(StateStore& store, std::string_view start, std::size_t limit) {
  std::vector<std::string> keys;
  std::string token;
  for (int pages = 0; pages < 100; ++pages) {
    const std::string query = "{" + std::string(start) + R"("page":{"limit":)" +
                              std::to_string(limit) + R"(,"token":")" + token + "\"}}";
    auto page = store.Query("s", query);
    if (!page.ok()) return {page.status().ToString()};
    for (const StateItem& item : page->items) keys.push_back(item.key);
    token = page->token;
    if (token.empty()) return keys;
    if (page->items.size() != limit) return {};
  }
  return {"no end"};
}

// Pins ST-12.
TEST_CASE_TEMPLATE_DEFINE("pages put together are the whole answer", Driver, state_suite_pages) {
  Driver driver;
  StateStore& store = driver.store();
  FillForQueries(store);
  for (const char* start :
       {"", R"("sort":[{"key":"v"}],)", R"("sort":[{"key":"v","order":"DESC"},{"key":"w"}],)",
        R"("filter":{"PREFIX":{"key":"text."}},)",
        R"("filter":{"NEQ":{"v":1}},"sort":[{"key":"v"}],)"}) {
    CAPTURE(std::string(start));
    const auto whole = Walk(store, start, 0);
    for (std::size_t limit : {1, 2, 3, 7, 100}) {
      CAPTURE(limit);
      CHECK(Walk(store, start, limit) == whole);
    }
  }
  CHECK(Ask(store, "{}", 2) == "big big2");
  CHECK(Ask(store, R"({"page":{"limit":3}})", 2) == "big big2");
  CHECK(Ask(store, R"({"page":{"limit":1}})", 2) == "big");
  auto exact = store.Query("s", R"({"page":{"limit":15}})");
  CHECK(exact->items.size() == 15);
  CHECK(exact->token.empty());

  // A record that goes or comes meanwhile moves no other one to another page.
  auto first = store.Query("s", R"({"page":{"limit":2}})");
  REQUIRE(first.ok());
  REQUIRE(store.Delete("s", "big").ok());
  REQUIRE(store.Delete("s", "big2").ok());
  REQUIRE(store.Set("s", "a", "{}").ok());
  const auto next = [&](std::string_view more) {
    return Ask(store,
               "{" + std::string(more) + R"("page":{"limit":2,"token":")" + first->token + "\"}}");
  };
  CHECK(next("") == "cut deep");
  CHECK(next(R"("filter":{"GT":{"v":0}},)").find("page.token") != std::string::npos);
  CHECK(next(R"("sort":[{"key":"v"}],)").find("page.token") != std::string::npos);
  const std::string page = R"({"page":{"limit":2,"token":")" + first->token + "\"}}";
  CHECK(store.Query("other", page).status().code() == StatusCode::kInvalidArgument);
}

// Pins ST-29.
TEST_CASE_TEMPLATE_DEFINE("an answer that would be too large ends early, or is refused", Driver,
                          state_suite_large_answers) {
  Driver driver;
  StateStore& store = driver.store();
  const std::string value(kMaxStateAnswerBytes / 4, 'x');
  std::vector<std::string> keys;
  for (int i = 0; i < 9; ++i) {
    keys.push_back(std::to_string(i));
    REQUIRE(store.Set("s", keys.back(), value).ok());
  }
  CHECK(store.GetBulk("s", keys).status().code() == StatusCode::kResourceExhausted);
  CHECK(store.GetBulk("s", std::span(keys).first(3))->size() == 3);
  const std::string descending = R"("sort":[{"key":"key","order":"DESC"}],)";
  for (const std::string& sort :
       {std::string(), std::string(R"("sort":[{"key":"key"}],)"), descending}) {
    CAPTURE(sort);
    std::vector<std::string> found;
    std::string token;
    do {
      auto page = store.Query("s", "{" + sort + R"("page":{"token":")" + token + "\"}}");
      REQUIRE(page.ok());
      REQUIRE(page->items.size() == 3);
      for (const StateItem& item : page->items) found.push_back(item.key);
      token = page->token;
    } while (!token.empty());
    if (sort == descending) std::reverse(found.begin(), found.end());
    CHECK(found == keys);
  }
  REQUIRE(store.Set("s", "0", std::string(kMaxStateValueBytes, 'x')).ok());
  CHECK(store.GetBulk("s", std::span(keys).first(1))->size() == 1);
  CHECK(store.Query("s", "{}")->items.size() == 1);
}

// Pins ST-13.
TEST_CASE_TEMPLATE_DEFINE("a query that is wrong is refused and says where", Driver,
                          state_suite_bad_queries) {
  Driver driver;
  StateStore& store = driver.store();
  FillForQueries(store);
  struct Case {
    std::string query, part;
  };
  std::string deep = "{}", wide = R"({"IN":{"v":[0)";
  for (int i = 0; i < 17; ++i) deep = R"({"AND":[)" + deep + "]}";
  for (int i = 0; i < 1100; ++i) wide += ",0";
  const Case cases[] = {
      {"[]", "object"},
      {"{", "JSON"},
      {"{} {}", "JSON"},
      {std::string(70000, ' '), "65536"},
      {R"({"filters":{}})", "'filters'"},
      {R"({"filter":[]})", "filter: expected an object"},
      {R"({"filter":{"EQ":{"a":1},"GT":{"b":1}}})", "one operator"},
      {R"({"filter":{"LIKE":{"a":1}}})", "'LIKE'"},
      {R"({"filter":{"eq":{"a":1}}})", "'eq'"},
      {R"({"filter":{"EQ":{}}})", "filter.EQ"},
      {R"({"filter":{"EQ":{"a":1,"b":2}}})", "filter.EQ"},
      {R"({"filter":{"EQ":3}})", "filter.EQ"},
      {R"({"filter":{"EQ":{"":1}}})", "path"},
      {R"({"filter":{"EQ":{"a..b":1}}})", "'a..b'"},
      {R"({"filter":{"EQ":{"a.":1}}})", "'a.'"},
      {R"({"filter":{"EQ":{"a":1,"a":2}}})", "twice"},
      {R"({"filter":{"GT":{"a":[1]}}})", "filter.GT"},
      {R"({"filter":{"LT":{"a":null}}})", "filter.LT"},
      {R"({"filter":{"IN":{"a":1}}})", "filter.IN"},
      {R"({"filter":{"PREFIX":{"a":1}}})", "filter.PREFIX"},
      {R"({"filter":{"AND":[]}})", "at least one"},
      {R"({"filter":{"OR":{"EQ":{"a":1}}}})", "filter.OR"},
      {R"({"filter":{"AND":[{"EQ":{"a":1}},{"OR":[{"GT":{"a":null}}]}]}})",
       "filter.AND[1].OR[0].GT"},
      {R"({"filter":)" + deep + "}", "deep"},
      {R"({"filter":)" + wide + "]}}}", "1024"},
      {R"({"filter":{"EQ":{"a":)" + std::string(70, '[') + std::string(70, ']') + "}}}", "depth"},
      {R"({"sort":{"key":"a"}})", "sort"},
      {R"({"sort":[{}]})", "sort[0]"},
      {R"({"sort":[{"key":"a"},{"key":3}]})", "sort[1].key"},
      {R"({"sort":[{"key":"a","order":"up"}]})", "ASC or DESC"},
      {R"({"sort":[{"key":"a","by":"b"}]})", "'by'"},
      {R"({"sort":[1,2,3,4,5,6,7,8,9]})", "at most 8"},
      {R"({"page":[]})", "page"},
      {R"({"page":{"limit":-1}})", "page.limit"},
      {R"({"page":{"limit":1.5}})", "page.limit"},
      {R"({"page":{"limit":"1"}})", "page.limit"},
      {R"({"page":{"token":1}})", "page.token"},
      {R"({"page":{"token":"zzz"}})", "page.token"},
      {R"({"page":{"token":"W10="}})", "page.token"},
      {R"({"page":{"offset":1}})", "'offset'"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.query.substr(0, 200));
    const auto page = store.Query("s", c.query);
    CHECK(page.status().code() == StatusCode::kInvalidArgument);
    CAPTURE(std::string(page.status().message()));
    CHECK(page.status().message().find(c.part) != std::string_view::npos);
  }
}

}  // namespace virtufin::test
