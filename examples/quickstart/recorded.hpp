// The quickstart on a recording: recording -> adapter -> bus -> worker -> viewer.
#pragma once

#include "arguments.hpp"

namespace quickstart {

/// The exit code: 0 when a book is live at the end, and the worker's books equal the adapter's
/// wherever one is.
int RunRecorded(const Arguments& arguments);

}  // namespace quickstart
