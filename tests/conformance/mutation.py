# SPDX-License-Identifier: BSD-3-Clause
"""Mutations: changes that break one of the statements that matter most, and the tests that must notice.

    breaks: T.9
    why: Every packet that the adapter below completes is completed twice.
    killed by: conformance/4_send c4_12_completing_twice_is_fatal
    killed by: unit/im/send
    --- dataplane/im/packets/send.c
        good += status == SUCCESS;
    -   complete(packets[i]);
    +   complete(packets[i]);
    +   complete(packets[i]);

Each of the tests must notice. Below the head comes a patch without line numbers: a hunk is found by its content, which must stand in the file exactly
once. White space does not count, so that a hunk survives a new layout of the file. `@@` begins another hunk.
"""
import re
from dataclasses import dataclass, field

TOKEN = re.compile(r"\w+|[^\w\s]")
NUMBER = re.compile(r"T\.\d+")


class Wrong(Exception):
    """A mutation that cannot be used: which one, and why."""


@dataclass
class Hunk:
    file: str
    old: list = field(default_factory=list)
    new: list = field(default_factory=list)


@dataclass
class Mutation:
    name: str
    breaks: list = field(default_factory=list)  # of the 25
    why: str = ""
    killers: list = field(default_factory=list)  # (program, function or None)
    hunks: list = field(default_factory=list)


def read_head(mutation, line):
    key, _, value = (part.strip() for part in line.partition(":"))
    if key == "breaks" and NUMBER.fullmatch(value.split()[0] if value else ""):
        mutation.breaks += value.split()
    elif key == "why" and value:
        mutation.why = value
    elif key == "killed by" and value:
        program, _, function = value.partition(" ")
        mutation.killers.append((program, function.strip() or None))
    else:
        raise Wrong(f"{mutation.name}: '{line}' is not understood; example: breaks: T.9")


def read_hunk_line(mutation, line):
    hunk = mutation.hunks[-1]
    if line == "@@":
        mutation.hunks.append(Hunk(hunk.file))
    elif line[:1] == "-":
        hunk.old.append(line[1:])
    elif line[:1] == "+":
        hunk.new.append(line[1:])
    elif line[:1] in ("", " ", "\t"):
        hunk.old.append(line[1:])
        hunk.new.append(line[1:])
    else:
        raise Wrong(f"{mutation.name}: '{line}' begins with neither '-', '+' nor a space")


def read(path):
    """The mutation in a file; its name is the file's."""
    mutation = Mutation(path.stem)
    for line in path.read_text().split("\n"):
        if line.startswith("--- "):
            mutation.hunks.append(Hunk(line[4:].strip()))
        elif mutation.hunks:
            read_hunk_line(mutation, line)
        elif line:
            read_head(mutation, line)
    if not (mutation.breaks and mutation.why and mutation.killers and mutation.hunks):
        raise Wrong(f"{mutation.name}: 'breaks:', 'why:', 'killed by:' and a hunk after '--- FILE' are all needed")
    return mutation


def read_all(folder):
    return [read(path) for path in sorted(folder.glob("*.mutation"))]


def pattern(lines):
    """Matches the tokens of these lines with any white space between."""
    tokens = TOKEN.findall("\n".join(lines))
    if not tokens:
        return None
    text = re.escape(tokens[0])
    for before, token in zip(tokens, tokens[1:]):
        apart = r"\s+" if before[-1].isidentifier() and re.match(r"\w", token) else r"\s*"
        text += apart + re.escape(token)
    return re.compile((r"(?<!\w)" if re.match(r"\w", text) else "") + text + (r"(?!\w)" if tokens[-1][-1].isalnum() else ""))


def applied(mutation, hunk, text):
    """The file's text with the hunk in place."""
    wanted = pattern(hunk.old)
    found = list(wanted.finditer(text)) if wanted else []
    if len(found) != 1:
        begin = "".join(hunk.old[:1]).strip() or "(it has no line to be found by)"
        raise Wrong(f"{mutation.name}: a hunk stands {len(found)} times in {hunk.file}, not once: {begin} ...")
    return text[:found[0].start()] + "\n".join(hunk.new).strip() + text[found[0].end():]
