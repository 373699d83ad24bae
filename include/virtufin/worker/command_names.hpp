// CommandNames: the wire names of a worker's commands, written once beside the enum.
//
//   enum class Light { kOn, kOff };
//   constexpr auto CommandNames(Light) {
//     return std::to_array<virtufin::CommandName<Light>>(
//         {{Light::kOn, "on"}, {Light::kOff, "off"}, {Light::kOff, "out"}});
//   }
//
// The first row of a command is its name, as replies spell it; further rows are aliases. The
// function is found by its argument: put it into the namespace of the enum, or into a class as a
// friend. Specification: docs/openspec/specs/worker-sdk/spec.md
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace virtufin::inline v0 {

template <class Command>
struct CommandName {
  Command command;
  std::string_view name;  // static storage; [A-Za-z][A-Za-z0-9_.-]*
};

namespace detail {

constexpr bool IsLetter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr char Lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
constexpr bool SameCommandName(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (Lower(a[i]) != Lower(b[i])) return false;
  }
  return true;
}
constexpr bool IsCommandName(std::string_view name) noexcept {
  if (name.empty() || !IsLetter(name.front())) return false;
  for (const char c : name) {
    const bool digit = c >= '0' && c <= '9';
    if (!IsLetter(c) && !digit && c != '_' && c != '-' && c != '.') return false;
  }
  return true;
}
template <class Rows>
constexpr bool AreCommandNames(const Rows& rows) noexcept {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!IsCommandName(rows[i].name)) return false;
    for (std::size_t j = 0; j < i; ++j) {
      if (SameCommandName(rows[i].name, rows[j].name)) return false;
    }
  }
  return rows.size() > 0;
}

}  // namespace detail

/// The command that `text` names, in upper or lower case; nothing when it names none. [any]
template <class Command>
constexpr std::optional<Command> FindCommand(std::string_view text) noexcept {
  constexpr auto kRows = CommandNames(Command{});
  static_assert(detail::AreCommandNames(kRows),
                "CommandNames: names start with a letter, go on with letters, digits, '_', '-' and "
                "'.', and are different without regard to case");
  for (const auto& row : kRows) {
    if (detail::SameCommandName(row.name, text)) return row.command;
  }
  return std::nullopt;
}

/// The declared name of `command`; empty for a value that has none. [any]
template <class Command>
constexpr std::string_view NameOfCommand(Command command) noexcept {
  for (const auto& row : CommandNames(Command{})) {
    if (row.command == command) return row.name;
  }
  return {};
}

}  // namespace virtufin::inline v0
