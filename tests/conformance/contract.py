#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Make docs/contract.md: every statement of the contract with its tests.

A test serves a statement by its name, c4_6_c4_12_every_packet_is_completed_once for 4.6 and 4.12, or by a line right above
it: /* contract: 9.22 9.23 */ in C, # contract: 8.15 in Python. The 25 that matter most are served by mutations.
"""
import argparse
import ast
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

import mutation

HERE = Path(__file__).resolve().parent
REPO = HERE.parent.parent
TEXT_MAX = 160  # characters of a statement
REASON = re.compile(r"\s+n/a: (.+)")
LINE = re.compile(r"(\d+\.\d+|C\d+|T\.\d+) +(.+?)(?: \[([\d. ]+)\])?")
REFERENCE = re.compile(r"\[([\d. ]+)\]")
TAG = re.compile(r"\s*(?:/\*|//|#) contract: (.*?)(?: \*/)?")
C_TEST = re.compile(r"(?:static )?void (\w+)\(void \*\*\w+\)")
C_COMMENT = re.compile(r"\s*(/\*|\*|//)")
NAMED = re.compile(r"(?:c\d+_\d+_)+(?=[a-z])")


@dataclass
class Statement:
    number: str
    text: str
    refers: list
    reason: str = ""
    tests: list = field(default_factory=list)  # (file, name)
    mutations: list = field(default_factory=list)


@dataclass
class Section:
    title: str
    prose: list = field(default_factory=list)
    parts: list = field(default_factory=list)  # (heading, statements)

    def statements(self):
        return [statement for _, statements in self.parts for statement in statements]


class Contract:
    """What the statements' file says, what serves it, and what is wrong with either."""

    def __init__(self, root):
        self.root = root
        self.intro, self.sections, self.wrong = [], [], []
        self.tests = set()
        self.read(root / "tests/conformance/statements.txt")
        self.by_number = {one.number: one for section in self.sections for one in section.statements()}

    def read(self, path):
        for at, line in enumerate(path.read_text().split("\n"), 1):
            try:
                self.read_line(line)
            except ValueError as error:
                self.wrong.append(f"{path.relative_to(self.root)}:{at}: {error}")

    def read_line(self, line):
        if not self.sections and (line.startswith("## ") or REASON.fullmatch(line) or LINE.fullmatch(line)):
            raise ValueError("this stands before the first section; example: # 1 Driver lifecycle")
        if line.startswith("## "):
            self.sections[-1].parts.append((line[3:], []))
        elif line.startswith("# "):
            self.sections.append(Section(line[2:]))
        elif REASON.fullmatch(line):
            if not self.sections[-1].statements():
                raise ValueError("this reason has no statement above it")
            self.sections[-1].statements()[-1].reason = REASON.fullmatch(line)[1]
        elif LINE.fullmatch(line):
            self.add(*LINE.fullmatch(line).groups(default=""))
        elif line and self.sections and self.sections[-1].parts:
            raise ValueError(f"'{line}' is no statement; example: 4.1   send_packets gets 1 or more packets.")
        else:
            (self.sections[-1].prose if self.sections else self.intro).append(line)

    def add(self, number, text, refers):
        section = self.sections[-1]
        place, count = number.lstrip("CT.").rpartition(".")[::2]
        if not section.parts:
            section.parts.append(("", []))
        if (place or number[0]) != section.title.split()[0] or int(count) != len(section.statements()) + 1:
            raise ValueError(f"{number} does not follow here")
        section.parts[-1][1].append(Statement(number, text, refers.split()))
        if len(text) > TEXT_MAX:
            raise ValueError(f"{number} is longer than {TEXT_MAX} characters")

    def numbered(self):
        """The statements that tests serve: all but the choices C and the 25."""
        return [one for one in self.by_number.values() if one.number[0].isdigit()]

    def most_important(self):
        return [one for one in self.by_number.values() if one.number[0] == "T"]


