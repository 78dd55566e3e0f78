# SPDX-License-Identifier: BSD-3-Clause
"""The linked firmware: which objects are in it, and whether its init code can be given back and mapped again."""
import re
from pathlib import Path

from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection

BEGIN, END = "im_init_begin", "im_init_end"


def objects_of(path):
    """Objects of ours that the linker took, by its map file: their paths are relative, the compiler's are not."""
    taken = re.findall(r"^ *\S*\s+0x[0-9a-f]+\s+0x[0-9a-f]+ ([^\s/]\S*\.o\)?)$", path.read_text(), re.M)
    names = [re.sub(r"\((.*)\)$", r".p/\1", name) for name in taken]  # of an archive that holds them itself
    return [Path(name) for name in dict.fromkeys(names)]


def check(path, complain):
    """Returns the bytes of init code."""
    with open(path, "rb") as stream:
        elf = ELFFile(stream)
        symbols = {symbol.name: symbol["st_value"] for symbol in elf.get_section_by_name(".symtab").iter_symbols()
                   if symbol.name in (BEGIN, END)}
        if len(symbols) != 2:
            complain(f"{path} has no symbols {BEGIN} and {END}: link it with fw/discard.ld")
            return 0
        begin, end = symbols[BEGIN], symbols[END]
        if begin % 4096 or end % 4096 or begin == end:
            complain(f"{path}: init code from {begin:#x} to {end:#x} is not whole pages")
        for name in relocated(elf, begin, end):
            complain(f"{path}: {name} relocates init code, which is mapped again as it stands in the file")
        return end - begin


def relocated(elf, begin, end):
    for section in elf.iter_sections():
        if isinstance(section, RelocationSection) and section.name in (".rela.dyn", ".rela.plt"):
            if any(begin <= relocation["r_offset"] < end for relocation in section.iter_relocations()):
                yield section.name
        if isinstance(section, DynamicSection) and any(tag.entry.d_tag == "DT_TEXTREL" for tag in section.iter_tags()):
            yield "DT_TEXTREL"
