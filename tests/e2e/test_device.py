# SPDX-License-Identifier: BSD-3-Clause
"""Control devices of drivers: opened, called and closed by clients, who may crowd, wait, and die in the middle."""
import json
import signal
import struct
import time

import firmware as fw
import gadgets
import policies
import pytest


@pytest.fixture(scope="module")
def shared_object(tmp_path_factory):
    return gadgets.build(tmp_path_factory.mktemp("drivers"))


@pytest.fixture
def running(firmware, shared_object):
    """A firmware with a filter `fw` and, above it, an instance `g` of the gadget."""
    one = firmware(policies.null_document())
    gadgets.load(one, shared_object)
    return one


# contract: 8.1 8.3
def test_a_device_is_there_as_long_as_its_driver_has_an_instance(running):
    devices = {row["name"]: row["driver"] for row in running.json("device", "list")}
    assert devices == {"filter": "filter", "gadget": "gadget"}
    running.ctl("device", "open", "gadget")
    running.ctl("stack", "remove", "main", "g")
    assert [row["name"] for row in running.json("device", "list")] == ["filter"]
    refused = running.try_ctl("device", "open", "gadget")
    assert refused.returncode == 3
    assert 'control device "gadget": no such control device' in refused.stderr


def test_a_call_takes_bytes_there_and_back(running, tmp_path):
    data = bytes(range(256)) * 64
    (tmp_path / "data").write_bytes(data)
    answer = running.json("device", "call", "gadget", gadgets.ECHO, f"@{tmp_path}/data")
    assert (answer["device"], answer["code"], answer["bytes"]) == ("gadget", gadgets.ECHO, len(data))
    assert bytes.fromhex(answer["hex"]) == data
    text = running.ctl("device", "call", "gadget", "0x1", b"Sluice".hex())
    assert text.splitlines()[0] == "gadget answered 6 bytes"
    assert text.splitlines()[1].endswith("Sluice")


def test_what_a_driver_refuses_is_told_in_its_words(running):
    refused = running.try_ctl("device", "call", "gadget", 99)
    assert refused.returncode == 1
    assert 'control device "gadget": the driver refused: not supported' in refused.stderr
    error = json.loads(running.try_ctl("--json", "device", "call", "gadget", 3, "00").stderr)["error"]
    assert (error["status"], error["exit-code"]) == ("REQUEST_FAILED", 1)
    assert "invalid length" in error["message"]


def test_forty_clients_call_at_once(running):
    """Each gets its own bytes back, and every handle is closed."""
    clients = [(number, gadgets.start_call(running, gadgets.ECHO, struct.pack(">I", number) * 500))
               for number in range(40)]
    for number, client in clients:
        out, err = client.communicate(timeout=60)
        assert client.returncode == 0, err
        assert out.startswith("gadget answered 2000 bytes")
        assert struct.pack(">I", number).hex(" ", 1) in out
    fw.wait_until(lambda: gadgets.handles(running)["gadget"] == 0, "all handles closed")
    counts = gadgets.counts(running)
    assert counts["opened"] == counts["closed"] + 1 == 41  # the call that counts is itself one


def test_slow_calls_stall_nobody_else(running):
    """While a driver sleeps in the calls of many clients, others are answered, and rules change."""
    slow = [gadgets.start_call(running, gadgets.SLEEP, struct.pack("<I", 3000)) for _ in range(8)]
    fw.wait_until(lambda: gadgets.handles(running)["gadget"] >= 2, "calls under way")
    start = time.monotonic()
    running.ctl("info")
    running.ctl("rule", "add", "on", "fw", "in", "tcp", "deny")
    running.ctl("oid", "get", "fw", "gen-link-speed")
    running.ctl("stack", "insert", "main", "passthru", "p", "--bottom")
    taken = time.monotonic() - start
    still_slow = sum(client.poll() is None for client in slow)
    assert still_slow > 0, f"the others took {taken:.1f} s, and all slow calls ended before"
    for client in slow:
        _, err = client.communicate(timeout=60)
        assert client.returncode == 0, err


