// What is thrown, as text.
#include "worker/thrown.hpp"

#include <exception>

namespace virtufin::inline v0::detail {

std::string WhatWasThrown() {
  try {
    throw;
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an exception of unknown type";
  }
}

}  // namespace virtufin::inline v0::detail
