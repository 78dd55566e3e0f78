# SPDX-License-Identifier: BSD-3-Clause
"""What sluicectl dev info tells is what the program's file says of itself."""
import re
import subprocess

import firmware as fw


def test_dev_info(idle):
    told = idle.json("dev", "info")
    notes = subprocess.run(["readelf", "-n", str(fw.FIRMWARE)], check=True, capture_output=True, text=True).stdout
    header = (fw.REPO / "host-shim" / "abi" / "base.h").read_text()
    major, minor = (re.search(rf"SLUICE_ABI_{part} (\d+)u", header).group(1) for part in ("MAJOR", "MINOR"))
    assert told["driver"] == "sluice"
    assert told["fw.bundle_id"] == re.search(r"Build ID: (\w+)", notes).group(1)
    assert told["fw.mgmt.api"] == f"{major}.{minor}"
    info = idle.json("info")
    assert (told["fw"], told["boot-id"], told["workers"]) == (info["version"], info["boot-id"], info["workers"])
    assert told["ports"] == 2
