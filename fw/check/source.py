# SPDX-License-Identifier: BSD-3-Clause
"""What only the C text tells: marks, the levels in docstrings, what is called at a place, where addresses go.

Not a C parser. It knows comments, strings, directives, brackets and function heads, and says so where that is not
enough, so that the check refuses what it does not understand.
"""
import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

MARK = {"IM_PASSIVE": "PASSIVE", "IM_DISPATCH": "DISPATCH", "IM_INIT": "INIT"}
LEVEL = re.compile(r"\bLevel: (PASSIVE|DISPATCH|any)\b")
HIDDEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.)*", re.M | re.S)
MACRO = re.compile(r"#\s*define\s+(\w+)\((.*)", re.S)
TOKEN = re.compile(r"[A-Za-z_]\w*|->|[=!<>+\-*/%&|^]=|\d[\w.]*|\S")
WORD = re.compile(r"[A-Za-z_]\w*")
NOT_CALLS = {"if", "while", "for", "switch", "return", "sizeof", "__attribute__", "static_assert", "_Static_assert",
             "typeof", "__typeof__", "_Alignof", "alignof"}
KEYWORDS = {"void", "int", "char", "short", "long", "float", "double", "signed", "unsigned", "const", "volatile", "struct",
            "union", "enum", "static", "extern", "inline", "bool", "true", "false"}
NOT_NAMES = NOT_CALLS | KEYWORDS  # a pointer to a function: void (*name)(...)
OPEN, CLOSE = {"(": ")", "[": "]", "{": "}"}, {")": "(", "]": "[", "}": "{"}


@dataclass
class Token:
    text: str
    at: int


@dataclass
class Function:
    """A function's head, with its body where it has one."""
    name: str
    level: str
    first_line: int
    last_line: int
    body: bool
    opening: int  # index of the token that ends the head


@dataclass
class Callee:
    """What a call may go to by name: one name, and how it is reached (`a->b.c`: a, b, c; "" for what is not a name)."""
    names: set
    chain: tuple


def blank(match):
    return re.sub(r"[^\n]", " ", match[0])


def is_word(text):
    return WORD.fullmatch(text) is not None


