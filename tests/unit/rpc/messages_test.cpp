// Messages that must not become too large for a client.
#include "rpc/messages.hpp"

#include <doctest/doctest.h>

using namespace virtufin;

// Pins WM-43.
TEST_CASE("a history has the contents that fit, of the newest codes, and the digest of all") {
  std::vector<HistoryEntry> entries(4);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    entries[i].code_source.content.assign(std::size_t{1} << 20, std::uint8_t('a' + i));
    entries[i].sha256 = std::to_string(i);
  }
  entries[2].code_source.content.resize(std::size_t{4} << 20);
  lite::GetWorkerHistoryResponse response;
  detail::Fill(entries, response);
  REQUIRE(response.entries_size() == 4);
  CHECK(response.ByteSizeLong() < (std::size_t{4} << 20));
  for (int i = 0; i < 4; ++i) {
    CHECK(response.entries(i).sha256() == std::to_string(i));
    CHECK(response.entries(i).code_source().has_content() == (i != 2));
  }
}
