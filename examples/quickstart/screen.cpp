// Draws the table of pairs.
#include "screen.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace quickstart {
namespace {

constexpr std::size_t kNotesShown = 6;

struct Size {
  std::size_t columns = 80, rows = 24;
};

Size TerminalSize() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
    return {};
  }
  return {size.ws_col, size.ws_row};
}

/// Venues may name pairs in any script: only what surely takes one column is shown.
std::string Plain(std::string text) {
  for (char& c : text) {
    if (c < ' ' || c > '~') c = '?';
  }
  return text;
}

/// Without the zeros behind its last digit: "0.4210" is "0.421".
std::string Short(const std::string& number) {
  if (number.find('.') == std::string::npos) return number;
  const std::size_t last = number.find_last_not_of('0');
  return number.substr(0, number[last] == '.' ? last : last + 1);
}

const char* ColourOf(const std::string& state) {
  if (state == "live") return "\x1b[32m";
  return state == "gap" || state == "disconnected" ? "\x1b[31m" : "\x1b[33m";
}

}  // namespace

std::vector<std::string> TableOf(const View& view) {
  std::vector<std::string> lines;
  char line[256];
  constexpr const char* kForm = "%-10.10s %-12.12s %10s x %-9s %10s x %-9s %-8s %10s %7s %7s";
  std::snprintf(line, sizeof(line), kForm, "pair", "state", "bid", "quantity", "ask", "quantity",
                "spread", "last trade", "quotes", "trades");
  lines.emplace_back(line);
  for (const auto& [name, pair] : view.pairs) {
    const TopOfBook& top = pair.top;
    std::snprintf(line, sizeof(line), kForm, name.c_str(), pair.state.c_str(),
                  Short(top.bid).c_str(), Short(top.bid_qty).c_str(), Short(top.ask).c_str(),
                  Short(top.ask_qty).c_str(), Short(top.spread).c_str(), Short(pair.trade).c_str(),
                  std::to_string(pair.quotes).c_str(), std::to_string(pair.trades).c_str());
    lines.push_back(Plain(line));
  }
  return lines;
}

void PrintView(const View& view) {
  for (const std::string& note : view.notes) std::printf("        %s\n", note.c_str());
  std::printf("%s\n", view.headline.c_str());
  for (const std::string& line : TableOf(view)) std::printf("        %s\n", line.c_str());
  std::fflush(stdout);
}

void PrintBook(const char* whose, const std::string& pair, const TopOfBook& top) {
  std::printf("%-8s %-10s last_update_id %llu  bid %s x %s  ask %s x %s  levels %zu/%zu\n", whose,
              pair.c_str(), static_cast<unsigned long long>(top.last_update_id), top.bid.c_str(),
              top.bid_qty.c_str(), top.ask.c_str(), top.ask_qty.c_str(), top.bids, top.asks);
}

Screen::Screen(bool terminal) : terminal_(terminal) {
  if (!terminal_) return;
  open_ = true;
  std::fputs("\x1b[?1049h\x1b[?25l", stdout);  // the alternate screen, no cursor
}

void Screen::Show(const View& view) {
  if (!terminal_) return PrintView(view);
  all_notes_.insert(all_notes_.end(), view.notes.begin(), view.notes.end());
  if (open_) Redraw(view);
}

void Screen::Redraw(const View& view) {
  const Size size = TerminalSize();
  std::vector<std::string> lines = {Plain(view.headline), ""};
  const std::size_t first_row = lines.size() + 1;  // below the titles
  for (std::string& line : TableOf(view)) lines.push_back(std::move(line));
  const std::size_t end_of_rows = lines.size();
  lines.emplace_back();
  const std::size_t shown = std::min(kNotesShown, all_notes_.size());
  for (std::size_t i = all_notes_.size() - shown; i < all_notes_.size(); ++i) {
    lines.push_back(Plain(all_notes_[i]));
  }
  if (lines.size() > size.rows) lines.resize(size.rows);

  std::string out = "\x1b[H";
  auto row = view.pairs.begin();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string& line = lines[i];
    // The last column stays empty: a terminal that is about to wrap would clear what is there.
    line.resize(std::min(line.size(), size.columns - 1));
    const bool is_pair = i >= first_row && i < end_of_rows;
    if (is_pair && line.size() >= 24) {
      line.insert(23, "\x1b[0m");
      line.insert(11, ColourOf(row->second.state));
    }
    if (is_pair) ++row;
    out += (i == 0 ? "" : "\r\n") + line + "\x1b[K";
  }
  out += "\x1b[J";
  std::fwrite(out.data(), 1, out.size(), stdout);
  std::fflush(stdout);
}

void Screen::Close() {
  if (!std::exchange(open_, false)) return;
  std::fputs("\x1b[?25h\x1b[?1049l", stdout);
  for (const std::string& note : all_notes_) std::printf("        %s\n", note.c_str());
  std::fflush(stdout);
}

}  // namespace quickstart
