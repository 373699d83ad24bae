// The noun options.
#include "guard.hpp"
#include "handles.hpp"

using virtufin::c::Guard;
using virtufin::c::View;

virtufin_options_t* virtufin_options_new(void) { return new (std::nothrow) virtufin_options; }

virtufin_status_t virtufin_options_set(virtufin_options_t* options, virtufin_str_t key,
                                       virtufin_str_t value, virtufin_error_t** error) {
  return Guard(error, [&] {
    if (options == nullptr) return virtufin::c::Missing("options");
    return options->options.Set(View(key), View(value));
  });
}

void virtufin_options_free(virtufin_options_t* options) { delete options; }
