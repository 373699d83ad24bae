// Screen: shows the board, as a table that is drawn anew in a terminal and as lines elsewhere.
#pragma once

#include <string>
#include <vector>

#include "board.hpp"

namespace quickstart {

/// The table of a view: one line a pair below a line of titles.
std::vector<std::string> TableOf(const View& view);

class Screen {
 public:
  /// Writes to stdout. In a terminal it takes the alternate screen until Close.
  explicit Screen(bool terminal);
  ~Screen() { Close(); }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  bool terminal() const noexcept { return terminal_; }
  void Show(const View& view);
  /// What follows is printed where the program was started. In a terminal the notes come first.
  void Close();

 private:
  void Redraw(const View& view);

  const bool terminal_;
  bool open_ = false;
  std::vector<std::string> all_notes_;
};

/// Notes, headline and table as plain lines.
void PrintView(const View& view);
/// One line about one book.
void PrintBook(const char* whose, const std::string& pair, const TopOfBook& top);

}  // namespace quickstart