def test_lines(path, lines):
    """(name, first line) of each test in a source; the line is that of its decorators."""
    if path.suffix == ".py":
        functions = [node for node in ast.walk(ast.parse("\n".join(lines))) if isinstance(node, ast.FunctionDef)]
        return [(node.name, min([node.lineno, *(one.lineno for one in node.decorator_list)]) - 1) for node in functions
                if node.name.startswith("test_")]
    return [(match[1], at) for at, match in enumerate(map(C_TEST.match, lines)) if match]


def tags_above(path, lines, at):
    """Lines with tags in the comment right above a test."""
    comment = re.compile(r"\s*#") if path.suffix == ".py" else C_COMMENT
    found = []
    while at > 0 and comment.match(lines[at - 1]):
        at -= 1
        if TAG.fullmatch(lines[at]):
            found.append(at)
    return found


def is_run(name, lines):
    """A C test stands in a table too, perhaps without a prefix that a macro puts before it."""
    return len(re.findall(rf"\b(?:{name}|{name.removeprefix('test_')})\b", "\n".join(lines))) > 1


def scan(contract, path):
    """Give each statement the tests of this source that serve it."""
    lines = path.read_text().split("\n")
    file = str(path.relative_to(contract.root))
    loose = {at for at, line in enumerate(lines) if TAG.fullmatch(line)}
    for name, first in test_lines(path, lines):
        contract.tests.add(name)
        tags = tags_above(path, lines, first)
        loose -= set(tags)
        named = NAMED.match(name)
        numbers = [one.replace("_", ".") for one in re.findall(r"c(\d+_\d+)_", named[0])] if named else []
        numbers += " ".join(TAG.fullmatch(lines[at])[1] for at in tags).split()
        if numbers and path.suffix == ".c" and not is_run(name, lines):
            contract.wrong.append(f"{file}:{first + 1}: {name} is never run: it is not in the table of tests")
        for number in numbers:
            serve(contract, number, file, first, name)
    contract.wrong += [f"{file}:{at + 1}: no test stands right below '{lines[at].strip()}'" for at in sorted(loose)]


def serve(contract, number, file, at, name):
    statement = contract.by_number.get(number)
    if statement is None or not number[0].isdigit():
        contract.wrong.append(f"{file}:{at + 1}: {name} is for {number}, which is no statement of the contract")
    elif (file, name) not in statement.tests:
        statement.tests.append((file, name))


def scan_tests(contract):
    tests = contract.root / "tests"
    for path in sorted(tests.rglob("test_*.c")) + sorted(tests.rglob("test_*.py")):
        scan(contract, path)
    built = (tests / "conformance/meson.build").read_text()
    contract.wrong += [f"tests/conformance/{path.name} is not built: '{path.stem[5:]}' is not in meson.build"
                       for path in sorted((tests / "conformance").glob("test_*.c")) if f"'{path.stem[5:]}'" not in built]


def stale_hunks(contract, one):
    """Hunks that do not stand in the sources any more: what the slow run would find out late."""
    texts = {}
    try:
        for hunk in one.hunks:
            path = contract.root / hunk.file
            if not path.is_file():
                raise mutation.Wrong(f"{one.name}: there is no file {hunk.file}")
            texts[path] = mutation.applied(one, hunk, texts.get(path) or path.read_text())
    except mutation.Wrong as error:
        return [str(error)]
    return []


def scan_mutations(contract):
    for path in sorted((contract.root / "tests/conformance/mutations").glob("*.mutation")):
        try:
            one = mutation.read(path)
        except mutation.Wrong as error:
            contract.wrong.append(f"tests/conformance/mutations/{path.name}: {error}")
            continue
        for number in one.breaks:
            if number in contract.by_number:
                contract.by_number[number].mutations.append(one)
            else:
                contract.wrong.append(f"tests/conformance/mutations/{path.name}: {number} is none of the 25")
        contract.wrong += [f"tests/conformance/mutations/{path.name}: there is no test {name} to kill it"
                           for _, name in one.killers if name and name not in contract.tests]
        contract.wrong += stale_hunks(contract, one)


