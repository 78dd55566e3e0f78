# SPDX-License-Identifier: BSD-3-Clause
"""Resets: the datapath goes on with its rules, the device starts anew in the same process, and both say why."""
import firmware as fw
import policies
import pytest


@pytest.fixture
def busy(firmware):
    """Traffic out of the wire without end."""
    host, wire = policies.port("host0", "net_null0", rx_pps=20000), policies.port("wire0", "net_null1,no-rx=1")
    rules = {"fw": [policies.ace("all", "out", "count")]}
    return firmware(policies.document(host, wire, [policies.passthru_driver("p0"), policies.filter_driver("fw")], rules))


def told(running, *kinds):
    return [(row["event"], row["subject"], row["value"]) for row in running.json("events") if row["event"] in kinds]


def goes_on(running):
    before = running.sent("wire0")
    fw.wait_until(lambda: running.sent("wire0") > before + 500, "packets go on", 20)


def test_datapath(busy):
    goes_on(busy)
    hits = busy.hits()[("fw", "all")][0]
    assert busy.json("reset", "--reason", "just to see") == {"level": "datapath", "generation": 1}
    assert busy.json("reset", "--level", "datapath", "--reason", "again") == {"level": "datapath", "generation": 2}
    goes_on(busy)
    assert busy.hits()[("fw", "all")][0] > hits  # counters stay
    assert {row["state"] for row in busy.json("stack", "show")} == {"running"}
    assert told(busy, "reset", "progress") == [("reset", "just to see", 1), ("progress", "reset", 100),
                                               ("reset", "again", 2), ("progress", "reset", 100)]


def test_device(busy):
    """The process stays, all else is new: boot id, policy, buffers. The generation goes on."""
    busy.ctl("reset", "--reason", "first")
    busy.ctl("rule", "flush", "fw")
    before = busy.json("info")
    out = busy.ctl("reset", "--level", "device", "--reason", "it is stuck")
    assert out == "the firmware resets itself: generation 2\n"
    fw.wait_until(lambda: busy.output().count(fw.READY) == 2, "ready again", 60)
    assert "all 32768 mbufs" in busy.output()
    after = busy.json("info")
    assert after["pid"] == before["pid"] == busy.process.pid
    assert after["boot-id"] != before["boot-id"]
    assert ("fw", "all") in busy.hits()
    goes_on(busy)
    assert told(busy, "reset") == [("reset", "it is stuck", 2)]
    assert busy.json("reset", "--reason", "third")["generation"] == 3


@pytest.mark.parametrize("words, code, said", [
    (["reset"], 2, "needs --reason"),
    (["reset", "--reason", ""], 2, "needs --reason"),
    (["reset", "--level", "world", "--reason", "x"], 2, "datapath or device"),
    (["reset", "--reason", "x" * 128], 3, "longer than 127 bytes"),
    (["reset", "--reason", "two\nlines"], 3, "value out of range"),
])
def test_bad_usage(idle, words, code, said):
    done = idle.try_ctl(*words)
    assert done.returncode == code
    assert said in done.stderr
    assert told(idle, "reset") == []
