// Uses workmanager_fetch: code from this very machine is refused.
#include "virtufin/workmanager/url_fetcher.hpp"

int main() {
  using namespace virtufin;
  const auto fetcher = MakeUrlFetcher({});
  if (!fetcher) return 1;
  CodeSource source;
  source.url = "http://127.0.0.1:9/worker.so";
  const auto code = (*fetcher)->Fetch(source);
  return code.status().code() == StatusCode::kPermissionDenied ? 0 : 2;
}
