// The noun state: records, one by one, in bulk and by query.
#include "virtufin/state/state_store.hpp"

#include <vector>

#include "guard.hpp"
#include "handles.hpp"

using virtufin::SetOptions;
using virtufin::StateItem;
using virtufin::StateStore;
using virtufin::Status;
using virtufin::c::GiveHandle;
using virtufin::c::Guard;
using virtufin::c::Require;
using virtufin::c::Str;
using virtufin::c::View;

struct virtufin_state_item {
  StateItem item;
};

struct virtufin_state_page {
  std::vector<virtufin_state_item> items;
  std::string token;
};

namespace {

StateStore& Store(virtufin_platform_t* platform) { return platform->platform->state(); }

Status Read(const virtufin_state_set_options_t* given, SetOptions& options) {
  if (given == nullptr) return {};
  virtufin_state_set_options_t known{};
  if (Status status = virtufin::c::ReadStruct(given, known); !status.ok()) return status;
  if (known.create_only != 0 && known.create_only != 1) {
    return virtufin::c::Invalid("create_only: expected 0 or 1, found " +
                                std::to_string(known.create_only));
  }
  options.create_only = known.create_only == 1;
  options.etag = View(known.etag);
  options.ttl_ms = known.ttl_ms;
  return {};
}

std::vector<std::string> Keys(const virtufin_str_t* keys, std::size_t count) {
  std::vector<std::string> read;
  for (std::size_t i = 0; i < count; ++i) read.emplace_back(View(keys[i]));
  return read;
}

Status RequireKeys(const virtufin_platform_t* platform, const virtufin_str_t* keys,
                   std::size_t count) {
  Status status = Require({{"platform", platform}});
  if (status.ok() && count != 0) status = Require({{"keys", keys}});
  return status;
}

void Append(std::vector<StateItem> items, virtufin_state_page_t& page) {
  page.items.reserve(items.size());
  for (StateItem& item : items) page.items.push_back({std::move(item)});
}

void AppendKeys(std::vector<std::string> keys, virtufin_state_page_t& page) {
  for (std::string& key : keys) page.items.push_back({{std::move(key), {}, {}}});
}

/// An absent text for an absent item.
virtufin_str_t Part(const virtufin_state_item_t* item, std::string StateItem::*part) {
  return item == nullptr ? virtufin_str_t{nullptr, 0} : Str(item->item.*part);
}

}  // namespace

virtufin_status_t virtufin_state_get(virtufin_platform_t* platform, virtufin_str_t service,
                                     virtufin_str_t key, virtufin_state_item_t** item,
                                     virtufin_error_t** error) {
  return Guard(error, [&] {
    Status status = Require({{"platform", platform}, {"item", item}});
    if (!status.ok()) return status;
    return GiveHandle(item, [&](virtufin_state_item_t& handle) {
      auto found = Store(platform).Get(View(service), View(key));
      if (found.ok()) handle.item = *std::move(found);
      return found.status();
    });
  });
}

virtufin_status_t virtufin_state_set(virtufin_platform_t* platform, virtufin_str_t service,
                                     virtufin_str_t key, virtufin_str_t value,
                                     const virtufin_state_set_options_t* options,
                                     virtufin_text_t** etag, virtufin_error_t** error) {
  return Guard(error, [&] {
    SetOptions settings;
    Status status = Require({{"platform", platform}});
    if (status.ok()) status = Read(options, settings);
    if (!status.ok()) return status;
    auto text = std::make_unique<virtufin_text>();
    auto written = Store(platform).Set(View(service), View(key), View(value), settings);
    if (!written.ok()) return written.status();
    text->text = *std::move(written);
    if (etag != nullptr) *etag = text.release();
    return Status();
  });
}

virtufin_status_t virtufin_state_delete(virtufin_platform_t* platform, virtufin_str_t service,
                                        virtufin_str_t key, virtufin_str_t etag, int32_t* deleted,
                                        virtufin_error_t** error) {
  return Guard(error, [&] {
    if (Status status = Require({{"platform", platform}}); !status.ok()) return status;
    const auto done = Store(platform).Delete(View(service), View(key), View(etag));
    if (done.ok() && deleted != nullptr) *deleted = *done ? 1 : 0;
    return done.status();
  });
}

virtufin_status_t virtufin_state_get_bulk(virtufin_platform_t* platform, virtufin_str_t service,
                                          const virtufin_str_t* keys, size_t key_count,
                                          virtufin_state_page_t** page, virtufin_error_t** error) {
  return Guard(error, [&] {
    Status status = RequireKeys(platform, keys, key_count);
    if (status.ok()) status = Require({{"page", page}});
    if (!status.ok()) return status;
    return GiveHandle(page, [&](virtufin_state_page_t& handle) {
      auto found = Store(platform).GetBulk(View(service), Keys(keys, key_count));
      if (found.ok()) Append(*std::move(found), handle);
      return found.status();
    });
  });
}

virtufin_status_t virtufin_state_delete_bulk(virtufin_platform_t* platform, virtufin_str_t service,
                                             const virtufin_str_t* keys, size_t key_count,
                                             virtufin_state_page_t** page,
                                             virtufin_error_t** error) {
  return Guard(error, [&] {
    Status status = RequireKeys(platform, keys, key_count);
    if (!status.ok()) return status;
    auto gone = std::make_unique<virtufin_state_page_t>();
    auto deleted = Store(platform).DeleteBulk(View(service), Keys(keys, key_count));
    if (!deleted.ok()) return deleted.status();
    AppendKeys(*std::move(deleted), *gone);
    if (page != nullptr) *page = gone.release();
    return Status();
  });
}

virtufin_status_t virtufin_state_query(virtufin_platform_t* platform, virtufin_str_t service,
                                       virtufin_str_t query, size_t limit,
                                       virtufin_state_page_t** page, virtufin_error_t** error) {
  return Guard(error, [&] {
    Status status = Require({{"platform", platform}, {"page", page}});
    if (!status.ok()) return status;
    return GiveHandle(page, [&](virtufin_state_page_t& handle) {
      auto found = Store(platform).Query(View(service), View(query), limit);
      if (!found.ok()) return found.status();
      handle.token = std::move(found->token);
      Append(std::move(found->items), handle);
      return Status();
    });
  });
}

virtufin_str_t virtufin_state_item_get_key(const virtufin_state_item_t* item) {
  return Part(item, &StateItem::key);
}
virtufin_str_t virtufin_state_item_get_value(const virtufin_state_item_t* item) {
  return Part(item, &StateItem::value);
}
virtufin_str_t virtufin_state_item_get_etag(const virtufin_state_item_t* item) {
  return Part(item, &StateItem::etag);
}
void virtufin_state_item_free(virtufin_state_item_t* item) { delete item; }

size_t virtufin_state_page_get_count(const virtufin_state_page_t* page) {
  return page == nullptr ? 0 : page->items.size();
}
const virtufin_state_item_t* virtufin_state_page_get_item(const virtufin_state_page_t* page,
                                                          size_t index) {
  return index < virtufin_state_page_get_count(page) ? &page->items[index] : nullptr;
}
virtufin_str_t virtufin_state_page_get_token(const virtufin_state_page_t* page) {
  return page == nullptr ? virtufin_str_t{nullptr, 0} : Str(page->token);
}
void virtufin_state_page_free(virtufin_state_page_t* page) { delete page; }
