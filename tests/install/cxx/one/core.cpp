// Uses core: exact decimals, and an executor that runs a task.
#include <chrono>
#include <future>

#include "virtufin/core/decimal.hpp"
#include "virtufin/core/executor.hpp"

int main() {
  using namespace virtufin;
  const auto sum = Add(*Decimal::Parse("0.1"), *Decimal::Parse("0.2"));
  if (!sum || sum->ToString() != "0.3") return 1;

  Executor executor({}, WallClock(), NullLog());
  std::promise<void> ran;
  if (!executor.Start()) return 2;
  executor.Post([&ran] { ran.set_value(); });
  ran.get_future().wait();
  return executor.Stop(std::chrono::seconds(10)).ok() ? 0 : 3;
}
