# SPDX-License-Identifier: BSD-3-Clause
"""What the debugging information of an object tells: function pointers, their types, and what stands in tables."""
from dataclasses import dataclass
from functools import cached_property

from elftools.dwarf.descriptions import describe_form_class
from elftools.elf.relocation import RelocationSection

WIDTHS = {"x64": {1: 8, 10: 4, 11: 4}, "AArch64": {257: 8, 258: 4}}  # bytes of a relocation, by machine and type
ADDRESS = 0x03  # DW_OP_addr
COMPOUND = ("DW_TAG_structure_type", "DW_TAG_union_type")
NAMED = (*COMPOUND, "DW_TAG_typedef", "DW_TAG_enumeration_type", "DW_TAG_enumerator")
TRANSPARENT = ("DW_TAG_typedef", "DW_TAG_const_type", "DW_TAG_volatile_type", "DW_TAG_restrict_type", "DW_TAG_atomic_type")


@dataclass(frozen=True)
class Member:
    """A function pointer in a structure; or a variable that is one, with no structure."""
    structure: str
    name: str
    signature: str
    file: str  # as the compiler says it
    line: int
    typedef: tuple = None  # (name, file, line) of the named type that it is declared with


@dataclass
class Facts:
    """All that is asked of one object, without the tree that it was read from."""
    members: set  # every function pointer in a structure or a union
    variables: dict  # name of each variable and parameter that is a function pointer -> types
    names: set  # of all variables, parameters, types and values of enumerations
    signatures: dict  # name of each function that is defined or declared here -> type
    holders: dict  # name of each variable and parameter -> labels of the structures that it is or leads to
    structures: dict  # label -> {member: label of the structure that it is or leads to}
    inlays: dict  # label -> labels of the structures without a name in it
    entries: dict  # (section, offset) of each reference in data -> Member
    inlined: list  # (around, name, file, line, names of all that is inlined with it) of each inlined copy

    def structures_with(self, chain):
        """Labels of the structures whose member the last name of `a->b.c` can be; empty where that cannot be told."""
        found = self.holders.get(chain[0], set())
        for name in chain[1:-1]:
            found = {self.structures[label][name] for label in self.widen(found) if name in self.structures.get(label, ())}
        return self.widen(found)

    def widen(self, labels):
        inner = {one for label in labels for one in self.inlays.get(label, ())}
        return labels | self.widen(inner) if inner else labels


def text(die, attribute="DW_AT_name"):
    value = die.attributes.get(attribute)
    return value.value.decode("latin-1") if value else None


def children(die, tag):
    return (child for child in die.iter_children() if child.tag == tag)


