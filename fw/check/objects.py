# SPDX-License-Identifier: BSD-3-Clause
"""An object file: its functions with their marks, and what its relocations refer to."""
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection

import callgraph
from dwarf import Dwarf

LEVELS = {".text.im_passive": "PASSIVE", ".text.im_dispatch": "DISPATCH", ".text.im_init": "INIT"}

# Relocations of a whole address, and those that count from the end of their field, by machine.
ADDRESSES = {"x64": {1}, "AArch64": {257}}  # R_X86_64_64; R_AARCH64_ABS64
RELATIVE = {"x64": {2, 4, 9, 41, 42}, "AArch64": set()}
BRANCHES = {282, 283}  # R_AARCH64_JUMP26, CALL26


@dataclass(eq=False)
class Function:
    """A function that an object defines."""
    name: str
    object: "Object"
    level: str  # None where it carries no mark
    node: callgraph.Node
    names: set = field(default_factory=set)  # its symbols: several where the compiler found equal bodies

    @property
    def place(self):
        return self.node.place

    @property
    def source_name(self):
        """The name in the source, which a clone (f.constprop.0) shares."""
        return self.name.split(".", 1)[0]


@dataclass
class Reference:
    """A relocation to a function."""
    target: object  # Function, or the name of a symbol defined elsewhere
    referrer: Function  # None in data
    section: str
    section_index: int
    offset: int
    branch: bool


class Object:
    def __init__(self, path, build):
        self.path, self.build = Path(path), Path(build)
        self.nodes = callgraph.read(self.graph_path())
        with open(self.path, "rb") as stream:
            reader = Reader(ELFFile(stream), self)
            self.functions = reader.functions
            self.global_names = reader.global_names()
            self.references = list(reader.references())
            self.facts = Dwarf(reader.elf, reader.symbols).facts(
                [(one.section_index, one.offset) for one in self.references if one.referrer is None])

    @cached_property
    def by_name(self):
        return {name: function for function in self.functions.values() for name in function.names}

    def graph_path(self):
        path = self.path.with_suffix(".ci")
        if not path.exists():
            raise FileNotFoundError(f"{self.path} has no call graph beside it: compile it by gcc with -fcallgraph-info=su")
        return path

    def resolve(self, file):
        """A file's path as the compiler says it, from the build directory."""
        return (self.build / file).resolve()


class Reader:
    """Of the sections of an object."""

    def __init__(self, elf, owner):
        self.elf, self.owner, self.code = elf, owner, {}
        self.machine = elf.get_machine_arch()
        self.symbols = list(elf.get_section_by_name(".symtab").iter_symbols())
        self.functions = self.read_functions()

    # ---- Functions

    def read_functions(self):
        """(section, offset) -> Function, for each that has a node."""
        found = {}
        for symbol in self.symbols:
            if symbol["st_info"]["type"] != "STT_FUNC" or not isinstance(symbol["st_shndx"], int):
                continue
            key = symbol["st_shndx"], symbol["st_value"]
            node = self.owner.nodes.get(symbol.name)
            if node is None and key not in found:
                node = callgraph.Node(symbol.name, callgraph.Place("", 0))
            if key not in found or (node is not None and node.place.line and not found[key].place.line):
                level = LEVELS.get(self.elf.get_section(key[0]).name)
                names = found[key].names if key in found else set()
                found[key] = Function(symbol.name, self.owner, level, node, names)
            found[key].names.add(symbol.name)
        return found

    def global_names(self):
        return {symbol.name for symbol in self.symbols
                if symbol["st_info"]["bind"] != "STB_LOCAL" and isinstance(symbol["st_shndx"], int)}

    @cached_property
    def starts(self):
        return sorted(self.functions)

    def function_around(self, section, offset):
        at = bisect_right(self.starts, (section, offset)) - 1
        return self.functions[self.starts[at]] if at >= 0 and self.starts[at][0] == section else None

    # ---- References

    def references(self):
        for section in self.elf.iter_sections():
            if not isinstance(section, RelocationSection):
                continue
            index = section["sh_info"]
            place = self.elf.get_section(index)
            if not place["sh_flags"] & SH_FLAGS.SHF_ALLOC or place.name.startswith(".eh_frame"):
                continue
            code = bool(place["sh_flags"] & SH_FLAGS.SHF_EXECINSTR)
            for relocation in section.iter_relocations():
                yield from self.reference(place, index, relocation, code)

    def reference(self, section, index, relocation, code):
        """Of what is in data only a whole address counts: the rest are distances in the jump tables of a switch."""
        kind = relocation["r_info_type"]
        if not code and kind not in ADDRESSES[self.machine]:
            return
        target = self.target_of(relocation, kind)
        if target is not None:
            referrer = self.function_around(index, relocation["r_offset"]) if code else None
            branch = code and self.is_branch(section, relocation["r_offset"], kind)
            yield Reference(target, referrer, section.name, index, relocation["r_offset"], branch)

    def is_branch(self, section, offset, kind):
        """Whether it is a call or a jump that refers to the function, rather than something that takes its address."""
        if self.machine == "AArch64":
            return kind in BRANCHES
        two, one = self.code_of(section)[max(offset - 2, 0):offset].rjust(2, b"\0")
        return one in (0xE8, 0xE9) or (two == 0x0F and one & 0xF0 == 0x80)  # call, jmp, jcc

    def code_of(self, section):
        if section.name not in self.code:
            self.code[section.name] = section.data()
        return self.code[section.name]

    def target_of(self, relocation, kind):
        symbol = self.symbols[relocation["r_info_sym"]]
        section = symbol["st_shndx"]
        if section == "SHN_UNDEF":
            return symbol.name or None
        if not isinstance(section, int):
            return None
        offset = symbol["st_value"]
        if symbol["st_info"]["type"] == "STT_SECTION":
            offset += relocation["r_addend"] + (4 if kind in RELATIVE[self.machine] else 0)
        return self.functions.get((section, offset))
