#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Check that each call and each handler of the installed headers says its level, its errors and its statements.

Calls are the functions that a header declares or defines; handlers are the function pointers that a driver fills in. A
comment above several functions that follow each other without an empty line is for all of them. What serves no statement
says so, with a reason: [no statement: arithmetic alone].
"""
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import contract

HERE = Path(__file__).resolve().parent
REPO = HERE.parent.parent
sys.path.insert(0, str(REPO / "fw/check"))
import rules  # noqa: E402
import source  # noqa: E402

INSTALLED = re.compile(r"foreach name : \[([^\]]*)\]\s*driver_headers \+=")
STATUS = re.compile(r"\bX\((\w+), \d+, ")
REFERENCE = re.compile(r"(?<!\w)\[(C?\d[^\]]*)\]")
NUMBER = re.compile(r"C\d+|\d+\.\d+")
RANGE = re.compile(r"(\d+)\.(\d+)-(\d+)\.(\d+)")
NO_STATEMENT = re.compile(r"\[no statement: [^\]]*\w[^\]]*\]")
LEVELS_OF = {"IM_PASSIVE": ["PASSIVE"], "IM_DISPATCH": ["DISPATCH", "any"], "IM_INIT": ["PASSIVE"]}
NO_ERRORS = {"SUCCESS", "PENDING"}
CORES_OWN = "core"  # the member of a structure that drivers leave alone
EXAMPLE = """for example:
/**
 * Query @p oid and wait for the end [6.16]. Buffer and question are the caller's again when this returns. SUCCESS with
 * the bytes in question->request.done; CLOSING, LOW_POWER_STATE, or what the adapter answered. Level: PASSIVE.
 */
