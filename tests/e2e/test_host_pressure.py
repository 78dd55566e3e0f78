# SPDX-License-Identifier: BSD-3-Clause
"""Who is slow makes others wait or lose frames, and each one that is lost is counted where that happened."""
import errno
import signal
import socket
import struct
from pathlib import Path

import datarings
import firmware as fw
import hostside
import programs
import pytest
from hostside import CARD_END, DEVICE, HOST4, WIRE4, WIRE_END

HEAD = b"\2\0\0\0\0\x0f\2\0\0\0\0\x0e\x88\xb5"  # an EtherType for experiments
BATCH = 100


@pytest.fixture
def start(binaries, tmp_path):
    """start(maker) gives a card with a host that is ready."""
    cards = []

    def make(maker):
        card = maker(tmp_path)
        cards.append(card)
        card.start()
        card.shim().wait_ready()
        card.dress()
        for namespace in (card.host, card.wire):  # no frames but those of the test
            namespace.sysctl("net/ipv6/conf/all/disable_ipv6", 1)
        card.host.ping(WIRE4)
        return card

    yield make
    for card in cards:
        card.close()


def frame(number, length=200):
    return (HEAD + struct.pack(">I", number)).ljust(length, bytes([number % 251]))


def send_frames(namespace, device, numbers, length=200):
    """How many the kernel took."""
    taken = 0
    with namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as one:
        one.bind((device, 0))
        for number in numbers:
            try:
                one.send(frame(number, length))
                taken += 1
            except OSError as error:
                assert error.errno == errno.ENOBUFS
    return taken


class Heard:
    """The numbers of the frames that came by a device, each as it was sent."""

    def __init__(self, namespace, device):
        self.capture, self.numbers = namespace.capture(device), []

    def all(self):
        for data, ours, _ in self.capture.frames():
            if not ours and data[12:14] == HEAD[12:]:
                number = struct.unpack_from(">I", data, 14)[0]
                assert data == frame(number, len(data))
                self.numbers.append(number)
        return self.numbers


def lost_by_firmware(card):
    return sum(card.firmware.drops().values())


def lost_by(namespace, device):
    counters = namespace.link_counters(device)
    return sum(counters[way][word] for way in ("rx", "tx") for word in ("dropped", "errors"))


def states(process):
    """Of its threads."""
    return {stat.read_text().rsplit(")", 1)[1].split()[0] for stat in Path(f"/proc/{process}/task").glob("*/stat")}


def test_a_host_that_stops(start):
    """What finds no buffer is counted by that name; the others arrive when the host goes on: no frame is missing."""
    card, frames = start(hostside.over_tap), 3000
    before, received = card.firmware.drops(), card.firmware.received("wire0")
    heard = Heard(card.host, DEVICE)
    shim = card.shims[-1].process
    shim.send_signal(signal.SIGSTOP)
    try:
        fw.wait_until(lambda: states(shim.pid) == {"T"}, "all threads of the shim have stopped", 20)
        for first in range(0, frames, BATCH):
            assert send_frames(card.wire, WIRE_END, range(first, first + BATCH)) == BATCH
            card.firmware.wait_rx("wire0", received + first + BATCH)
        assert not heard.all()
        lost = card.firmware.drops() - before
        assert lost[("host0", "in", "host-short")] >= frames - 600, "a ring has 512 places"
    finally:
        shim.send_signal(signal.SIGCONT)
    fw.wait_until(lambda: len(heard.all()) + lost[("host0", "in", "host-short")] >= frames, "all others arrive", 30)
    lost = card.firmware.drops() - before
    assert {where: count for where, count in lost.items() if where[2] != "host-short"} == {}
    assert len(heard.numbers) + lost[("host0", "in", "host-short")] == frames
    assert heard.numbers == sorted(set(heard.numbers))
    card.wire.ping(HOST4)


def slow_down(card, *limit):
    card.inside.run("tc", "qdisc", "add", "dev", CARD_END, "root", "tbf", "rate", "20mbit", "burst", "4kb", "limit", *limit)


def over_refusing_veth(folder):
    """What the kernel has no room for it refuses, and tells the card so; beside it is a stack whose wire takes all."""
    card = hostside.over_veth(folder, beside=True)
    wire = next(port for port in card.document["sluice:ports"]["port"] if port["name"] == "wire0")
    wire["devargs"] = f"net_pcap0,rx_iface_in={CARD_END},tx_iface={CARD_END}"
    return card


