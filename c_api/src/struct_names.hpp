// The names of the structs that callers size, for errors.
#pragma once

#include "virtufin/virtufin.h"

namespace virtufin::inline v0::c {

/// Null: not one of them.
template <class T>
inline constexpr const char* kStructName = nullptr;
template <>
inline constexpr const char* kStructName<virtufin_option_info_t> = "virtufin_option_info_t";
template <>
inline constexpr const char* kStructName<virtufin_attribute_t> = "virtufin_attribute_t";
template <>
inline constexpr const char* kStructName<virtufin_worker_history_entry_t> =
    "virtufin_worker_history_entry_t";
template <>
inline constexpr const char* kStructName<virtufin_subscribe_options_t> =
    "virtufin_subscribe_options_t";
template <>
inline constexpr const char* kStructName<virtufin_subscription_counters_t> =
    "virtufin_subscription_counters_t";
template <>
inline constexpr const char* kStructName<virtufin_state_set_options_t> =
    "virtufin_state_set_options_t";
template <>
inline constexpr const char* kStructName<virtufin_worker_functions_t> =
    "virtufin_worker_functions_t";
template <>
inline constexpr const char* kStructName<virtufin_worker_code_t> = "virtufin_worker_code_t";
template <>
inline constexpr const char* kStructName<virtufin_worker_options_t> = "virtufin_worker_options_t";
template <>
inline constexpr const char* kStructName<virtufin_worker_info_t> = "virtufin_worker_info_t";
template <>
inline constexpr const char* kStructName<virtufin_top_of_book_t> = "virtufin_top_of_book_t";
template <>
inline constexpr const char* kStructName<virtufin_feed_info_t> = "virtufin_feed_info_t";
template <>
inline constexpr const char* kStructName<virtufin_feed_subscription_t> =
    "virtufin_feed_subscription_t";

}  // namespace virtufin::inline v0::c
