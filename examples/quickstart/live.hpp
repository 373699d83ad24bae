// The quickstart live: simulated venue -> sockets -> adapter -> bus -> worker -> viewer.
#pragma once

#include "arguments.hpp"

namespace quickstart {

/// The exit code: 0 when all books are live at the end, and equal between the adapter's events, the
/// worker and the venue.
int RunLive(const Arguments& arguments);

}  // namespace quickstart
