// The noun options.
#include <algorithm>

#include "guard.hpp"
#include "handles.hpp"

using virtufin::PlatformOptions;
using virtufin::Status;
using virtufin::StatusCode;
using virtufin::c::Guard;
using virtufin::c::Require;
using virtufin::c::Str;
using virtufin::c::View;

namespace {

/// The default of a key. Errors: NOT_FOUND.
Status FindDefault(std::string_view key, std::string_view& value) {
  for (const PlatformOptions::Key& known : PlatformOptions::Keys()) {
    if (known.name != key) continue;
    value = known.default_value;
    return {};
  }
  return Status(StatusCode::kNotFound, "c_api",
                "no option '" + std::string(key) + "': virtufin_options_describe lists them");
}

}  // namespace

size_t virtufin_options_get_count(void) {
  size_t count = 0;
  Guard(nullptr, [&] {
    count = PlatformOptions::Keys().size();
    return Status();
  });
  return count;
}

virtufin_status_t virtufin_options_describe(size_t index, virtufin_option_info_t* info,
                                            virtufin_error_t** error) {
  return Guard(error, [&] {
    if (Status status = Require({{"info", info}}); !status.ok()) return status;
    const auto keys = PlatformOptions::Keys();
    if (index >= keys.size()) return virtufin::c::BadIndex(index, keys.size());
    const PlatformOptions::Key& key = keys[index];
    const virtufin_option_info_t known = {sizeof(known),          0,
                                          Str(key.name),          Str(key.description),
                                          Str(key.default_value), Str(key.values)};
    return virtufin::c::WriteStruct(known, info);
  });
}

virtufin_options_t* virtufin_options_new(void) {
  virtufin_options_t* options = nullptr;
  Guard(nullptr, [&] {
    options = new virtufin_options;
    return Status();
  });
  return options;
}

virtufin_status_t virtufin_options_set(virtufin_options_t* options, virtufin_str_t key,
                                       virtufin_str_t value, virtufin_error_t** error) {
  return Guard(error, [&] {
    if (Status status = Require({{"options", options}}); !status.ok()) return status;
    std::string text(View(value));
    auto changed = options->options;
    if (Status status = changed.Set(View(key), text); !status.ok()) return status;
    options->texts[std::string(View(key))].swap(text);
    options->options = std::move(changed);
    return Status();
  });
}

virtufin_status_t virtufin_options_get(const virtufin_options_t* options, virtufin_str_t key,
                                       virtufin_str_t* value, virtufin_error_t** error) {
  return Guard(error, [&] {
    if (Status status = Require({{"value", value}}); !status.ok()) return status;
    std::string_view text;
    if (Status status = FindDefault(View(key), text); !status.ok()) return status;
    if (options != nullptr) {
      const auto set = options->texts.find(View(key));
      if (set != options->texts.end()) text = set->second;
    }
    *value = Str(text);
    return Status();
  });
}

void virtufin_options_free(virtufin_options_t* options) { delete options; }