class Dwarf:
    def __init__(self, elf, symbols):
        self.machine = elf.get_machine_arch()
        self.symbols = symbols
        self.info = elf.get_dwarf_info(relocate_dwarf_sections=False)
        self.addresses = {}  # where in .debug_info an address stands -> (section, offset)
        sections = {".rela.debug_info": self.info.debug_info_sec, ".rela.debug_line": self.info.debug_line_sec}
        for section in elf.iter_sections():
            if isinstance(section, RelocationSection) and section.name in sections:
                self.relocate(section, sections[section.name].stream)
        self.units = list(self.info.iter_CUs())
        self.dies = [die for unit in self.units for die in unit.iter_DIEs()]
        self.files = {unit.cu_offset: self.file_names(unit) for unit in self.units}

    def facts(self, places):
        """@p places: (section, offset) of what in data is asked for."""
        compounds = [die for die in self.dies if die.tag in COMPOUND]
        return Facts(
            members={pointer for die in compounds for child in children(die, "DW_TAG_member")
                     if (pointer := self.pointer(child, self.label(die)))},
            variables=self.variables(),
            names={text(die) for die in self.named} | {text(die) for die in self.dies if die.tag in NAMED},
            signatures={text(die): self.signature(die) for die in self.dies
                        if die.tag == "DW_TAG_subprogram" and "DW_AT_name" in die.attributes},
            holders=self.holders(),
            structures={self.label(die): self.inside(die) for die in compounds},
            inlays={self.label(die): self.unnamed(die) for die in compounds},
            entries={place: entry for place in places if (entry := self.entry_at(*place))},
            inlined=list(self.inlined()))

    # ---- Plumbing

    def relocate(self, section, stream):
        """As the linker would, for the few kinds there are in debugging information; a thread's variables are skipped."""
        for relocation in section.iter_relocations():
            width = WIDTHS[self.machine].get(relocation["r_info_type"])
            if width is None:
                continue
            symbol = self.symbols[relocation["r_info_sym"]]
            value = symbol["st_value"] + relocation["r_addend"]
            stream.seek(relocation["r_offset"])
            stream.write(value.to_bytes(width, "little"))
            if section.name == ".rela.debug_info":
                self.addresses[relocation["r_offset"]] = symbol["st_shndx"], value

    def file_names(self, unit):
        program = self.info.line_program_for_CU(unit)
        folders = [entry.decode("latin-1") if isinstance(entry, bytes) else entry.DW_LNCT_path.decode("latin-1")
                   for entry in program.header["include_directory"]]
        names = []
        for entry in program["file_entry"]:
            folder = folders[entry.dir_index] if entry.dir_index < len(folders) else "."
            name = entry.name.decode("latin-1")
            names.append(name if name.startswith("/") else f"{folder}/{name}")
        return names

    def place(self, die):
        file, line = die.attributes.get("DW_AT_decl_file"), die.attributes.get("DW_AT_decl_line")
        names = self.files[die.cu.cu_offset]
        if file is None or line is None or file.value >= len(names):
            return "", 0
        return names[file.value], line.value

    def origin(self, die):
        for attribute in ("DW_AT_abstract_origin", "DW_AT_specification"):
            if attribute in die.attributes:
                return self.origin(die.get_DIE_from_attribute(attribute))
        return die

    # ---- Types

    def type_of(self, die):
        return die.get_DIE_from_attribute("DW_AT_type") if "DW_AT_type" in die.attributes else None

    def bare(self, die):
        """The type behind names and qualifiers."""
        while die is not None and die.tag in TRANSPARENT:
            die = self.type_of(die)
        return die

    def behind(self, die, *tags):
        """The type behind pointers, arrays ... of these tags as well."""
        die = self.bare(die)
        while die is not None and die.tag in tags:
            die = self.bare(self.type_of(die))
        return die

    def pointed_function(self, die):
        """The function type that @p die is a pointer to, or an array of pointers to; or None."""
        die = self.behind(die, "DW_TAG_array_type")
        if die is None or die.tag != "DW_TAG_pointer_type":
            return None
        die = self.bare(self.type_of(die))
        return die if die is not None and die.tag == "DW_TAG_subroutine_type" else None

    def structure_behind(self, die):
        """The label of the structure that a type is, points to or is an array of; or None."""
        die = self.behind(die, "DW_TAG_pointer_type", "DW_TAG_array_type")
        return self.label(die) if die is not None and die.tag in COMPOUND else None

    def label(self, die):
        """Name of a structure; one that has none is called after its place."""
        file, line = self.place(die)
        return text(die) or f"the structure at {file.rsplit('/', 1)[-1]}:{line}"

    def spell(self, die):
        """A type's text, equal for equal types: without qualifiers, structures by their names."""
        die = self.bare(die)
        if die is None:
            return "void"
        if die.tag == "DW_TAG_pointer_type":
            return self.spell(self.type_of(die)) + "*"
        if die.tag == "DW_TAG_array_type":
            return self.spell(self.type_of(die)) + "[]"
        if die.tag == "DW_TAG_subroutine_type":
            return self.signature(die)
        return text(die) or self.label(die)

    def signature(self, die):
        """Of a function or a function type."""
        arguments = [self.spell(self.type_of(child)) for child in children(die, "DW_TAG_formal_parameter")]
        return f"{self.spell(self.type_of(die))}({','.join(arguments)})"

    def pointer(self, die, structure):
        """@p die, a member or a variable, as a Member if it is a function pointer."""
        kind = self.type_of(die)
        function = self.pointed_function(kind)
        if function is None or "DW_AT_name" not in die.attributes:
            return None
        typedef = (text(kind), *self.place(kind)) if kind.tag == "DW_TAG_typedef" else None
        return Member(structure, text(die), self.signature(function), *self.place(die), typedef)

    # ---- Names

    @cached_property
    def named(self):
        """The declarations of all variables and parameters."""
        origins = {self.origin(die) for die in self.dies if die.tag in ("DW_TAG_variable", "DW_TAG_formal_parameter")}
        return [die for die in origins if "DW_AT_name" in die.attributes]

    def variables(self):
        found = {}
        for die in self.named:
            if pointer := self.pointer(die, None):
                found.setdefault(pointer.name, set()).add(pointer.signature)
        return found

    def holders(self):
        found = {}
        for die in self.named:
            if structure := self.structure_behind(self.type_of(die)):
                found.setdefault(text(die), set()).add(structure)
        return found

    def inside(self, structure):
        behind = {text(child): self.structure_behind(self.type_of(child)) for child in children(structure, "DW_TAG_member")}
        return {name: label for name, label in behind.items() if name and label}

    def unnamed(self, structure):
        return {self.structure_behind(self.type_of(child)) for child in children(structure, "DW_TAG_member")
                if text(child) is None} - {None}

    # ---- Inlined copies

    def inlined(self):
        for die in self.dies:
            if die.tag == "DW_TAG_subprogram" and "DW_AT_low_pc" in die.attributes:
                around = text(self.origin(die))
                for copy in self.copies(die):
                    origin = self.origin(copy)
                    inside = {text(self.origin(inner)) for inner in self.copies(copy)} | {text(origin)}
                    yield around, text(origin), *self.place(origin), inside

    def copies(self, die):
        for child in die.iter_children():
            if child.tag == "DW_TAG_inlined_subroutine":
                yield child
            yield from self.copies(child)

    # ---- Tables

    @cached_property
    def tables(self):
        """(section, offset, declaration) of each variable that has an address."""
        found = []
        for die in self.dies:
            location = die.attributes.get("DW_AT_location") if die.tag == "DW_TAG_variable" else None
            if location is None or describe_form_class(location.form) != "exprloc" or location.value[:1] != [ADDRESS]:
                continue
            where = self.addresses.get(location.offset + 2)  # behind the length and the operation
            if where is not None:
                found.append((*where, self.origin(die)))
        return found

    def entry_at(self, section, offset):
        """The Member that stands at an address in data, or None."""
        for table, start, die in self.tables:
            kind = self.type_of(die)
            if table == section and start <= offset < start + max(self.size(kind), 1):
                return self.descend(kind, offset - start) or self.pointer(die, None)
        return None

    def size(self, die):
        die = self.bare(die)
        if die is None:
            return 0
        if die.tag == "DW_TAG_array_type":
            return self.count(die) * self.size(self.type_of(die))
        return die.attributes["DW_AT_byte_size"].value if "DW_AT_byte_size" in die.attributes else 8

    def count(self, die):
        total = 1
        for child in die.iter_children():
            bound, count = child.attributes.get("DW_AT_upper_bound"), child.attributes.get("DW_AT_count")
            total *= bound.value + 1 if bound is not None else count.value if count is not None else 1
        return total

    def descend(self, die, offset):
        """The function pointer at @p offset of a structure or an array of them."""
        die = self.bare(die)
        if die is not None and die.tag == "DW_TAG_array_type":
            element = self.type_of(die)
            return self.descend(element, offset % max(self.size(element), 1))
        for child in children(die, "DW_TAG_member") if die is not None and die.tag in COMPOUND else ():
            start = child.attributes.get("DW_AT_data_member_location")
            start = start.value if start is not None else 0  # of a union: at its beginning
            if start <= offset < start + self.size(self.type_of(child)):
                found = self.descend(self.type_of(child), offset - start) or self.pointer(child, self.label(die))
                if found is not None:
                    return found
        return None
