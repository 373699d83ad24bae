// Uses state_sqlite: a record in a file of the current folder.
#include <cstdio>

#include "virtufin/state/sqlite.hpp"

int main() {
  using namespace virtufin;
  SqliteStoreOptions options;
  options.path = "consumer.sqlite";
  std::remove(options.path.c_str());
  const auto store = OpenSqliteStore(options, WallClock());
  if (!store || !(*store)->Set("app", "position", "1")) return 1;
  const auto item = (*store)->Get("app", "position");
  return item && item->value == "1" ? 0 : 2;
}
