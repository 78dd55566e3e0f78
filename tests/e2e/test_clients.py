# SPDX-License-Identifier: BSD-3-Clause
"""Clients that die, crowd, stay silent or talk nonsense harm nobody else."""
import array
import json
import random
import signal
import socket
import struct
import subprocess
import time

import crafted
import firmware as fw
import pcapfile
import policies
import processes
import pytest

SOCKET = "mailbox.sock"
MAGIC = 0x424D454349554C53
BIG_POLICY_RULES = 20_000


@pytest.fixture
def busy(firmware, tmp_path):
    """A firmware that forwards the same few frames from the host to the wire without end."""
    pcapfile.write(tmp_path / "in.pcap", [crafted.ipv4(17, crafted.udp()) + bytes(18)] * 64)
    host = policies.port("host0", f"net_pcap0,rx_pcap={tmp_path}/in.pcap,infinite_rx=1", rx_pps=20_000)
    wire = policies.port("wire0", "net_null0,no-rx=1")
    rules = {"fw": [policies.ace("seen", "out", "count")]}
    return firmware(policies.document(host, wire, [policies.filter_driver("fw")], rules), max_rules=50_000)


def check_alive(running):
    """Packets still go through, and another client is served."""
    before = running.sent("wire0")
    fw.wait_until(lambda: running.sent("wire0") > before, "packets go on", 10)


def connect(running):
    client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    client.connect(str(running.runtime_dir / SOCKET))
    return client


def hello(magic=MAGIC, major=2, features=0, reserved=bytes(48)):
    return struct.pack("<QHHI", magic, major, 0, features) + reserved


def big_policy(path):
    def matches(number):
        return {"ipv4": {"source-ipv4-network": f"10.{number >> 8 & 255}.{number & 255}.0/24"},
                "udp": {"destination-port": {"operator": "eq", "port": number}}}

    rules = [policies.ace(f"r{number}", "in", "drop", matches(number)) for number in range(BIG_POLICY_RULES)]
    path.write_text(json.dumps(policies.acls(fw=rules)))
    return path


def start_apply(running, path):
    return subprocess.Popen([str(fw.CLI), "--runtime-dir", str(running.runtime_dir), "apply", str(path)],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=fw.ENVIRONMENT)


def seconds_to_apply(running, path):
    start = time.monotonic()
    running.ctl("apply", path)
    return time.monotonic() - start


def kill_one(running, path, moments, seconds):
    """Kills an apply at any moment, or (two of three) as soon as it uploads; tells whether it had its mailbox."""
    client, uploading = start_apply(running, path), False
    if moments.random() < 1 / 3:
        time.sleep(moments.uniform(0, seconds))
    else:
        uploading = processes.wait_for_mailbox(client)
    client.send_signal(signal.SIGKILL)
    return client.wait() == -signal.SIGKILL and uploading


@pytest.mark.slow
def test_clients_killed_in_the_middle_of_an_upload(busy, tmp_path):
    """50 applies of a big policy end by SIGKILL at any moment: the policy is the old one or the whole new one."""
    path = big_policy(tmp_path / "big.json")
    seconds = seconds_to_apply(busy, path)
    whole = busy.show_config()
    small = policies.acls(fw=[policies.ace("seen", "out", "count")])
    busy.apply(small)
    old, moments, interrupted = busy.show_config(), random.Random(1), 0
    for _ in range(50):
        uploading = kill_one(busy, path, moments, seconds)
        now = busy.show_config()
        assert now in (old, whole)
        interrupted += uploading and now == old
        if now == whole:
            busy.apply(small)
    assert interrupted >= 5, "too few uploads were cut short to show anything"
    check_alive(busy)
    busy.ctl("apply", path)
    assert busy.show_config() == whole


def test_sixty_four_clients_at_once(busy):
    """All of them are served."""
    command = [str(fw.CLI), "--runtime-dir", str(busy.runtime_dir), "--json", "info"]
    clients = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=fw.ENVIRONMENT)
               for _ in range(64)]
    results = [(client.communicate(timeout=60), client.returncode) for client in clients]
    assert [(err, status) for (_, err), status in results if status] == []
    assert len({json.loads(out)["boot-id"] for (out, _), _ in results}) == 1


def garbage_clients():
    """Name -> what such a client sends; None sends nothing."""
    random_bytes = random.Random(2).randbytes
    return {
        "silent": None,
        "empty": b"",
        "one byte": b"S",
        "wrong magic": hello(magic=MAGIC ^ 1),
        "next major version": hello(major=3),
        "unknown feature": hello(features=1 << 31),
        "reserved byte set": hello(reserved=bytes(47) + b"\1"),
        "hello and more": hello() + b"\0",
        "random 64": random_bytes(64),
        "random 60000": random_bytes(60_000),
    }


def open_descriptors(running):
    return len(processes.descriptors(running.process.pid))


@pytest.mark.parametrize("kind", garbage_clients())
def test_strange_client(busy, kind):
    """It may hold its connection; the others are served, packets go on, and nothing is left when it has gone."""
    message = garbage_clients()[kind]
    before = open_descriptors(busy)
    with connect(busy) as client:
        if message is not None:
            client.send(message)
        busy.ctl("info")
        check_alive(busy)
    fw.wait_until(lambda: open_descriptors(busy) <= before, "the connection's descriptors are given back", 10)


def test_silent_after_welcome(busy):
    """A client that gets its mailbox and never uses it holds up nobody; its mailbox goes when it goes."""
    before = open_descriptors(busy)
    clients = [connect(busy) for _ in range(8)]
    for client in clients:
        client.send(hello())
    check_alive(busy)
    for client in clients:
        client.close()
    fw.wait_until(lambda: open_descriptors(busy) <= before, "the mailboxes are given back", 10)


def test_surplus_descriptors(busy):
    """Descriptors that nobody asked for are closed, not collected."""
    before = open_descriptors(busy)
    with open("/dev/null") as null:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [null.fileno()] * 20))]
        for _ in range(20):
            with connect(busy) as client:
                client.sendmsg([hello()], rights)
    check_alive(busy)
    fw.wait_until(lambda: open_descriptors(busy) <= before, "surplus descriptors are closed", 10)


def test_junk_after_the_handshake(busy):
    """More messages on a connection that has its mailbox are no reason to falter."""
    before = open_descriptors(busy)
    with connect(busy) as client:
        client.send(hello())
        client.recv(4096)
        for size in (1, 64, 4096):
            try:
                client.send(bytes(size))
            except (BrokenPipeError, ConnectionResetError):
                break
        check_alive(busy)
    fw.wait_until(lambda: open_descriptors(busy) <= before, "the mailbox is given back", 10)
