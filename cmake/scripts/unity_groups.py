#!/usr/bin/env python3
"""Groups the C++ sources of a target for a unity build: unity_groups.py <most files> <sources...>

Two sources may be compiled together when neither uses a name that the other keeps for itself: in an
unnamed namespace, as a static function, an alias or a macro. Prints one group a line, its sources
separated by semicolons; a source that stays alone is left out.
"""

import re
import sys

MOST_LINES = 2500  # of one group, so that two processors share the work
WORD = re.compile(r"(?<![.>:\w])[A-Za-z_]\w*")  # not of a member nor qualified
TYPE = re.compile(r"^(?:template <.*> ?)?(?:struct|class|enum class|enum|union|using) (\w+)")
ALIAS = re.compile(r"^(?:#define|namespace(?= \w+ =)|using(?! namespace)) (?:[\w:]*::)?(\w+)")


def declared(line):
    """The names that a line at column 0 may declare."""
    of_type = TYPE.match(line)
    if of_type:
        return {of_type.group(1)}
    if not re.match(r"(?!namespace\b)[A-Za-z_]", line):
        return set()
    head = re.split(r"[(={;\[]", re.sub(r"<[^()]*>", "", line), maxsplit=1)[0]
    return set(WORD.findall(head)[-1:])


def scan(path):
    """(names that the source keeps for itself, all its words, its lines)"""
    with open(path, encoding="utf-8", errors="replace") as source:
        lines = source.read().splitlines()
    kept, words, unnamed = set(), set(), False
    for line in lines:
        if line.startswith("namespace {"):
            unnamed = True
        elif line.startswith("}  // namespace"):
            unnamed = False
        line = re.sub(r'//.*|"[^"]*"', "", line)
        words.update(WORD.findall(line))
        alias = ALIAS.match(line)
        if alias:
            kept.add(alias.group(1))
        if unnamed or line.startswith("static "):
            kept |= declared(line)
    return kept, words, len(lines)


def main(most_files, paths):
    groups = []  # [paths, kept, words, lines]
    for path in paths:
        kept, words, lines = scan(path)
        for group in groups:
            if (len(group[0]) < most_files and group[3] + lines <= MOST_LINES
                    and not kept & group[2] and not words & group[1]):
                break
        else:
            group = [[], set(), set(), 0]
            groups.append(group)
        group[0].append(path)
        group[1] |= kept
        group[2] |= words
        group[3] += lines
    for group in groups:
        if len(group[0]) > 1:
            print(";".join(group[0]))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
