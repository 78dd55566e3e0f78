# SPDX-License-Identifier: BSD-3-Clause
"""Everything that can happen to stacks, at random, from several threads, under traffic: five minutes under ASan and UBSan."""
import subprocess

import firmware as fw
import pytest

SECONDS = 300


@pytest.mark.slow
def test_spin_for_five_minutes():
    result = subprocess.run([fw.BUILD / "tests/conformance/spin", "--seconds", str(SECONDS)], capture_output=True, text=True,
                            timeout=SECONDS + 240, check=False)
    print(result.stdout)  # the seed, and how often each operation succeeded
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 lost, 0 objects leaked" in result.stdout
