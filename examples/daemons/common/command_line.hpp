// The command line of a daemon, over the file that it names and the environment.
#pragma once

#include <optional>
#include <string>

#include "daemons/common/options.hpp"

namespace virtufin::daemon {

struct CommandLine {
  Options options;
  bool check_only = false;  // --check-config
};

/// Everything in its order. Help and version are printed, mistakes told on standard error: then the
/// exit status is set instead. `base` has the ports of the daemon.
std::optional<CommandLine> ReadCommandLine(int argc, char** argv, const char* what,
                                           const char* version, Options base, int& exit_status);

}  // namespace virtufin::daemon