class Source:
    def __init__(self, path):
        self.path = path
        self.text = path.read_text(encoding="latin-1")
        visible = HIDDEN.sub(blank, self.text)
        self.macros = {match[1]: match[2] for match in map(MACRO.match, DIRECTIVE.findall(visible)) if match}
        self.code = DIRECTIVE.sub(blank, visible)
        self.tokens = [Token(match[0], match.start()) for match in TOKEN.finditer(self.code)]
        self.starts = [0] + [match.end() for match in re.finditer("\n", self.text)]
        self.places = [token.at for token in self.tokens]
        self.indices = {}
        for index, token in enumerate(self.tokens):
            self.indices.setdefault(token.text, []).append(index)

    def line_of(self, at):
        return bisect_right(self.starts, at)

    def partner(self, index):
        """Index of the bracket that closes the one at @p index, or of the last token."""
        depth = 0
        for at in range(index, len(self.tokens)):
            depth += (self.tokens[at].text in OPEN) - (self.tokens[at].text in CLOSE)
            if depth == 0:
                return at
        return len(self.tokens) - 1

    # ---- Functions and their marks

    @cached_property
    def functions(self):
        """Every definition and every marked prototype, in order."""
        found, start, at = [], 0, 0
        while at < len(self.tokens):
            text = self.tokens[at].text
            if text == "(":
                at = self.partner(at)
            elif text == "{":
                end = self.partner(at)
                found += self.head(start, at, end, True)
                at, start = end, end + 1
            elif text == ";":
                found += [head for head in self.head(start, at, at, False) if head.level]
                start = at + 1
            at += 1
        return found

    def head(self, start, end, last, body):
        """The function whose head is tokens[start:end], as a list of one or none."""
        tokens = self.tokens[start:end]
        level = next((MARK[token.text] for token in tokens if token.text in MARK), None)
        if any(token.text == "=" for token in tokens):
            return []
        at = 0
        while at < len(tokens):
            if tokens[at].text == "(":
                if at > 0 and is_word(tokens[at - 1].text) and tokens[at - 1].text not in NOT_NAMES:
                    first, final = self.line_of(tokens[at - 1].at), self.line_of(self.tokens[last].at)
                    return [Function(tokens[at - 1].text, level, first, final, body, end)]
                at = self.partner(start + at) - start
            at += 1
        return []

    @cached_property
    def definitions(self):
        return [one for one in self.functions if one.body]

    def function_at(self, line):
        """The definition whose body covers @p line, or None."""
        return next((one for one in self.definitions if one.first_line <= line <= one.last_line), None)

    def mark_of(self, name):
        return next((one.level for one in self.functions if one.name == name and one.level), None)

    # ---- Docstrings

    def level_of(self, line):
        """The level of the declaration that begins in @p line: from the comment before it, or behind it."""
        if line > len(self.starts):
            return None
        start = self.starts[line - 1]
        behind = re.match(r"[^;]*;[ \t]*(/\*.*?\*/)", self.text[start:], re.S)
        return self.level_above(line) or (self.level_in(behind[1]) if behind else None)

    def level_above(self, line):
        before = self.text[: self.starts[line - 1]].rstrip()
        return self.level_in(before[before.rindex("/*"):]) if before.endswith("*/") else None

    @staticmethod
    def level_in(comment):
        level = LEVEL.search(re.sub(r"\s*\n\s*\*?\s*", " ", comment))
        return level[1] if level else None

    # ---- What is called at a place

    def callees_at(self, place):
        """
        What the postfix expression at @p place calls, a Callee for each: `a->b(x)` has one, `a(x)->b(y)` two. The
        compiler may point inside a bracket that stands before the call.
        """
        if place.line > len(self.starts):  # changed since it was compiled
            return []
        at = self.starts[place.line - 1] + place.column - 1
        index = bisect_right(self.places, at) - 1
        if index < 0 or self.places[index] + len(self.tokens[index].text) <= at:
            return []
        found, chain = [], None
        while index < len(self.tokens):
            text, before = self.tokens[index].text, self.tokens[index - 1].text
            if text == "(" and chain is not None:
                end = self.partner(index)
                found.append(self.callee(chain, index, end))
                index, chain = end, None
                if end + 1 >= len(self.tokens) or self.tokens[end + 1].text not in ("->", ".", "[", "(", ")"):
                    break
            elif text == "[":
                index = self.partner(index)
            elif is_word(text):
                chain = ((chain or ("",)) if before in ("->", ".") else ()) + (text,)
            elif text not in ("->", ".", ")", "(", "*"):
                break
            index += 1
        return found

    def callee(self, chain, start, end):
        """A macro stands for whatever its arguments and its body name."""
        if chain[-1] not in self.all_macros:
            return Callee({chain[-1]}, chain)
        words = {token.text for token in self.tokens[start:end] if is_word(token.text)}
        return Callee(words | set(WORD.findall(self.all_macros[chain[-1]])), ())

    @cached_property
    def all_macros(self):
        """The macros of this file and of those of ours that it includes, looked for in each folder above it."""
        macros, seen, todo = {}, set(), [self]
        while todo:
            source = todo.pop()
            seen.add(source.path)
            macros.update(source.macros)
            for name in re.findall(r'^\s*#\s*include\s*"([^"]+)"', source.text, re.M):
                other = next((folder / name for folder in source.path.parents if (folder / name).is_file()), None)
                if other is not None and other not in seen:
                    todo.append(load(other))
        return macros

    def origins(self, name, line):
        """
        What the local variable @p name of the function around @p line is given: the chains of names, as in Callee, of all
        its assignments. Empty where that cannot be told: a parameter, the result of a call, its address is taken.
        """
        body = self.function_at(line)
        found = []
        for index in self.indices.get(name, ()) if body else ():
            if not body.first_line <= self.line_of(self.tokens[index].at) <= body.last_line:
                continue
            before, behind = self.tokens[index - 1].text, self.behind_declarator(index)
            if index < body.opening or before == "&":
                return []
            if before not in (".", "->") and self.tokens[behind].text == "=":
                chains = self.chains(behind + 1)
                if not chains:
                    return []
                found += chains
        return found

    def behind_declarator(self, index):
        """Index of what follows a name: in `void (*name)(int) = ...` the =."""
        if self.tokens[index - 1].text == "*" and self.tokens[index + 1].text == ")" and self.tokens[index + 2].text == "(":
            return self.partner(index + 2) + 1
        return index + 1

    def chains(self, index):
        """The chains in an expression; empty where something is called in it."""
        found, chain = [], ()
        while self.tokens[index].text not in (";", ",", "}"):
            text, before, after = (self.tokens[at].text for at in (index, index - 1, index + 1))
            if text == "[":
                index = self.partner(index)
                after = self.tokens[index + 1].text
            elif is_word(text):
                chain = (chain if before in ("->", ".") else ()) + (text,)
                if after == "(":
                    return []
            if chain and after not in ("->", ".", "[") and text not in ("->", "."):
                found.append(chain)
                chain = ()
            index += 1
        return [chain for chain in found if chain != ("NULL",)]

    # ---- Where the address of a function goes

    def uses(self, name):
        """
        Where code has @p name as a value: ("member", m), ("argument", function) or ("elsewhere", line) of each. What
        stands outside of functions is left to the object, which knows better.
        """
        for index in self.indices.get(name, ()):
            if self.function_at(self.line_of(self.tokens[index].at)) and self.is_value(index):
                yield self.destination(index)

    def is_value(self, index):
        """Neither called, nor a member, a label or the name that a declaration gives."""
        before, after = self.tokens[index - 1].text, self.tokens[index + 1].text
        pointer = before == "*" and after == ")"  # (*name)(...): declares it or calls it
        return after != "(" and not pointer and before not in (".", "->") and (not is_word(before) or before == "return")

    def destination(self, index):
        """Look backwards from a value to what takes it."""
        passed_comma, at = False, index - 1
        line = self.line_of(self.tokens[index].at)
        while at >= 0:
            text = self.tokens[at].text
            if text in (")", "]"):
                at = self.opener(at)
            elif text == "(":
                before = self.tokens[at - 1].text if at > 0 else ";"
                if is_word(before) and before not in NOT_CALLS and not before.isupper():
                    return "argument", before
                passed_comma = passed_comma and not is_word(before)
            elif text == "=" and not passed_comma:
                return self.assigned(at, line)
            elif text in (";", "{", "}", "=", "return"):
                break
            passed_comma = passed_comma or text == ","
            at -= 1
        return "elsewhere", line

    def opener(self, index):
        depth = 0
        for at in range(index, -1, -1):
            depth += (self.tokens[at].text in CLOSE) - (self.tokens[at].text in OPEN)
            if depth == 0:
                return at
        return 0

    def assigned(self, equals, line):
        at = equals - 1
        while at > 0 and self.tokens[at].text == "]":
            at = self.opener(at) - 1
        if at > 0 and is_word(self.tokens[at].text) and self.tokens[at - 1].text in (".", "->"):
            return "member", self.tokens[at].text
        return "elsewhere", line

    def assignments(self, member):
        """
        The last names on the right side of each assignment of code to a member of that name; a member's with a dot before.
        """
        for index in self.indices.get(member, ()):
            inside = self.function_at(self.line_of(self.tokens[index].at))
            if inside and self.tokens[index - 1].text in (".", "->") and self.tokens[index + 1].text == "=":
                yield self.right_side(index + 2)

    def right_side(self, index):
        names = set()
        while index < len(self.tokens) and self.tokens[index].text not in (";", ",", "}"):
            text = self.tokens[index].text
            after = self.tokens[index + 1].text
            if text == "(" and is_word(self.tokens[index - 1].text):
                end = self.partner(index)
                names |= {self.dotted(at) for at in range(index, end) if self.is_last(at)}
                index = end
            elif is_word(text) and after == "(" and not text.isupper():
                names.add(text + "()")  # what a function returns is anybody's guess
            elif self.is_last(index):
                names.add(self.dotted(index))
            index += 1
        return names

    def dotted(self, index):
        return ("." if self.tokens[index - 1].text in (".", "->") else "") + self.tokens[index].text

    def is_last(self, index):
        text = self.tokens[index].text
        return is_word(text) and text not in KEYWORDS and self.tokens[index + 1].text not in (".", "->", "[", "(")


@lru_cache(maxsize=None)
def load(path):
    return Source(Path(path))
