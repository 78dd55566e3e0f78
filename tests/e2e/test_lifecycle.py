# SPDX-License-Identifier: BSD-3-Clause
"""Starting and stopping: in order whatever the signal and the moment, with stacks of any depth, and nothing left behind."""
import os
import signal

import firmware as fw
import policies
import pytest


def firehose(depth):
    """Packets without end on both ports, through `depth` drivers."""
    drivers = [policies.passthru_driver(f"d{n}") for n in range(depth)]
    return policies.document(policies.port("host0", "net_null0"), policies.port("wire0", "net_null1"), drivers)


@pytest.mark.parametrize("depth", [1, 8, 256])
def test_a_stack_of_any_depth_forwards(firmware, depth):
    running = firmware(firehose(depth))
    fw.wait_until(lambda: running.sent("wire0") > 1000 and running.sent("host0") > 1000, "1000 packets each way")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_signals_stop_in_order(firmware, number):
    """Under traffic: drained, unloaded, every buffer back, socket and lock gone, exit status 0."""
    running = firmware(firehose(2))
    fw.wait_until(lambda: running.sent("wire0") > 1000, "traffic")
    os.kill(running.process.pid, number)
    assert running.process.wait(timeout=30) == 0, running.output()
    assert "are back" in running.output()
    assert not (running.runtime_dir / "mailbox.sock").exists()


def test_packets_in_are_packets_out_or_drops(firmware):
    """When a port's packet filter is closed under traffic, not one packet is unaccounted for."""
    running = firmware(firehose(2))
    fw.wait_until(lambda: running.sent("wire0") > 1000, "traffic")
    for name in ("host0", "wire0"):
        running.ctl("oid", "set", name, "gen-current-packet-filter", "0")
    sent = {name: running.sent(name) for name in ("host0", "wire0")}
    before = {name: running.received(name) for name in ("host0", "wire0")}
    fw.wait_until(lambda: all(running.received(name) > before[name] + 1000 for name in before), "packets after that")
    assert sent == {name: running.sent(name) for name in sent}, "sent although the filter is closed"
    assert {drop["reason"] for drop in running.json("drops")} == {"packet-filter"}
    assert {drop["where"] for drop in running.json("drops")} == {"host0", "wire0"}


@pytest.mark.parametrize("quiet", ["host0", "wire0"])
def test_cycles_are_told_for_traffic_of_one_direction(firmware, quiet):
    """Sends are completed at the other end of a driver than they come in at: both ends' cycles are its packets'."""
    document = firehose(2)
    for port in document["sluice:ports"]["port"]:
        port["devargs"] += ",no-rx=1" if port["name"] == quiet else ""
    running = firmware(document)
    busy = "wire0" if quiet == "host0" else "host0"
    fw.wait_until(lambda: running.received(busy) > 10_000, "traffic")
    told = {row["instance"]: row["cycles-per-packet"] for row in running.json("stats")["instances"]}
    assert set(told) == {"d0", "d1"} and all(cycles > 0 for cycles in told.values()), told