# contract: 8.16
def test_a_client_killed_while_its_call_pends(running):
    """The call is cancelled, the handle closed, and nobody else notices."""
    client = gadgets.start_call(running, gadgets.PEND)
    fw.wait_until(lambda: gadgets.counts(running)["pended"] == 1, "the call pends")
    assert gadgets.handles(running)["gadget"] == 1
    client.send_signal(signal.SIGKILL)
    client.communicate()
    fw.wait_until(lambda: gadgets.handles(running)["gadget"] == 0, "the handle is closed")
    counts = gadgets.counts(running)
    assert (counts["cancelled"], counts["removed"]) == (1, 0)
    assert gadgets.call(running, gadgets.ECHO, b"alive") == b"alive"


def test_a_client_killed_while_its_call_runs(running):
    """The handler comes to its end, then the handle is closed."""
    client = gadgets.start_call(running, gadgets.SLEEP, struct.pack("<I", 1500))
    fw.wait_until(lambda: gadgets.handles(running)["gadget"] == 1, "the handle is open")
    client.send_signal(signal.SIGKILL)
    client.communicate()
    running.ctl("info")
    fw.wait_until(lambda: gadgets.handles(running)["gadget"] == 0, "the handle is closed")
    counts = gadgets.counts(running)
    assert counts["opened"] == counts["closed"] + 1


def test_clients_killed_at_any_moment_leave_no_handle(running):
    for number in range(30):
        code, data = [(gadgets.PEND, b""), (gadgets.ECHO, b"x"), (gadgets.SLEEP, struct.pack("<I", 20))][number % 3]
        client = gadgets.start_call(running, code, data)
        time.sleep(0.002 * number)
        client.send_signal(signal.SIGKILL)
        client.communicate()
    fw.wait_until(lambda: gadgets.handles(running)["gadget"] == 0, "all handles closed")
    counts = gadgets.counts(running)
    assert counts["opened"] == counts["closed"] + 1
    assert counts["pended"] == counts["cancelled"]


# contract: 8.12 8.16
def test_a_handle_outlives_the_instance(running):
    """A call that pends when the last instance goes is told so; the handle can be closed all the same."""
    client = gadgets.start_call(running, gadgets.PEND)
    fw.wait_until(lambda: gadgets.counts(running)["pended"] == 1, "the call pends")
    running.ctl("stack", "remove", "main", "g")
    _, err = client.communicate(timeout=60)
    assert client.returncode == 1
    assert "what the handle was opened for is gone" in err
    running.ctl("stack", "insert", "main", "gadget", "g2")
    assert gadgets.call(running, gadgets.ECHO, b"again") == b"again"
    counts = gadgets.counts(running)
    assert (counts["cancelled"], counts["removed"]) == (0, 1)
    assert counts["opened"] == counts["closed"] + 1


def test_rules_go_through_the_filters_device(running):
    """The CLI's rule commands are calls of the device `filter`; a client that is no CLI makes the same ones."""
    assert "added rule a to fw" in running.ctl("rule", "add", "in", "name", "a", "tcp", "deny")
    rule = bytes(32) + b"b".ljust(32, b"\0") + struct.pack("<II", 7, 0) + bytes([0, 1]) + bytes(86)
    answer = bytes.fromhex(running.json("device", "call", "filter", 1, rule.hex())["hex"])
    status, offset, generation = struct.unpack_from("<H6xI4xQ", answer)
    assert (status, offset, generation) == (0, 0xFFFFFFFF, running.generation())
    assert {name for _, name in running.hits()} == {"a", "b"}
    refused = running.try_ctl("device", "call", "filter", 1, rule.hex())  # the name is taken now
    assert refused.returncode == 1 and refused.stdout.startswith("filter answered 200 bytes")
