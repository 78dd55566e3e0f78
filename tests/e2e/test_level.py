# SPDX-License-Identifier: BSD-3-Clause
"""The check of the levels refuses what it must, with the path that leads there; and init code is really gone."""
import os
import re
import resource
import subprocess

import firmware as fw
import policies
import pytest
from elftools.elf.elffile import ELFFile

CHECK = fw.REPO / "fw" / "check" / "level_check.py"
PROGRAMS = fw.REPO / "tests" / "level"
REFUSED = re.compile(r"/\* refused:\n(.*?)\*/", re.S)
SCRIPT = fw.REPO / "fw" / "discard.ld"
DEPTH, BUDGET = 3, 34 << 10


def compiled(source, folder, *options):
    """The object of a C file, with its call graph beside it."""
    target = folder / f"{source.stem}.o"
    subprocess.run(["gcc", "-std=gnu17", "-O2", "-g", "-fPIE", "-fcallgraph-info=su", f"-I{fw.REPO / 'dataplane'}", *options,
                    "-c", source, "-o", target], check=True, cwd=folder)
    return target.name


def check(folder, *words):
    return subprocess.run(["/usr/bin/python3", CHECK, "--root", fw.REPO, "--handlers", "tests/level", "--depth", str(DEPTH),
                           "--budget", str(BUDGET), *words], capture_output=True, text=True, cwd=folder)


def findings(text):
    return sorted(("\n" + text.strip()).split("\nlevel: ")[1:])


def refusals():
    return [pytest.param(path, id=path.stem) for path in sorted(PROGRAMS.glob("*.c")) if REFUSED.search(path.read_text())]


# contract: 9.12 9.14 9.15
@pytest.mark.parametrize("source", refusals())
def test_refused_with_the_path(source, tmp_path):
    """Exactly what the program's last comment says, and the build fails."""
    expected = findings(REFUSED.search(source.read_text())[1])
    done = check(tmp_path, compiled(source, tmp_path), "--stamp", "stamp")
    assert done.returncode == 1 and findings(done.stderr) == expected, f"{done.stderr}\n{done.stdout}"
    assert not (tmp_path / "stamp").exists()


def test_good_program_passes(tmp_path):
    """One line, and the stamp for the build."""
    done = check(tmp_path, compiled(PROGRAMS / "good.c", tmp_path), "--stamp", "stamp")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert re.fullmatch(r"level: 2 functions are DISPATCH, 1 of them without a mark; \d+ of 34816 bytes of stack\n", done.stdout)
    assert (tmp_path / "stamp").read_text() == done.stdout


def test_object_without_call_graph_is_refused(tmp_path):
    """Rather than judged as one that calls nothing."""
    name = compiled(PROGRAMS / "good.c", tmp_path)
    (tmp_path / "good.ci").unlink()
    done = check(tmp_path, name)
    assert done.returncode != 0 and "good.o has no call graph" in done.stderr and "-fcallgraph-info=su" in done.stderr


def test_source_that_has_changed_is_refused(tmp_path):
    """Where its lines are not those of the call graph any more."""
    source = tmp_path / "changing.c"
    source.write_text("int one(void);\nint one(void) { return 1; }\n")
    name = compiled(source, tmp_path)
    os.utime(source, (2**31, 2**31))
    done = check(tmp_path, name)
    assert done.returncode != 0 and f"{source} is newer than {name}: build again" in done.stderr


def test_nothing_to_judge_is_refused(tmp_path):
    """Such as a map file that is not understood."""
    (tmp_path / "empty.map").write_text("Memory map\n")
    done = check(tmp_path, "--map", "empty.map")
    assert done.returncode != 0 and "no objects to judge" in done.stderr


# ---- Init code


def linked(folder, init, *options):
    """A program whose init code is an assembler's text, and its map file."""
    (folder / "main.c").write_text(f"""int main(void) {{ return 0; }}
        __asm__(".section .text.im_init, \\"ax\\"\\n{init}\\n.text");""")
    name = compiled(folder / "main.c", folder)
    subprocess.run(["gcc", "-pie", name, "-o", "main", *options], check=True, cwd=folder, capture_output=True)
    return name


