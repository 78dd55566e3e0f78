# SPDX-License-Identifier: BSD-3-Clause
"""The sample driver: built outside of the tree against what is installed, as docs/writing-a-driver.md tells, and loaded."""
import os
import shutil
import struct
import subprocess

import firmware as fw
import policies
import pytest

KINDS = ("ipv4", "arp", "vlan", "ipv6", "other")


@pytest.fixture(scope="module")
def tally(tmp_path_factory):
    """tally.so, made by its Makefile from what `meson install` put down; nothing in it comes from the source tree."""
    folder = tmp_path_factory.mktemp("outside")
    installed = folder / "installed"
    subprocess.run(["meson", "install", "--no-rebuild", "-C", fw.BUILD, "--destdir", installed], check=True, capture_output=True)
    pkgconfig = next(installed.rglob("sluice-driver.pc")).parent
    shutil.copytree(fw.REPO / "docs" / "sample-driver", folder / "tally")
    built = subprocess.run(["make", "-C", folder / "tally", "CC=gcc"], capture_output=True, text=True, check=False,
                           env={**os.environ, "PKG_CONFIG_PATH": str(pkgconfig)})
    assert built.returncode == 0, built.stdout + built.stderr
    assert str(fw.REPO / "dataplane") not in built.stdout
    return folder / "tally" / "tally.so"


@pytest.fixture
def busy(firmware):
    ports = [policies.port("host0", "net_null0,size=64", rx_pps=20_000),
             policies.port("wire0", "net_null1,size=64", rx_pps=20_000)]
    return firmware(policies.document(*ports, [policies.filter_driver("fw")]))


def counts(running):
    """Frames by direction and kind."""
    numbers = struct.unpack("<10Q", bytes.fromhex(running.json("device", "call", "tally", "1")["hex"]))
    return dict(zip(KINDS, numbers[:5])), dict(zip(KINDS, numbers[5:]))


def test_the_sample_driver_counts_and_goes(busy, tally):
    busy.ctl("driver", "load", tally)
    busy.ctl("stack", "insert", "main", "tally", "tally0")
    fw.wait_until(lambda: all(side["other"] > 1000 for side in counts(busy)), "frames of zeros are counted in both directions")
    assert all(side[kind] == 0 for side in counts(busy) for kind in KINDS[:4])
    busy.ctl("stack", "remove", "main", "tally0")
    gone = busy.try_ctl("device", "call", "tally", "1")
    assert gone.returncode != 0, "the device goes with the last VNIC"
    busy.ctl("driver", "unload", "tally")
    assert busy.json("drops") == []


def test_two_instances_count_one_after_the_other(busy, tally):
    busy.ctl("driver", "load", tally)
    busy.ctl("stack", "insert", "main", "tally", "t0", "--top")
    busy.ctl("stack", "insert", "main", "tally", "t1", "--bottom")
    fw.wait_until(lambda: all(side["other"] > 100 for side in counts(busy)), "the later one is shown")
    busy.ctl("stack", "remove", "main", "t1")
    assert all(side["other"] > 100 for side in counts(busy)), "the earlier one is shown again"
    busy.ctl("driver", "unload", "--uninstall", "tally")
    assert "tally" not in [row["name"] for row in busy.json("driver", "list")]
