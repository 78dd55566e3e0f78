# SPDX-License-Identifier: BSD-3-Clause
"""Receive buffers that a host has, at the end of the firmware: it waits for them, says so, and does not wait for ever."""
import re
import signal
import socket
import time

import datarings
import firmware as fw
import hostside
import policies
import pytest

BROADCAST = b"\xff" * 6 + b"\2\0\0\0\0\x0e\x88\xb5" + bytes(50)
LENT = re.compile(r"verifier: port 'host0' has lent (\d+) buffers: (\d+) returned, (\d+) forfeited, (\d+) outstanding")
WAITING, CUT_OFF, RETURNED = "waiting up to", "is cut off", "the hosts have returned all receive buffers"


def account(running, name="host0"):
    """lent, returned, forfeited, held: and they must agree."""
    row = running.port(name)
    lent, returned, forfeited, held = (row[f"host-{word}"] for word in ("lent", "returned", "forfeited", "held"))
    assert lent == returned + forfeited + held, row
    return lent, returned, forfeited, held


def at_the_end(report):
    """lent, returned, forfeited, outstanding when the port went, as the verifier tells it."""
    lent, returned, forfeited, outstanding = map(int, LENT.search(report).groups())
    assert lent == returned + forfeited + outstanding
    return lent, returned, forfeited, outstanding


def held(running, name="host0"):
    return account(running, name)[3]


@pytest.fixture
def stopped(binaries, tmp_path):
    """make(limit in ms) gives a card whose shim has been stopped while frames were on their way to it."""
    cards = []

    def make(limit_ms):
        card = hostside.over_veth(tmp_path, beside=True)
        card.options["return_limit"] = limit_ms
        cards.append(card)
        card.start()
        shim = card.shim().wait_ready()
        card.dress()
        card.host.ping(hostside.WIRE4)
        fw.wait_until(lambda: held(card.firmware) == 0, "a shim that runs gives everything back", 20)
        assert account(card.firmware)[1] > 0
        shim.process.send_signal(signal.SIGSTOP)
        with card.wire.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as wire:
            wire.bind((hostside.WIRE_END, 0))
            for _ in range(20):
                wire.send(BROADCAST)
        fw.wait_until(lambda: held(card.firmware) >= 20, "the host has them", 20)
        return card, shim

    yield make
    for card in cards:
        for shim in card.shims:
            if shim.process.poll() is None:
                shim.process.send_signal(signal.SIGCONT)
        if not card.firmware.runtime_dir.exists():
            card.firmware = None  # it has ended, and was looked at
        card.close()


def test_the_end_waits_for_a_host(stopped):
    """A shim that is stopped with frames: nothing ends before it goes on; meanwhile the other stack and the mailbox work."""
    card, shim = stopped(60000)
    running = card.firmware
    with datarings.Host(card.runtime_dir, "host1") as other:
        running.process.terminate()
        fw.wait_until(lambda: WAITING in running.output(), "it says that it waits", 20)
        assert "port 'host0': waiting up to 60000 ms for" in running.output()
        assert "'host1'" not in running.output()  # that one has nothing
        assert running.process.poll() is None and held(running) >= 20
        with pytest.raises(datarings.Refused, match="^31$"):
            datarings.Host(card.runtime_dir, "host1")
        assert other.status() == datarings.DOWN
        time.sleep(0.5)
        assert running.process.poll() is None, running.output()
    shim.process.send_signal(signal.SIGCONT)
    report = running.ended()
    assert RETURNED in report and CUT_OFF not in report
    lent, _, forfeited, outstanding = at_the_end(report)
    assert lent >= 20 and forfeited == 0 and outstanding == 0
    assert "verifier: port 'host1' has lent 0 buffers" in report
    shim.stop()


def test_the_end_does_not_wait_for_ever(stopped):
    """A shim that never comes back is cut off, with the number of buffers; all of the firmware's own is back all the same."""
    card, _ = stopped(1000)
    running = card.firmware
    running.process.terminate()
    report = running.ended()
    assert "waiting up to 1000 ms for" in report and RETURNED not in report
    line = next(line for line in report.splitlines() if CUT_OFF in line)
    cut_off = int(line.split("has not returned ")[1].split()[0])
    assert cut_off >= 20 and "port 'host0'" in line
    _, _, forfeited, outstanding = at_the_end(report)
    assert forfeited >= cut_off and outstanding == 0
    assert "mbufs and" in report and "are back" in report


def test_other_ports_go_on_meanwhile(firmware):
    """Frames between ports that have no host pass while the end waits for one that keeps all it got."""
    document = policies.document(policies.port("host0", "net_host0"), policies.port("wire0", "net_null0", rx_pps=2000),
                                 [policies.passthru_driver("p0")])
    other = policies.document(policies.port("in1", "net_null1", rx_pps=2000), policies.port("out1", "net_null2,no-rx=1"),
                              [policies.passthru_driver("p1")])
    document["sluice:ports"]["port"] += other["sluice:ports"]["port"]
    other["sluice:stacks"]["stack"][0]["name"] = "other"
    document["sluice:stacks"]["stack"] += other["sluice:stacks"]["stack"]
    running = firmware(document, return_limit=30000)
    with datarings.Host(running.runtime_dir, "host0", entries=64) as host:
        fw.wait_until(lambda: held(running) == 64, "it has all that there are", 20)
        running.process.terminate()
        fw.wait_until(lambda: WAITING in running.output(), "the end waits", 20)
        sent = running.sent("out1")
        fw.wait_until(lambda: running.sent("out1") > sent + 100, "frames go on between the others", 20)
        assert held(running) == 64
        host.receive()
        report = running.ended()
    assert RETURNED in report


def test_a_host_that_goes_forfeits(firmware):
    """The account of hosts that died, or gave everything back before they left; the next one finds all buffers."""
    document = policies.document(policies.port("host0", "net_host0"), policies.port("wire0", "net_null0", rx_pps=2000),
                                 [policies.passthru_driver("p0")])
    running = firmware(document)
    with datarings.Host(running.runtime_dir, "host0", entries=64):
        fw.wait_until(lambda: held(running) == 64, "it has all that there are", 20)
        assert account(running) == (64, 0, 0, 64)
    fw.wait_until(lambda: held(running) == 0, "it has gone", 20)
    assert account(running) == (64, 0, 64, 0)
    with datarings.Host(running.runtime_dir, "host0", entries=64) as host:
        fw.wait_until(lambda: host.receive() and account(running)[1] > 200, "it returns what it gets", 20)
    fw.wait_until(lambda: held(running) == 0, "it has gone", 20)
    assert 64 <= account(running)[2] <= 128
