// What the viewer asked the quickstart for.
#pragma once

#include <optional>
#include <string>

namespace quickstart {

struct Arguments {
  bool live = true;  // the simulated venue; else a recording
  double seconds = 20;
  std::string frames = QUICKSTART_RECORDING "/spot.ws";
  std::string answers = QUICKSTART_RECORDING "/spot.http";
  double speed = 1;  // of a recording; 0: as fast as possible
};

/// Nothing, and why on stderr, when it cannot be understood.
std::optional<Arguments> Parse(int argc, char** argv);

}  // namespace quickstart
