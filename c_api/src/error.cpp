// The nouns error and text.
#include "guard.hpp"

namespace virtufin::inline v0::c {

virtufin_status_t Fail(const Status& status, virtufin_error_t** error) noexcept {
  // An ok status stands for exhausted memory: there is none for a text.
  if (status.ok()) return VIRTUFIN_RESOURCE_EXHAUSTED;
  if (error != nullptr) *error = new (std::nothrow) virtufin_error{status};
  return static_cast<virtufin_status_t>(status.code());
}

}  // namespace virtufin::inline v0::c

using virtufin::c::Str;

const char* virtufin_status_get_name(virtufin_status_t status) {
  return virtufin::StatusCodeName(static_cast<virtufin::StatusCode>(status)).data();  // literals
}

virtufin_status_t virtufin_error_get_code(const virtufin_error_t* error) {
  return error == nullptr ? VIRTUFIN_OK : static_cast<virtufin_status_t>(error->status.code());
}
virtufin_str_t virtufin_error_get_message(const virtufin_error_t* error) {
  return error == nullptr ? virtufin_str_t{nullptr, 0} : Str(error->status.message());
}
virtufin_str_t virtufin_error_get_component(const virtufin_error_t* error) {
  return error == nullptr ? virtufin_str_t{nullptr, 0} : Str(error->status.component());
}
void virtufin_error_free(virtufin_error_t* error) { delete error; }

virtufin_str_t virtufin_text_get(const virtufin_text_t* text) {
  return text == nullptr ? virtufin_str_t{nullptr, 0} : Str(text->text);
}
void virtufin_text_free(virtufin_text_t* text) { delete text; }
