// Uses rpc: a server that serves nothing but health and reflection, on a free port.
#include "virtufin/rpc/rpc_server.hpp"

int main() {
  using namespace virtufin;
  Executor executor({}, WallClock(), NullLog());
  const auto server = RpcServer::Create({}, {}, {executor, WallClock(), NullLog()});
  if (!server || !(*server)->Start() || (*server)->port() == 0) return 1;
  return (*server)->Stop(std::chrono::seconds(10)).ok() ? 0 : 2;
}
