// Quickstart: an exchange's books, quotes and trades flow through adapter, bus and a native worker.
//
//   quickstart [--seconds <n>]                                        live, a simulated venue
//   quickstart --recording [<ws> <http>] [--speed max|<n>x]           a recorded session
//
// Ends with 0 when the books are live at the end and equal wherever they are kept.
#include "arguments.hpp"
#include "live.hpp"
#include "recorded.hpp"

int main(int argc, char** argv) {
  const auto arguments = quickstart::Parse(argc, argv);
  if (!arguments) return 2;
  return arguments->live ? quickstart::RunLive(*arguments) : quickstart::RunRecorded(*arguments);
}