IM_PASSIVE im_status_t im_ask(struct im_question *question, struct im_binding *below, uint32_t oid, ...);"""


@dataclass
class Declared:
    """A call or a handler, with the words of its comment; None: it has none."""
    name: str
    line: int
    answers: bool  # an im_status_t
    mark: str  # IM_PASSIVE, IM_DISPATCH, IM_INIT or ""
    comment: str


class Header:
    """The calls and handlers of one header, in order."""

    def __init__(self, path):
        self.source = source.load(path)
        self.tokens, self.text = self.source.tokens, self.source.text
        self.found = []
        self.walk(0, len(self.tokens), False)

    def walk(self, start, end, members):
        """Each declaration of tokens[start:end], which are a file's or a structure's."""
        first = at = start
        while at < end:
            text = self.tokens[at].text
            if text == "(":
                at = self.source.partner(at)
            elif text == "{":
                close = self.source.partner(at)
                if self.is_structure(first, at):
                    behind = next(n for n in range(close, end) if self.tokens[n].text == ";")
                    if "union" in self.words(first, at) or CORES_OWN not in self.words(close, behind):
                        self.walk(at + 1, close, True)
                    at = behind
                else:
                    self.take(first, at, close, members)
                    at = close
                first = at + 1
            elif text == ";":
                self.take(first, at, at, members)
                first = at + 1
            at += 1

    def words(self, start, end):
        return [token.text for token in self.tokens[start:end]]

    def is_structure(self, start, end):
        words = self.words(start, end)
        return "(" not in words and ("struct" in words or "union" in words or "enum" in words)

    def take(self, first, end, last, members):
        """The call or handler in tokens[first:end], where it is one; its last token is tokens[last]."""
        words = self.words(first, end)
        at = self.pointer(words) or self.function(first, end, words)
        if at is None or rules.NEVER_SUPPLIED in words:
            return
        comment = self.comment_above(first)
        if comment is None and (members or "typedef" in words):
            comment = self.comment_behind(last)
        if comment is None and self.found and self.follows_at_once(first):
            comment = self.found[-1].comment
        line = self.source.line_of(self.tokens[first + at].at)
        mark = next((word for word in words[:at] if word in source.MARK), "")
        self.found.append(Declared(words[at], line, "im_status_t" in words[:at], mark, comment))

    @staticmethod
    def pointer(words):
        """Index of the name of a pointer to a function: void (*name)(...)."""
        return next((at for at in range(2, len(words) - 2)
                     if words[at - 2:at] == ["(", "*"] and words[at + 1:at + 3] == [")", "("]
                     and words[:at].count("(") == 1), None)

    def function(self, first, end, words):
        heads = self.source.head(first, end, end, False)
        return words.index(heads[0].name) if heads else None

    # ---- Comments

    def comment_above(self, first):
        """The docstring that ends right above a declaration, and begins a line of its own."""
        before = self.text[: self.tokens[first].at].rstrip()
        if not before.endswith("*/"):
            return None
        start = before.rindex("/*")
        alone = before[:start].rpartition("\n")[2].strip() == ""
        return self.plain(before[start:]) if alone and before.startswith("/**", start) else None

    def comment_behind(self, last):
        """The comment that begins in the line in which a declaration ends."""
        behind = re.match(r"[ \t]*(/\*.*?\*/)", self.text[self.tokens[last].at + 1:], re.S)
        return self.plain(behind[1]) if behind else None

    def follows_at_once(self, first):
        """Whether the declaration before ends in the line above this one."""
        between = self.text[self.tokens[first - 1].at + 1: self.tokens[first].at]
        return between.strip() == "" and between.count("\n") == 1

    @staticmethod
    def plain(comment):
        return re.sub(r"\s+", " ", re.sub(r"\n\s*\*", " ", comment.strip("/*\n\t ")))


# ---- What each of them lacks -------------------------------------------------------------------------

def numbers(part):
    """The statements that one part of [4.1, 4.6-4.8] stands for."""
    if span := RANGE.fullmatch(part):
        return [f"{span[1]}.{n}" for n in range(int(span[2]), int(span[4]) + 1)] if span[1] == span[3] else []
    return [part] if NUMBER.fullmatch(part) else []


def lacks_in_references(comment, statements):
    parts = [part.strip() for reference in REFERENCE.findall(comment) for part in reference.split(",")]
    for part in parts:
        if not numbers(part):
            yield f"'{part}' is no number of a statement"
        yield from (f"{number} is no statement" for number in numbers(part) if number not in statements)
    if not parts and not NO_STATEMENT.search(comment):
        yield "no statement, such as [6.16], nor a reason, such as [no statement: arithmetic alone]"


def lacks_in_level(one):
    level = source.LEVEL.search(one.comment)
    if not level:
        yield "no level: 'Level: PASSIVE.', 'Level: DISPATCH.' or 'Level: any.'"
    elif one.mark and level[1] not in LEVELS_OF[one.mark]:
        yield f"its level is {level[1]}, but it is marked {one.mark}"


def lacks(one, statements, errors):
    if one.comment is None:
        yield "no docstring"
        return
    yield from lacks_in_level(one)
    yield from lacks_in_references(one.comment, statements)
    words = set(re.findall(r"\w+", one.comment.replace("IM_STATUS_", "")))
    if one.answers and not words & errors and not re.search(r"\b[Cc]annot fail\b", one.comment):
        yield "none of the errors that it returns, such as RESOURCES, nor 'cannot fail'"


def installed(root):
    names = INSTALLED.search((root / "dataplane/meson.build").read_text())
    return [root / "dataplane/im" / f"{name}.h" for name in re.findall(r"'(\w+)'", names[1])] if names else []


def check(root=REPO):
    """What is wrong, a line each."""
    statements = contract.Contract(root).by_number
    errors = set(STATUS.findall((root / "host-shim/abi/im_status.h").read_text())) - NO_ERRORS
    paths = installed(root)
    wrong = [] if paths else ["dataplane/meson.build: no list of installed headers: foreach name : ['im', ...]"]
    for path in paths:
        wrong += [f"{path.relative_to(root)}:{one.line}: {one.name}: {lack}"
                  for one in Header(path).found for lack in lacks(one, statements, errors)]
    return wrong


def main():
    wrong = check()
    for line in wrong:
        print(f"docstrings: {line}", file=sys.stderr)
    if wrong:
        print(EXAMPLE, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
