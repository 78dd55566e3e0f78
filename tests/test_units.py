# SPDX-License-Identifier: BSD-3-Clause
"""The compiled tests (unit tests, replayed fuzzing corpora), each in every build that is there."""
import json
import os
import subprocess
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent
BUILDS = ["asan", "gcc-test", "clang", "tsan"]
ENVIRONMENT = {
    **os.environ,
    "ASAN_OPTIONS": "detect_leaks=1:halt_on_error=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=1",
}


def is_wanted(test, build):
    """TSan runs those that say they are concurrent and free of DPDK; other schedules are for ASan, that sees what they do."""
    suites = {suite.rpartition(":")[2] for suite in test["suite"]}
    return "tsan" in suites if build == "tsan" else build == "asan" or "schedule" not in suites


def compiled(build):
    """(name, command) of each test of a build that is wanted there."""
    tests = json.loads((REPO / "build" / build / "meson-info" / "intro-tests.json").read_text())
    return [(test["name"], test["cmd"], test["workdir"] or REPO / "build" / build)
            for test in tests if is_wanted(test, build)]


def cases():
    built = [build for build in BUILDS if (REPO / "build" / build / "build.ninja").exists()]
    return [
        pytest.param(command, workdir, id=f"{build}:{name}", marks=[] if build == "asan" else [pytest.mark.slow])
        for build in built
        for name, command, workdir in compiled(build)
    ]


@pytest.mark.parametrize("command, workdir", cases())
def test_compiled(command, workdir):
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=workdir, env=ENVIRONMENT)
    if done.returncode == 77:  # as Meson has it: this machine lacks something
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
