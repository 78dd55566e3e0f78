# SPDX-License-Identifier: BSD-3-Clause
"""The build's options do what they say."""
import json
import platform
import subprocess

import firmware as fw
import pytest


@pytest.mark.skipif(platform.machine() != "x86_64", reason="names a CPU of x86_64")
def test_cpu_baseline_reaches_every_file(tmp_path):
    """The compiler takes the last -march that it is given; DPDK's own would stand behind ours."""
    subprocess.run(["meson", "setup", tmp_path, fw.REPO, "-Dcpu=x86-64-v3", "-Dtests=false"], check=True, capture_output=True)
    compiled = json.loads((tmp_path / "compile_commands.json").read_text())
    last = {entry["file"]: [word for word in entry["command"].split() if word.startswith("-march=")][-1:] for entry in compiled}
    wrong = {file: march for file, march in last.items() if march != ["-march=x86-64-v3"]}
    assert last and not wrong, wrong
