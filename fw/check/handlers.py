# SPDX-License-Identifier: BSD-3-Clause
"""The level of each handler: the word in its docstring, in the header that drivers and core share."""
import re
from dataclasses import dataclass

import rules
from source import load


@dataclass(frozen=True)
class Handler:
    structure: str
    name: str
    signature: str
    level: str  # PASSIVE or DISPATCH; None where it is missing
    supplied: bool  # False: of the type that stands in tables only to be refused
    path: object
    line: int


class Handlers:
    """The function pointers in structures that are declared in headers below @p folders."""

    def __init__(self, program, folders):
        self.folders = folders
        self.all = {}
        for variants in program.members.values():
            for member, one in variants:
                path = one.resolve(member.file)
                if any(path.is_relative_to(folder) for folder in folders) and path.suffix == ".h":
                    self.all[member.structure, member.name] = self.make(member, one, path)

    def make(self, member, one, path):
        level = load(path).level_of(member.line)
        if level is None and member.typedef is not None and member.typedef[2]:
            named = one.resolve(member.typedef[1])
            level = load(named).level_above(member.typedef[2]) if named.is_file() else None
        supplied = member.typedef is None or member.typedef[0] != rules.NEVER_SUPPLIED
        level = "DISPATCH" if level == "any" else level  # whoever may run at any level obeys the stricter one
        return Handler(member.structure, member.name, member.signature, level, supplied, path, member.line)

    def listed(self):
        """(file, name, level) of every handler in the macro that lists them for the verifier."""
        for folder in self.folders:
            for path in sorted(folder.glob("*.h")):
                body = load(path).macros.get(rules.HANDLER_TABLE, "")
                yield from ((path, name, level) for name, level in re.findall(r"\bX\((\w+), (\w+)", body))

    def at(self, structure, name, signature):
        """The handlers that a function at this place can be: one, where the structure is known; else by its type."""
        if structure is not None:
            return [self.all[structure, name]] if (structure, name) in self.all else []
        return [handler for handler in self.all.values() if (handler.name, handler.signature) == (name, signature)]

    def behind(self, through):
        """The handler at the member of each structure that a call can go through; None for one that is not of handlers."""
        return [self.all.get((structure, through.name)) for structure in through.structures]

    def levels(self, name):
        return {handler.level for handler in self.all.values() if handler.name == name}
