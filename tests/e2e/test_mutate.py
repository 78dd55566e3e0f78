# SPDX-License-Identifier: BSD-3-Clause
"""The tests of the contract notice when what matters most is broken."""
import subprocess

import firmware as fw
import pytest


@pytest.mark.slow
def test_every_mutation_is_killed():
    done = subprocess.run([fw.REPO / "tests/conformance/mutate"], capture_output=True, text=True, timeout=900)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
