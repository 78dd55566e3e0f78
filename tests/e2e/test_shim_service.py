# SPDX-License-Identifier: BSD-3-Clause
"""sluice-shim as a service: its unit file is right, and what that allows it is enough."""
import re
import shutil
import socket
import subprocess

import firmware as fw
import hostside
import pytest
from hostside import WIRE4

UNIT = fw.BUILD / "host-shim" / "shim" / "sluice-shim@.service"


def unit_value(key):
    return re.search(f"^{key}=(.*)$", UNIT.read_text(), re.M)[1]


def test_systemd_takes_the_unit_file(binaries, tmp_path):
    """As a template, and as an instance, with the program of this build."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze")
    text = re.sub(r"^ExecStart=\S+", f"ExecStart={fw.SHIM}", UNIT.read_text(), flags=re.M)
    (tmp_path / UNIT.name).write_text(text)
    for name in (UNIT.name, UNIT.name.replace("@", "@host0")):
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", tmp_path / name], capture_output=True, text=True,
                              timeout=60, check=False)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")
    broken = tmp_path / "broken@.service"
    broken.write_text(text.replace("Type=notify", "Type=nonsense"))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", broken], capture_output=True, text=True, timeout=60,
                          check=False)
    assert "nonsense" in done.stderr, "systemd-analyze finds no faults at all"


def test_as_the_manager_starts_it(binaries, tmp_path):
    """With the capabilities of the unit and no others: it is ready, tells so, feeds the watchdog, and says when it stops."""
    card = hostside.over_veth(tmp_path)
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))
    manager.settimeout(60)

    def wait_for(word):
        while manager.recv(256).decode() != word:
            pass

    capabilities = [word.lower().removeprefix("cap_") for word in unit_value("CapabilityBoundingSet").split()]
    limits = ["setpriv", "--no-new-privs", "--bounding-set", "-all,+" + ",+".join(capabilities)]
    try:
        card.start()
        command = ["env", f"NOTIFY_SOCKET={tmp_path}/notify", "WATCHDOG_USEC=400000", *limits, fw.SHIM, "--runtime-dir",
                   card.runtime_dir, "--port", "host0", "--name", hostside.DEVICE, "--persist"]
        with open(tmp_path / "out", "w") as out:
            # ptrace, which a search for leaks needs, is not among what the unit allows
            environment = {**fw.ENVIRONMENT, "ASAN_OPTIONS": fw.ENVIRONMENT["ASAN_OPTIONS"].replace("detect_leaks=1", "detect_leaks=0")}
            shim = subprocess.Popen(card.host.command(command), stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment)
        try:
            wait_for("READY=1")
            card.dress()
            card.host.ping(WIRE4)
            for _ in range(3):
                wait_for("WATCHDOG=1")
            held = (f"/proc/{shim.pid}/status", r"^CapBnd:\s+(\S+)")
            with open(held[0]) as status:
                assert bin(int(re.search(held[1], status.read(), re.M)[1], 16)).count("1") == len(capabilities)
            shim.terminate()
            wait_for("STOPPING=1")
            assert shim.wait(timeout=30) == 0, (tmp_path / "out").read_text()
        finally:
            shim.kill()
            shim.wait()
    finally:
        manager.close()
        card.close()
