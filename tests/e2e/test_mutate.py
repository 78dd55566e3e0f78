# SPDX-License-Identifier: BSD-3-Clause
"""The tests of the contract notice when what matters most is broken; and who runs them tells when they do not."""
import importlib.util
import subprocess
import sys
from importlib.machinery import SourceFileLoader

import firmware as fw
import pytest

MUTATE = fw.REPO / "tests/conformance/mutate"
sys.path.insert(0, str(MUTATE.parent))
import mutation  # noqa: E402

LOADER = SourceFileLoader("mutate", str(MUTATE))  # it has no suffix
mutate = importlib.util.module_from_spec(importlib.util.spec_from_loader("mutate", LOADER))
sys.modules["mutate"] = mutate  # where its dataclasses look
LOADER.exec_module(mutate)
RIGHT = "a(b);\nc(d);\n"


@pytest.mark.slow
def test_every_mutation_is_killed():
    done = subprocess.run([MUTATE], capture_output=True, text=True, timeout=1500)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr


class Bench:
    """A tree of one file, and programs that pass or fail by what stands in it."""

    def __init__(self, source):
        self.source, self.commands, self.limits = source, {"one": [], "other": []}, {}
        (source / "x.c").write_text(RIGHT)

    def make(self, programs):
        return "syntax" not in self.text(), "x.c:1: syntax error"

    def text(self):
        return (self.source / "x.c").read_text()

    def run(self, program, function):
        """`one` looks at the first line, in the function `first` alone; `other` at nothing."""
        good = program == "other" or "a(b);" in self.text()
        return mutate.Run(good, 0.1, f"ended with {int(not good)}", {"first", "second"}, set() if good else {"first"}, "")


def attempt(tmp_path, capsys, *texts):
    """Whether all is well with these mutations, and what was printed."""
    folder, source = tmp_path / "mutations", tmp_path / "source"
    folder.mkdir()
    source.mkdir()
    for number, text in enumerate(texts):
        (folder / f"m{number}.mutation").write_text(text)
    bench = Bench(source)
    well = mutate.try_all(bench, mutation.read_all(folder))
    assert bench.text() == RIGHT  # whatever came of it
    return well, capsys.readouterr().out


def broken(killer, *hunk):
    return "\n".join(["breaks: T.1", "why: It is broken.", f"killed by: {killer}", "--- x.c", *hunk])


KILLED = broken("one first", "-a(b);", "+a(c);")


def test_killed_mutations_are_counted(tmp_path, capsys):
    well, text = attempt(tmp_path, capsys, KILLED, broken("one", "-a(b);"))
    assert well
    assert text.splitlines()[-1] == "mutants killed: 2 / 2"


@pytest.mark.parametrize("text, verdict, words", [
    (broken("one first", "-c(d);"), "SURVIVED", "one first passes: It is broken."),
    (broken("one second", "-a(b);"), "SURVIVED", "one second passes"),
    (broken("one first\nkilled by: other first", "-a(b);"), "SURVIVED", "other first passes"),
    (broken("one first", "-a(e);"), "WRONG", "m1: a hunk stands 0 times in x.c, not once: a(e);"),
    (broken("one first", "-a(b);", "@@", "-c(e);"), "WRONG", "m1: a hunk stands 0 times in x.c, not once: c(e);"),
    (broken("one first", "-a(b);", "--- y.c", "-c(d);"), "WRONG", "m1: there is no file y.c"),
    (broken("one first", "-a(b);", "+syntax"), "WRONG", "it does not compile"),
], ids=["survives", "other-function", "one-of-two", "stale", "half-stale", "no-file", "no-c"])
def test_the_run_fails_where_one_is_not_killed(tmp_path, capsys, text, verdict, words):
    well, printed = attempt(tmp_path, capsys, KILLED, text)
    assert not well
    line = next(line for line in printed.splitlines() if " m1 " in line)
    assert line.startswith(verdict) and words in line
    assert "mutants killed: 1 / 2" in printed
    assert f"{verdict.lower()}: m1" in printed


@pytest.mark.parametrize("killer, words", [("three first", "there is no test three"), ("one third", "one has no test third")])
def test_tests_that_are_not_there_are_named(tmp_path, capsys, killer, words):
    with pytest.raises(mutation.Wrong, match=words):
        attempt(tmp_path, capsys, broken(killer, "-a(b);"))
