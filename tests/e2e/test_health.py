# SPDX-License-Identifier: BSD-3-Clause
"""Health, heartbeats, and what a firmware leaves behind that ends before its time."""
import json
import mmap
import os
import signal
import socket
import struct
import subprocess

import array
import firmware as fw
import gadgets
import policies
import pytest

INFO_SIZE, WORKER_HEARTBEAT, CONTROL_HEARTBEAT, SYNDROME, LAST_WORDS = 4096, 40, 32, 92, 128
MAGIC = 0x424D454349554C53


def info_region(running):
    """The INFO region, mapped: it stays when the firmware goes."""
    client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    client.connect(str(running.runtime_dir / "mailbox.sock"))
    client.send(struct.pack("<QHHI", MAGIC, 2, 0, 0) + bytes(48))
    _, rights, _, _ = client.recvmsg(256, socket.CMSG_SPACE(8 * 4))
    fds = array.array("i", rights[0][2])
    region = mmap.mmap(fds[0], INFO_SIZE, mmap.MAP_SHARED, mmap.PROT_READ)
    for fd in fds:
        os.close(fd)
    return region


def word(region, offset, form):
    return struct.unpack_from(form, region, offset)[0]


def text(region, offset):
    return region[offset:offset + 256].split(b"\0")[0].decode()


def wait_for_health(running):
    return fw.wait_until(lambda: running.try_ctl("--json", "health").stdout, "the firmware has looked at itself", 10)


def test_all_is_well(idle):
    wait_for_health(idle)
    rows = idle.json("health")
    assert {(row["reporter"], row["name"]) for row in rows} >= {
        ("firmware", "firmware"), ("mailbox", "mailbox"), ("workers", "workers"), ("port", "host0"), ("port", "wire0"),
        ("driver", "filter"), ("driver", "passthru")}
    assert all(row["state"] == "well" and row["errors"] == 0 and row["text"] is None for row in rows)


def test_heartbeats_advance(idle):
    region = info_region(idle)
    before = [word(region, offset, "<Q") for offset in (CONTROL_HEARTBEAT, WORKER_HEARTBEAT)]
    fw.wait_until(lambda: all(word(region, offset, "<Q") > old + 2 for offset, old in
                              zip((CONTROL_HEARTBEAT, WORKER_HEARTBEAT), before)), "both heartbeats advance", 20)


def test_a_wire_without_link_is_told(firmware):
    """And it is well again when the link is."""
    host = policies.port("host0", "net_null0,no-rx=1")
    wire = policies.port("wire0", "net_tap0,iface=slhe0")
    running = firmware(policies.document(host, wire, [policies.filter_driver("fw")], {}))
    wait_for_health(running)
    assert running.try_ctl("health").returncode == 0
    subprocess.run(["ip", "link", "set", "slhe0", "down"], check=True)
    fw.wait_until(lambda: running.try_ctl("health").returncode == 7, "it is not well", 10)
    done = running.try_ctl("--json", "health")
    row = json.loads(done.stdout)[0]
    assert (row["name"], row["state"], row["errors"], row["text"]) == ("wire0", "degraded", 1, "its link is down")
    assert "wire0 degraded: its link is down" in json.loads(done.stderr)["error"]["message"]
    subprocess.run(["ip", "link", "set", "slhe0", "up"], check=True)
    fw.wait_until(lambda: running.try_ctl("health").returncode == 0, "it is well again", 10)
    told = [event for event in running.json("events") if event["event"] == "health"]
    assert [(event["subject"], event["value"]) for event in told] == [("wire0", 0x301), ("wire0", 0x300)]


@pytest.mark.parametrize("number, words", [(signal.SIGABRT, "SIGABRT"), (signal.SIGSEGV, "SIGSEGV")])
def test_last_words(idle, firmware, tmp_path, number, words):
    """They stay in the region that clients have mapped, and in a file, which the next firmware takes over."""
    region = info_region(idle)
    idle.process.send_signal(number)
    idle.process.wait(timeout=30)
    assert word(region, SYNDROME, "<I") == 2
    assert text(region, LAST_WORDS).startswith(words)
    done = idle.try_ctl("health")
    assert done.returncode == 4
    assert f"its last words: {words}" in done.stderr
    command = [str(one) for one in fw.command_line(idle.config, idle.runtime_dir)]
    with open(tmp_path / "out", "w") as out:
        again = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=fw.ENVIRONMENT)
    try:
        fw.wait_until(lambda: fw.READY in (tmp_path / "out").read_text(), "it runs again")
        wait_for_health(idle)
        assert f"the firmware before this one ended: {words}" in idle.ctl("health")
    finally:
        again.terminate()
        assert again.wait(timeout=60) == 0
    assert "last words" not in idle.try_ctl("health").stderr  # that one ended in order
    idle.kill()


def test_last_words_of_a_driver_that_crashes(idle, tmp_path):
    """Its entry runs on a control thread, whose fault is told as any other's, also by the sanitizer of a build with one."""
    region = info_region(idle)
    lost = idle.try_ctl("driver", "load", gadgets.build(tmp_path, "-DENTRY_CRASHES"))
    idle.process.wait(timeout=30)
    assert lost.returncode != 0
    assert word(region, SYNDROME, "<I") == 2
    assert text(region, LAST_WORDS).startswith("SIGSEGV")
    done = idle.try_ctl("health")
    assert done.returncode == 4 and "its last words: SIGSEGV" in done.stderr
    if b"__asan_init" in fw.FIRMWARE.read_bytes():
        assert "gadget.c" in fw.sanitizer_report(idle.output())
    idle.kill()