def test_init_code_is_whole_pages(tmp_path):
    name = linked(tmp_path, "ret", f"-Wl,-T,{SCRIPT}")
    done = check(tmp_path, name, "--executable", "main")
    size = re.search(r"(\d+) bytes of init code", done.stdout)
    assert done.returncode == 0 and size and int(size[1]) > 0 and int(size[1]) % 4096 == 0, done.stderr + done.stdout


@pytest.mark.parametrize("init, options, expected", [
    pytest.param("ret", [], "main has no symbols im_init_begin and im_init_end: link it with fw/discard.ld", id="no-script"),
    pytest.param("ret", ["-Wl,--defsym=im_init_begin=0x1010", "-Wl,--defsym=im_init_end=0x2000"],
                 "main: init code from 0x1010 to 0x2000 is not whole pages", id="part-of-a-page"),
    pytest.param(".quad main", [f"-Wl,-T,{SCRIPT}", "-Wl,-z,notext"],
                 "main: .rela.dyn relocates init code, which is mapped again as it stands in the file", id="relocated"),
])
def test_init_code_that_cannot_be_mapped_again_is_refused(tmp_path, init, options, expected):
    done = check(tmp_path, linked(tmp_path, init, *options), "--executable", "main")
    assert done.returncode == 1 and f"level: {expected}" in done.stderr.split("\n"), done.stderr


def symbols(*names):
    with open(fw.FIRMWARE, "rb") as stream:
        table = ELFFile(stream).get_section_by_name(".symtab")
        return [table.get_symbol_by_name(name)[0]["st_value"] for name in names]


def mappings(pid):
    """(begin, end, rights, KiB in memory) of each mapping of the firmware's own file and of those behind it."""
    found = []
    for line in open(f"/proc/{pid}/smaps"):
        if head := re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) ", line):
            found.append([int(head[1], 16), int(head[2], 16), head[3], 0, line])
        elif line.startswith("Rss:"):
            found[-1][3] = int(line.split()[1])
    return found


def init_pages(running):
    """Rights and KiB in memory of each mapping where init code stands in the file."""
    begin, end = symbols("im_init_begin", "im_init_end")
    maps = mappings(running.process.pid)
    base = next(one[0] for one in maps if one[4].strip().endswith("/sluice-fw"))
    covering = [one for one in maps if one[0] < base + end and one[1] > base + begin]
    assert end > begin and covering[0][0] == base + begin and covering[-1][1] == base + end, covering
    return [(rights, memory) for _, _, rights, memory, _ in covering]


# contract: 9.15
def test_running_firmware_has_given_init_code_back(idle):
    """There is no memory behind it, and nobody may read, write or run it."""
    assert init_pages(idle) == [("---p", 0)]


def test_a_driver_that_is_loaded_later_finds_its_entry(idle):
    """The entry of a built-in driver is init code: mapped while it runs, and given back again."""
    idle.ctl("driver", "unload", "passthru")
    idle.ctl("driver", "load", "passthru")
    assert "passthru" in idle.ctl("driver", "list")
    assert init_pages(idle) == [("---p", 0)]


@pytest.fixture
def short_stack():
    """What is started meanwhile has 256 KiB."""
    before = resource.getrlimit(resource.RLIMIT_STACK)
    resource.setrlimit(resource.RLIMIT_STACK, (256 << 10, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_STACK, before)


def test_workers_have_the_stack_that_the_check_counts_on(short_stack, firmware):
    """256 filters forward bursts whatever the limit on the stack is."""
    drivers = [policies.filter_driver(f"f{n}") for n in range(256)]
    running = firmware(policies.document(policies.port("host0", "net_null0"), policies.port("wire0", "net_null1"), drivers))
    fw.wait_until(lambda: running.sent("wire0") > 1000 and running.sent("host0") > 1000, "1000 packets each way")
