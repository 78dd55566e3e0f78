# SPDX-License-Identifier: BSD-3-Clause
"""The call graphs that gcc leaves beside its objects (-fcallgraph-info=su): one .ci file each, as VCG text.

Inlining has been done when they are written: what is inlined has no node of its own, and its calls are the
caller's, at the place in the source where they stand.
"""
import re
from dataclasses import dataclass, field

INDIRECT = "__indirect_call"
NODE = re.compile(r'^node: \{ title: "([^"]*)" label: "([^"]*)"( shape : ellipse)? \}$')
EDGE = re.compile(r'^edge: \{ sourcename: "([^"]*)" targetname: "([^"]*)"(?: label: "([^"]*)")? \}$')
FRAME = re.compile(r"^(\d+) bytes \(([a-z,]+)\)$")


@dataclass(frozen=True)
class Place:
    """Where something stands in the sources; line 0: nobody knows."""
    file: str
    line: int
    column: int = 0

    @staticmethod
    def parse(text):
        match = re.fullmatch(r"(.*):(\d+):(\d+)", text or "")
        return Place(match[1], int(match[2]), int(match[3])) if match else Place("", 0)


@dataclass
class Node:
    name: str
    place: Place
    frame: int = 0
    bounded: bool = True  # the frame has that size whatever the arguments
    calls: list = field(default_factory=list)  # (name, whether it is static, Place)


def plain(title):
    """The symbol's name: a static one stands behind its file, one with an assembler name of its own behind a *."""
    return title.rsplit(":", 1)[-1].lstrip("*")


def read(path):
    """The functions that an object defines: name -> Node."""
    nodes = {}
    for line in path.read_text(encoding="latin-1").splitlines():
        if match := NODE.match(line):
            title, label, foreign = match.groups()
            parts = label.split("\\n")
            if not foreign and title != INDIRECT:
                frame = FRAME.match(parts[2])
                nodes[title] = Node(plain(title), Place.parse(parts[1]), int(frame[1]), frame[2] != "dynamic")
        elif match := EDGE.match(line):
            source, target, label = match.groups()
            nodes[source].calls.append((plain(target), ":" in target, Place.parse(label)))
    return {node.name: node for node in nodes.values()}
