// What is thrown, as text. Only for the two places where foreign exceptions stop: the native bridge
// and WorkerBase.
#pragma once

#include <string>

namespace virtufin::inline v0::detail {

/// Precondition: inside a catch block.
std::string WhatWasThrown();

}  // namespace virtufin::inline v0::detail