def held_back(card, port="host0"):
    row = card.firmware.port(port)
    assert (row["rx-held-back"] > 0) == (row["rx-held-back-us"] > 0), row
    return row["rx-held-back"]


def dropped_on_the_way_out(card):
    return {where: count for where, count in card.firmware.drops().items() if where[1] == "out" and count > 0}


def test_a_wire_that_refuses(start):
    """The host's frames wait in its own kernel, and what that took arrives: the card loses none, and serves others."""
    card, frames, length = start(over_refusing_veth), 3000, 1000
    assert held_back(card) == 0
    slow_down(card, "20kb")
    heard = Heard(card.wire, WIRE_END)
    before = lost_by(card.host, DEVICE)
    with datarings.Host(card.runtime_dir, "host1") as beside:
        sent = send_frames(card.host, DEVICE, range(frames), length)
        passed = 0
        while len(heard.all()) < sent - (lost_by(card.host, DEVICE) - before):
            beside.send(frame(passed))
            fw.wait_until(beside.sent, "the card takes a frame of another host", 10)
            passed += 1
    assert heard.numbers == sorted(set(heard.numbers))
    assert held_back(card) > 0 and dropped_on_the_way_out(card) == {}
    assert card.firmware.sent("wire1") == passed > 0 and held_back(card, "host1") == 0
    card.host.ping(WIRE4)


@pytest.mark.parametrize("words", [[], ["--udp", "--length", "1400", "--bitrate", "0"]])
def test_programs_over_a_wire_that_refuses(start, words):
    """Large sends of TCP, and datagrams as fast as they go: the card loses none of either."""
    card = start(over_refusing_veth)
    slow_down(card, "20kb")
    with programs.iperf_server(card.wire):
        measured = programs.iperf(card.host, WIRE4, "--time", "2", *words)
    assert held_back(card) > 0 and dropped_on_the_way_out(card) == {}
    received = measured["sum_received"]
    assert received["bits_per_second"] > 10e6, "of 20"


def test_a_wire_that_is_dead_holds_nobody_back(start):
    """It takes nothing more: the host waits for some seconds, and then what it sends is dropped and counted."""
    card = start(over_refusing_veth)
    card.inside.ip("link", "set", CARD_END, "down")
    received = card.firmware.received("host0")
    deadline = [("wire0", "out", "tx-refused"), ("wire0", "out", "tx-queue-full")]

    def lost():
        send_frames(card.host, DEVICE, range(100))
        drops = card.firmware.drops()
        return all(drops[where] > 0 for where in deadline)

    fw.wait_until(lost, "frames are taken again, and dropped", 30, 0.1)
    assert held_back(card) > 0 and card.firmware.received("host0") > received + 256
    card.inside.ip("link", "set", CARD_END, "up")
    fw.wait_until(lambda: card.host.can_ping(WIRE4), "the wire works again", 30)


def over_slow_veth(folder):
    """The kernel can hold back what the card sends."""
    card = hostside.over_veth(folder)
    wire = next(port for port in card.document["sluice:ports"]["port"] if port["name"] == "wire0")
    wire["devargs"] += ",qdisc_bypass=0"
    return card


def test_a_wire_that_stalls(start):
    """Who waits for it waits back to the kernel of the host, which counts what it has no room for; all others arrive."""
    card, frames, length = start(over_slow_veth), 2000, 1000
    card.inside.run("tc", "qdisc", "add", "dev", CARD_END, "root", "tbf", "rate", "2mbit", "burst", "4kb", "limit", "64mb")
    heard = Heard(card.wire, WIRE_END)
    before = lost_by_firmware(card) + lost_by(card.host, DEVICE)
    sent = send_frames(card.host, DEVICE, range(frames), length)

    def lost():
        return lost_by_firmware(card) + lost_by(card.host, DEVICE) - before

    def settled():
        """net_af_packet hands on what the kernel has left in its ring when it gets another frame."""
        nonlocal sent
        sent += send_frames(card.host, DEVICE, [sent], length)
        return len(heard.all()) + lost() >= sent - 1

    fw.wait_until(settled, "each frame has arrived or is counted", 60, 0.3)
    fw.wait_until(lambda: len(heard.all()) + lost() >= sent, "the last one has, too", 60)
    assert len(heard.numbers) + lost() == sent and lost() > 0
    assert heard.numbers == sorted(set(heard.numbers))
    card.inside.run("tc", "qdisc", "del", "dev", CARD_END, "root")
    card.host.ping(WIRE4)