def check(contract):
    """What the statements lack, or have too much of."""
    for one in contract.by_number.values():
        unknown = [number for number in one.refers + " ".join(REFERENCE.findall(one.reason)).split()
                   if number not in contract.by_number]
        contract.wrong += [f"{one.number} refers to {number}, which is no statement" for number in unknown]
    for one in contract.numbered():
        if one.reason and one.tests:
            contract.wrong.append(f"{one.number} does not apply, says its reason, but {one.tests[0][1]} tests it")
    absent = {one.number for one in missing(contract)}
    for section in contract.sections:
        fresh = [one.number for one in section.statements() if one.number in absent]
        if fresh:
            contract.wrong.append(f"without a test or a reason: {' '.join(fresh)}")


def missing(contract):
    return [one for one in contract.numbered() if not one.tests and not one.reason] + [
        one for one in contract.most_important() if not one.mutations]


def load(root=REPO):
    contract = Contract(root)
    scan_tests(contract)
    scan_mutations(contract)
    check(contract)
    return contract


# ---- The document ------------------------------------------------------------------------------------

def references(one):
    return f" [{', '.join(one.refers)}]" if one.refers else ""


def test_rows(one):
    files = {}
    for file, name in one.tests:
        files.setdefault(file, []).append(f"`{name}`")
    return [f"  - `{file}`: {', '.join(names)}" for file, names in files.items()]


def mutation_rows(one):
    return [f"  - `{each.name}`: {each.why} Noticed by "
            + ", ".join(f"`{function or program}`" for program, function in each.killers) for each in one.mutations]


def statement_rows(one):
    if one.number[0] == "C":
        about, _, ours = one.text.partition(": ")
        return [f"| {one.number} | {about} | {ours} | {', '.join(one.refers)} |"]
    rows = [f"- **{one.number}** {one.text}{references(one)}"]
    if one.reason:
        return [*rows, f"  - does not apply: {one.reason}"]
    return rows + (test_rows(one) + mutation_rows(one) or ["  - **nothing yet**"])


def section_rows(section):
    rows = ["", f"## {section.title}", *([""] if any(section.prose) else []), *[line for line in section.prose if line]]
    for heading, statements in section.parts:
        rows += ["", *([f"### {heading}", ""] if heading else [])]
        if statements and statements[0].number[0] == "C":
            rows += ["| | about | our choice | statements |", "|---|---|---|---|"]
        for one in statements:
            rows += statement_rows(one)
    return rows


def document(contract):
    numbered = contract.numbered()
    served = [one for one in numbered if one.tests]
    reasons = [one for one in numbered if one.reason]
    rows = ["# The contract and its tests", "",
            "<!-- Made by tests/conformance/contract.py from statements.txt beside it and from the tests: edit those. -->", "",
            *[line for line in contract.intro if line], "",
            f"{len(numbered)} statements: {len(served)} have tests, {len(reasons)} do not apply to a card, for a reason.",
            "A test serves a statement by its name, or by a line right above it."]
    for section in contract.sections:
        rows += section_rows(section)
    return "\n".join(rows) + "\n"


# ---- Commands ----------------------------------------------------------------------------------------

def show_missing(contract, wanted):
    for section in contract.sections:
        absent = [one for one in section.statements() if one in missing(contract)]
        if not absent or wanted and section.title.split()[0] not in wanted:
            continue
        print(f"{section.title}: {len(absent)} of {len(section.statements())}")
        for one in absent:
            print(f"  {one.number:<6} {one.text}{references(one)}")
    return 0


def main(words):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--check", action="store_true", help="only say whether docs/contract.md is complete and up to date")
    parser.add_argument("--missing", nargs="*", metavar="SECTION", help="list what has no test yet, of these sections (or all)")
    options = parser.parse_args(words)
    contract = load()
    if options.missing is not None:
        return show_missing(contract, options.missing)
    path = REPO / "docs/contract.md"
    text = document(contract)
    if not options.check:
        path.write_text(text)
    elif not path.exists() or path.read_text() != text:
        contract.wrong.append("docs/contract.md is not what it would be now: run tests/conformance/contract.py")
    for line in contract.wrong:
        print(f"contract: {line}", file=sys.stderr)
    return 1 if contract.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
