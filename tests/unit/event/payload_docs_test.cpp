// The page of events says what the lists of members say.
#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <regex>
#include <string>
#include <vector>

#include "virtufin/event/payload.hpp"

using namespace virtufin;

namespace {

/// The cells of each row of a table whose first cell is a name in code.
std::map<std::string, std::vector<std::string>> Rows() {
  std::ifstream file(VIRTUFIN_EVENTS_PAGE);
  std::map<std::string, std::vector<std::string>> rows;
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("| `", 0) != 0) continue;
    std::vector<std::string> cells;
    for (std::size_t at = 2; at < line.size();) {
      const std::size_t end = line.find(" |", at);
      if (end == std::string::npos) break;
      cells.push_back(line.substr(at, end - at));
      at = end + 3;
    }
    if (cells.size() == 4) rows[cells[0]] = cells;
  }
  return rows;
}

std::string Code(std::string_view text) { return "`" + std::string(text) + "`"; }

/// "bids, depth?" of a cell: what is in code outside of parentheses.
std::string Members(std::string cell) {
  cell = std::regex_replace(cell, std::regex("\\([^)]*\\)"), "");
  std::string code;
  bool inside = false;
  for (const char c : cell) {
    if (c == '`') {
      inside = !inside;
    } else if (inside && c != '[' && c != ']' && c != '{' && c != '}') {
      code += c;
    }
  }
  return code;
}

}  // namespace

TEST_CASE("the page of events lists each payload with its topic, type and members") {
  const auto rows = Rows();
  CHECK(rows.size() >= kPayloadKinds);
  for (const PayloadInfo& info : AllPayloads()) {
    CAPTURE(std::string(info.name));
    const auto row = rows.find(Code(info.name));
    REQUIRE(row != rows.end());
    REQUIRE(row->second.size() == 4);
    CHECK(row->second[1].rfind(Code(info.topic), 0) == 0);
    const std::string open = info.open_type.empty() ? "" : ", " + Code(info.open_type);
    CHECK(row->second[2] == Code(info.type) + open);
    std::string members;
    for (const PayloadField& field : info.fields) {
      members += (members.empty() ? "" : ", ") + std::string(field.name);
      if (!field.required) members += "?";
    }
    CHECK(Members(row->second[3]) == members);
  }
}
