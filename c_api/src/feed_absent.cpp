// The noun feed in a library that was built without feeds: every function says so.
#include "guard.hpp"
#include "handles.hpp"

using virtufin::c::Guard;

namespace {

virtufin_status_t Absent(virtufin_error_t** error) {
  return Guard(error, [] {
    return virtufin::Status(virtufin::StatusCode::kUnimplemented, "c_api",
                            "feeds: built without them (CMake option VIRTUFIN_WITH_FEEDS)");
  });
}

}  // namespace

virtufin_status_t virtufin_feed_start(virtufin_platform_t*, virtufin_str_t, const virtufin_pair_t*,
                                      size_t, const virtufin_pair_t*, size_t, virtufin_text_t**,
                                      virtufin_error_t** error) {
  return Absent(error);
}
virtufin_status_t virtufin_feed_subscribe(virtufin_platform_t*, virtufin_str_t, virtufin_str_t,
                                          const virtufin_str_t*, size_t, const virtufin_pair_t*,
                                          size_t, virtufin_error_t** error) {
  return Absent(error);
}
virtufin_status_t virtufin_feed_unsubscribe(virtufin_platform_t*, virtufin_str_t, virtufin_str_t,
                                            const virtufin_str_t*, size_t, const virtufin_pair_t*,
                                            size_t, virtufin_error_t** error) {
  return Absent(error);
}
virtufin_status_t virtufin_feed_republish(virtufin_platform_t*, virtufin_str_t, virtufin_str_t,
                                          const virtufin_str_t*, size_t, const virtufin_pair_t*,
                                          size_t, virtufin_error_t** error) {
  return Absent(error);
}
virtufin_status_t virtufin_feed_stop(virtufin_platform_t*, virtufin_str_t,
                                     virtufin_error_t** error) {
  return Absent(error);
}
virtufin_status_t virtufin_feed_get_top_of_book(virtufin_platform_t*, virtufin_str_t,
                                                virtufin_str_t, virtufin_top_of_book_t*,
                                                virtufin_error_t** error) {
  return Absent(error);
}
virtufin_status_t virtufin_feed_list_create(const virtufin_platform_t*, const virtufin_pair_t*,
                                            size_t, virtufin_feed_list_t**,
                                            virtufin_error_t** error) {
  return Absent(error);
}
size_t virtufin_feed_list_get_count(const virtufin_feed_list_t*) { return 0; }
virtufin_status_t virtufin_feed_list_get_info(const virtufin_feed_list_t*, size_t,
                                              virtufin_feed_info_t*, virtufin_error_t** error) {
  return Absent(error);
}
virtufin_status_t virtufin_feed_list_get_subscription(const virtufin_feed_list_t*, size_t, size_t,
                                                      virtufin_feed_subscription_t*,
                                                      virtufin_error_t** error) {
  return Absent(error);
}
void virtufin_feed_list_free(virtufin_feed_list_t*) {}
virtufin_status_t virtufin_feed_options_create(const virtufin_platform_t*, virtufin_str_t,
                                               virtufin_feed_options_t**,
                                               virtufin_error_t** error) {
  return Absent(error);
}
size_t virtufin_feed_options_get_count(const virtufin_feed_options_t*) { return 0; }
virtufin_status_t virtufin_feed_options_describe(const virtufin_feed_options_t*, size_t,
                                                 virtufin_option_info_t*,
                                                 virtufin_error_t** error) {
  return Absent(error);
}
void virtufin_feed_options_free(virtufin_feed_options_t*) {}
