// Queries: the text once into a filter, an order and a page; then records in, one page out.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "state/filter.hpp"
#include "state/query_text.hpp"
#include "virtufin/state/driver.hpp"

namespace virtufin::inline v0 {

using detail::Json;

struct StateQuery::Impl {
  detail::Filter filter;
  detail::Sorts sorts;
  std::size_t limit = 0;    // 0: none
  std::uint64_t print = 0;  // of service, filter and sort
  bool resumes = false;
  detail::Position from;  // the last record of the page before
};

Result<StateQuery> StateQuery::Parse(std::string_view service, std::string_view query,
                                     std::size_t limit) {
  auto text = detail::ReadQueryText(service, query);
  if (!text.ok()) return text.status();
  auto impl = std::make_unique<Impl>();
  impl->print = text->print;
  impl->limit = text->limit == 0 ? limit : limit == 0 ? text->limit : std::min(limit, text->limit);
  auto filter = detail::ParseFilter(std::move(text->filter));
  if (!filter.ok()) return filter.status();
  impl->filter = std::move(*filter);
  impl->sorts = std::move(text->sorts);
  if (!text->token.empty()) {
    auto from = detail::ReadToken(text->token, impl->print, impl->sorts.size());
    if (!from.ok()) return from.status();
    impl->from = std::move(*from);
    impl->resumes = true;
  }
  return StateQuery(std::move(impl));
}

StateQuery::StateQuery(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
StateQuery::StateQuery(StateQuery&&) noexcept = default;
StateQuery& StateQuery::operator=(StateQuery&&) noexcept = default;
StateQuery::~StateQuery() = default;

std::string_view StateQuery::key_prefix() const noexcept { return KeyPrefix(impl_->filter); }

std::string_view StateQuery::after_key() const noexcept {
  if (!impl_->resumes || !impl_->sorts.empty()) return {};
  return impl_->from.key;
}

struct StateQuery::Run::Impl {
  struct Found {
    detail::Position at;
    std::string value;
    std::uint64_t etag;
  };

  explicit Impl(const StateQuery::Impl& the_query) : query(the_query) {}

  bool Before(const detail::Position& a, const detail::Position& b) const {
    return detail::Before(query.sorts, a, b);
  }
  auto ByPosition() const {
    return [this](const Found& a, const Found& b) { return Before(a.at, b.at); };
  }

  const StateQuery::Impl& query;
  // In the order of keys as they came; under another order a heap with the last one on top.
  std::vector<Found> found;
  std::size_t bytes = 0;  // of their keys and values
  // The first one that has no room: nothing behind it is taken, so that the page has no hole.
  std::optional<detail::Position> end;

  bool Full(std::size_t more) const {
    return !found.empty() && ((query.limit != 0 && found.size() >= query.limit) ||
                              bytes + more > kMaxStateAnswerBytes);
  }
  void DropLast() {
    std::pop_heap(found.begin(), found.end(), ByPosition());
    bytes -= found.back().at.key.size() + found.back().value.size();
    end = std::move(found.back().at);
    found.pop_back();
  }
};

StateQuery::Run::Run(const StateQuery& query) : impl_(std::make_unique<Impl>(*query.impl_)) {}
StateQuery::Run::~Run() = default;

bool StateQuery::Run::Offer(std::string_view key, std::string_view value, std::uint64_t etag) {
  const StateQuery::Impl& query = impl_->query;
  const bool by_key = query.sorts.empty();
  auto& found = impl_->found;
  detail::RecordView record(key, value);
  if (!Matches(query.filter, record)) return true;
  detail::Position at = detail::PositionOf(query.sorts, record);
  if (query.resumes && !impl_->Before(query.from, at)) return true;
  if (impl_->end && !impl_->Before(at, *impl_->end)) return true;
  const std::size_t bytes = key.size() + value.size();
  if (by_key && impl_->Full(bytes)) {
    impl_->end = std::move(at);
    return false;
  }
  // It may be the last itself: then it takes the others' room only if it fits beside them.
  while (impl_->Full(bytes) && impl_->Before(at, found.front().at)) impl_->DropLast();
  if (impl_->Full(bytes)) {
    impl_->end = std::move(at);
    return true;
  }
  found.push_back({std::move(at), std::string(value), etag});
  impl_->bytes += bytes;
  if (!by_key) std::push_heap(found.begin(), found.end(), impl_->ByPosition());
  return true;
}

QueryPage StateQuery::Run::Finish() {
  const StateQuery::Impl& query = impl_->query;
  auto& found = impl_->found;
  if (!query.sorts.empty()) std::sort(found.begin(), found.end(), impl_->ByPosition());
  QueryPage page;
  if (impl_->end && !found.empty()) page.token = detail::WriteToken(found.back().at, query.print);
  page.items.reserve(found.size());
  for (Impl::Found& one : found) {
    page.items.push_back({std::move(one.at.key), std::move(one.value), EtagText(one.etag)});
  }
  found.clear();
  return page;
}

}  // namespace virtufin::inline v0
