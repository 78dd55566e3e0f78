# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures: firmwares of the build under test (SLUICE_BUILD, default build/asan), each with a directory of its own."""
import signal

import firmware as fw
import policies
import pytest

# A shell has what it runs in the background ignore interrupts, and programs that we start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes more than some ten seconds")


@pytest.fixture(scope="session")
def binaries():
    """Fails, rather than skips, where there is nothing to test."""
    missing = [str(path) for path in (fw.FIRMWARE, fw.CLI, fw.SHIM) if not path.exists()]
    if missing:
        pytest.fail(f"not built: {', '.join(missing)} (set SLUICE_BUILD to a build directory)")


@pytest.fixture
def firmware(binaries, tmp_path):
    """start(document, **options) gives a firmware that forwards; at the end each must stop cleanly."""
    running = []

    def start(document, **options):
        one = fw.Firmware(document, tmp_path, **options)
        running.append(one)
        return one.wait_ready()

    yield start
    failures = []
    for one in running:
        try:
            if one.runtime_dir.exists():
                one.stop()
        except AssertionError as failure:
            failures.append(str(failure))
    assert not failures, "\n".join(failures)


@pytest.fixture
def idle(firmware):
    """A firmware with two ports on which nothing comes in, and a filter `fw` with two rules."""
    rules = [
        policies.ace("no-ssh", "in", "drop", {"tcp": {"destination-port": {"operator": "eq", "port": 22}}}, 100),
        policies.ace("all", "out", "count"),
    ]
    return firmware(policies.null_document({"fw": rules}))
