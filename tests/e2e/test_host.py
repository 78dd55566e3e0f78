# SPDX-License-Identifier: BSD-3-Clause
"""A kernel with a port of the card as its network device: what it can do with it, and what it lives through."""
import contextlib
import os
import signal
import socket
import struct
import threading
import time
from pathlib import Path

import datarings
import firmware as fw
import hostside
import pytest
import traffic
from hostside import CARD_END, DEVICE, HOST4, HOST6, MAC, WIRE4, WIRE6, WIRE_END

MEGABYTE = 1 << 20
DENIED = 2222


# ---- A card and a host, for all tests that leave them as they were ------------------------------------


@pytest.fixture(scope="module")
def card(binaries, tmp_path_factory):
    """A host with every offload, over a firewall that denies one port of TCP."""
    one = hostside.over_veth(tmp_path_factory.mktemp("host"), deny=DENIED)
    try:
        one.start()
        one.shim("--offloads", "csum,tso4,tso6,ecn,gro").wait_ready()
        one.dress()
        yield one
    finally:
        one.close()


@pytest.fixture
def fresh(binaries, tmp_path):
    """start(make=hostside.over_veth, **options) gives a card of the test's own, not started."""
    cards = []

    def make(maker=hostside.over_veth, **options):
        cards.append(maker(tmp_path, **options))
        return cards[-1]

    yield make
    for one in cards:
        one.close()


def flows_again(stream):
    """Seconds until the stream goes on."""
    began, progress = time.monotonic(), stream.progress
    fw.wait_until(lambda: stream.progress > progress + 2 or stream.wrong, "the stream goes on", 30, 0.005)
    assert stream.wrong is None
    return time.monotonic() - began


def test_the_device_is_like_the_port(card):
    link = card.host.link(DEVICE)
    assert link["address"] == MAC and link["mtu"] == 1500
    assert link["linkinfo"]["info_kind"] == "tun" and "LOWER_UP" in link["flags"]
    row = next(row for row in card.firmware.json("port", "list") if row["name"] == "host0")
    assert (row["link"], row["mac"], row["mtu"]) == ("up", MAC, 1500)


@pytest.mark.parametrize("here, there", [(WIRE4, HOST4), (WIRE6, HOST6)])
def test_ping(card, here, there):
    """Either side finds the other: ARP, neighbour discovery."""
    for namespace in (card.host, card.wire):
        namespace.ip("neighbour", "flush", "all")
    card.host.ping(here)
    card.wire.ping(there, 3, "-s", "1400")


@pytest.mark.parametrize("megabytes, to_wire, address", [(100, True, WIRE4), (20, True, WIRE6), (20, False, HOST4),
                                                         (20, False, HOST6)])
def test_a_transfer_arrives_as_it_was(card, megabytes, to_wire, address):
    sender, receiver = (card.host, card.wire) if to_wire else (card.wire, card.host)
    with traffic.Server(receiver, address) as server:
        traffic.send(sender, server.address, megabytes * MEGABYTE)


def test_many_connections_at_once(card):
    failures = []

    def talk(where, seed):
        try:
            traffic.send(card.host, where, 20_000, seed)
        except (OSError, AssertionError) as failure:
            failures.append(f"{seed}: {failure}")

    with traffic.Server(card.wire, WIRE4) as server:
        threads = [threading.Thread(target=talk, args=(server.address, seed)) for seed in range(200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert server.accepted == 200
    assert not failures


@pytest.mark.parametrize("to_wire, address, longest", [(True, WIRE4, 9000), (True, WIRE6, 9000), (False, HOST4, 1472),
                                                       (False, HOST6, 9000)])
def test_udp(card, to_wire, address, longest):
    """Datagrams of all sizes, also such that go in fragments; those of IPv4 net_af_packet has the kernel put together."""
    stop = threading.Event()
    sender, receiver = (card.host, card.wire) if to_wire else (card.wire, card.host)
    where = traffic.udp_server(receiver, address, stop)
    for size in (0, 1, 17, 18, 19, 511, 1451, 1452, 1472, 1473, 3000, 9000):
        if size <= longest:
            traffic.ask(sender, where, size)
    stop.set()


@pytest.mark.parametrize("to_wire", [True, False])
def test_vlan(card, to_wire):
    """Tagged frames pass as they are: by the shortest, and by one as long as the MTU and its tag."""
    ends = [(card.host, DEVICE), (card.wire, WIRE_END)]
    (sender, device), (receiver, other) = ends if to_wire else reversed(ends)
    for length in (60, 1518):
        head = b"\2\0\0\0\0\x0f\2\0\0\0\0\x0e\x81\0\x60\x4d\x88\xb5"
        sent = head + bytes(i % 251 for i in range(length - len(head)))
        with receiver.capture(other) as capture, sender.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as one:
            one.bind((device, 0))
            one.send(sent)
            capture.collect(lambda frame, ours, _: not ours and frame == sent)  # pylint: disable=cell-var-from-loop


HEADERS_MAX = 14 + 20 + 60  # Ethernet, IPv4 without options, TCP with all of them


def sums_to_nothing(frame):
    """Whether the TCP checksum of a frame over IPv4 is right."""
    segment = frame[34 : 14 + struct.unpack_from(">H", frame, 16)[0]]
    data = frame[26:34] + struct.pack(">BBH", 0, 6, len(segment)) + segment + bytes(len(segment) % 2)
    return sum(struct.unpack(f">{len(data) // 2}H", data)) % 0xFFFF == 0


def test_checksums_and_segments_are_the_cards_work(card):
    """What the kernel hands over has no checksums and is longer than a frame; what is on the wire has and is not. Frames
    without data are left out: the last acknowledgement may come from no socket, and then the kernel fills it in itself."""
    with traffic.Server(card.wire, WIRE4) as server, card.host.capture(DEVICE) as before, \
            card.wire.capture(WIRE_END) as after:
        port = struct.pack(">H", server.address[1])
        traffic.send(card.host, server.address, 200_000)
        handed = [(frame, open_) for frame, ours, open_ in before.frames()
                  if ours and frame[36:38] == port and len(frame) > HEADERS_MAX]
        on_wire = [frame for frame, ours, _ in after.frames() if not ours and frame[36:38] == port]
    assert handed and all(open_ for _, open_ in handed) and not any(sums_to_nothing(frame) for frame, _ in handed)
    assert max(len(frame) for frame, _ in handed) > 4 * 1514
    assert on_wire and all(sums_to_nothing(frame) for frame in on_wire) and max(map(len, on_wire)) == 1514


def tcp_payload(frame):
    """Of a frame of TCP over IPv4: its sequence number and its bytes."""
    start = 34 + (frame[46] >> 4) * 4
    return struct.unpack_from(">I", frame, 38)[0], frame[start : 14 + struct.unpack_from(">H", frame, 16)[0]]


@contextlib.contextmanager
def halted(one):
    """The firmware stands still, and goes on when several full segments wait for it, which it then finds at once."""
    pid, waiting = one.firmware.process.pid, []

    def stands_still():
        return all(path.read_text().rpartition(")")[2].split()[0] == "T" for path in Path(f"/proc/{pid}/task").glob("*/stat"))

    def has_several():
        waiting.extend(frame for frame, ours, _ in arriving.frames() if not ours and len(frame) == 1514)
        return len(waiting) >= 4

    with one.inside.capture(CARD_END) as arriving:
        os.kill(pid, signal.SIGSTOP)
        try:
            fw.wait_until(stands_still, "the firmware stands still", 20)
            yield
            fw.wait_until(has_several, "segments wait for the firmware", 20)
        finally:
            os.kill(pid, signal.SIGCONT)


def to_the_host(one, size, hold=None):
    """A transfer from the wire that arrived as it was: its frames on the wire, and those that the kernel got of them."""
    with traffic.Server(one.host, HOST4) as server, one.wire.capture(WIRE_END) as before, \
            one.host.capture(DEVICE) as after:
        port = struct.pack(">H", server.address[1])
        traffic.send(one.wire, server.address, size, hold=hold)
        on_wire = [frame for frame, ours, _ in before.frames() if ours and frame[36:38] == port]
        handed = [(frame, open_) for frame, ours, open_ in after.frames() if not ours and frame[36:38] == port]
    return on_wire, handed


def port_stats(one, name="host0"):
    return next(row for row in one.firmware.json("port", "stats") if row["name"] == name)


def test_segments_come_joined(card):
    """The kernel gets fewer and longer frames than there were on the wire, with the same bytes; all others see each of them.
    The first ones are there at once; how many of the others are depends on how busy the machine is."""
    def seen():
        rows = port_stats(card), port_stats(card, "wire0"), card.firmware.json("stack", "show")[0]
        return rows[0]["tx-packets"], rows[1]["rx-packets"], rows[2]["in-packets"]

    joined, before = port_stats(card)["host-joined"], seen()
    on_wire, handed = to_the_host(card, 5 * MEGABYTE, halted(card))
    assert max(map(len, on_wire)) == 1514
    longs = [(frame, open_) for frame, open_ in handed if len(frame) > 1514]
    assert len(handed) < len(on_wire) and longs and all(open_ for _, open_ in longs)
    stream = {}
    for frame in on_wire:
        number, payload = tcp_payload(frame)
        stream.update(((number + i) % (1 << 32), byte) for i, byte in enumerate(payload))
    for frame, _ in longs:
        number, payload = tcp_payload(frame)
        assert all(stream[(number + i) % (1 << 32)] == byte for i, byte in enumerate(payload))
    assert port_stats(card)["host-joined"] >= joined + 2 * len(longs)
    once = {tcp_payload(frame)[0] for frame in on_wire if tcp_payload(frame)[1]}  # some may be lost on their way
    assert all(now - then >= len(once) for now, then in zip(seen(), before))


@pytest.mark.parametrize("mss", [400, 88])
def test_a_peer_with_small_segments(card, mss):
    """The kernel hands over no more in one frame than the card cuts."""
    way = f"{HOST4}/32"
    card.wire.ip("route", "add", way, "dev", WIRE_END, "advmss", mss)
    refused = card.firmware.drops()[("wire0", "out", "offload")]
    try:
        with traffic.Server(card.wire, WIRE4) as server, card.host.capture(DEVICE) as before:
            traffic.send(card.host, server.address, 10 * MEGABYTE)
            longest = max(len(frame) for frame, ours, _ in before.frames() if ours)
    finally:
        card.wire.ip("route", "del", way, "dev", WIRE_END)
    assert longest > 50 * (mss - 12), "the card was asked for few segments, or none"
    assert card.firmware.drops()[("wire0", "out", "offload")] == refused


def test_what_is_denied_is_not_on_the_wire(card):
    """One port is denied: no frame to it leaves, the other one works."""
    with traffic.Server(card.wire, WIRE4, DENIED) as denied, traffic.Server(card.wire, WIRE4) as allowed, \
            card.wire.capture(WIRE_END) as wire:
        dropped = card.firmware.drops()[("fw", "out", "rule")]
        assert not traffic.can_connect(card.host, denied.address, 1.5)
        traffic.send(card.host, allowed.address, 1000)
        tcp = [struct.unpack_from(">HH", frame, 34) for frame, _, _ in wire.frames() if frame[12:14] == b"\x08\0" and
               frame[23] == 6]
        assert any(allowed.address[1] in ports for ports in tcp) and not any(DENIED in ports for ports in tcp)
        assert denied.accepted == 0
    assert card.firmware.drops()[("fw", "out", "rule")] > dropped


def test_the_stack_changes(card):
    """Under traffic: what the host leaves to the card is done as before."""
    with traffic.Stream(card.host, card.wire, WIRE6) as stream, traffic.Server(card.wire, WIRE4) as server:
        for words in (["insert", "main", "passthru", "p0", "--top"], ["insert", "main", "filter", "f1", "--bottom"],
                      ["remove", "main", "p0"], ["remove", "main", "f1"]):
            card.firmware.ctl("stack", *words)
            flows_again(stream)
            traffic.send(card.host, server.address, MEGABYTE)


def test_a_port_has_one_host(card):
    """A second one is told so, and waits."""
    second = card.shim(name="second")
    second.wait_for("a host is attached to this port already; trying again")
    assert card.host.link("second") is None
    card.host.ping(WIRE4)
    second.stop()


def test_segments_that_come_are_not_joined_unasked(fresh):
    one = fresh()
    one.start()
    one.shim("--offloads", "csum,tso4,tso6,ecn").wait_ready()
    one.dress()
    _, handed = to_the_host(one, MEGABYTE)
    assert max(len(frame) for frame, _ in handed) == 1514 and not any(open_ for _, open_ in handed)
    assert port_stats(one)["host-joined"] == 0


# ---- Other wires ---------------------------------------------------------------------------------------


def test_jumbo_frames(fresh):
    """As long as both ports take them; what is longer than the port is set back."""
    card = fresh(mtu=9000)
    card.start()
    shim = card.shim().wait_ready()
    card.dress()
    assert card.host.link(DEVICE)["mtu"] == 9000
    for size in (8972, 8000):
        card.host.ping(WIRE4, 2, "-M", "do", "-s", size)
        card.wire.ping(HOST4, 2, "-M", "do", "-s", size)
    with card.wire.capture(WIRE_END) as wire, traffic.Server(card.wire, WIRE6) as server:
        traffic.send(card.host, server.address, 4 * MEGABYTE)
        assert max(len(frame) for frame, _, _ in wire.frames()) == 9014
    with traffic.Server(card.host, HOST4) as server:
        traffic.send(card.wire, server.address, 4 * MEGABYTE)
    card.host.ip("link", "set", DEVICE, "mtu", "9100")
    shim.wait_for("set back to 9000")
    assert card.host.link(DEVICE)["mtu"] == 9000


def test_net_tap_takes_no_long_frames(fresh):
    """They are refused, each counted, and hold up nothing."""
    card = fresh(hostside.over_tap, mtu=9000)
    card.start()
    card.shim().wait_ready()
    card.dress()
    card.host.ping(WIRE4, 1, "-M", "do", "-s", "1472")
    for _ in range(3):
        assert not card.host.can_ping(WIRE4, "-M", "do", "-s", "1500", "-W", "0.2")
        card.host.ping(WIRE4, 1)
    assert card.firmware.drops()[("wire0", "out", "frame-too-long")] == 3


def test_queue_pairs(fresh):
    """Flows over several queue pairs, and workers."""
    card = fresh(hostside.over_tap, queues=2, workers=2)
    card.start()
    card.shim("--queues", "2").wait_ready()
    card.dress()
    with traffic.Server(card.wire, WIRE4) as server:
        threads = [threading.Thread(target=traffic.send, args=(card.host, server.address, MEGABYTE, i)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert server.accepted == 8
    card.host.ping(WIRE6)


# ---- Who dies ------------------------------------------------------------------------------------------

GENEROUS = 5.0  # seconds; it is well below one, but for a machine that is busy


def pings_again(card):
    """Seconds until the wire can be reached."""
    began = time.monotonic()
    fw.wait_until(lambda: card.host.can_ping(WIRE4), "the wire answers", 30, 0.005)
    return time.monotonic() - began


def test_the_firmware_dies(fresh):
    """Under traffic, several times: the device stays, without carrier, and its connections go on when the firmware is back."""
    card, waited = fresh(), []
    card.start()
    card.shim().wait_ready()
    card.dress()
    index = card.host.link(DEVICE)["ifindex"]
    with traffic.Stream(card.host, card.wire, WIRE4) as stream:
        flows_again(stream)
        for _ in range(3):
            card.firmware.die()
            fw.wait_until(lambda: not card.host.has_carrier(DEVICE), "the carrier goes", 10)
            assert card.host.link(DEVICE)["ifindex"] == index
            card.start()
            waited.append(pings_again(card))
            flows_again(stream)
    assert max(waited) < GENEROUS, waited
    assert {reason for _, _, reason in card.firmware.drops()} <= {"host-absent", "host-short", "packet-filter"}


def test_the_shim_dies(fresh):
    """Under traffic, several times: what it had comes back to the card, and the next one has a device that works."""
    card, waited = fresh(), []
    card.start()
    card.shim("--persist").wait_ready()
    card.dress()
    index = card.host.link(DEVICE)["ifindex"]
    with traffic.Stream(card.host, card.wire, WIRE4) as stream:
        flows_again(stream)
        for _ in range(3):
            card.shims[-1].kill()
            fw.wait_until(lambda: card.link() == "down", "the port has no host", 10)
            card.shim("--persist").wait_ready()
            waited.append(pings_again(card))
            flows_again(stream)
    assert card.host.link(DEVICE)["ifindex"] == index
    assert max(waited) < GENEROUS, waited


@pytest.mark.slow
def test_both_die_again_and_again(fresh):
    """In any order, under traffic in both directions; in the end all is where it was."""
    card = fresh()
    card.start()
    card.shim("--persist").wait_ready()
    card.dress()
    with traffic.Stream(card.host, card.wire, WIRE6) as up, traffic.Stream(card.wire, card.host, HOST4) as down:
        for turn in range(12):
            if turn % 3 != 1:
                card.shims[-1].kill()
            if turn % 3 != 0:
                card.firmware.die()
                card.start()
            if turn % 3 != 1:
                card.shim("--persist").wait_ready()
            pings_again(card)
            flows_again(up)
            flows_again(down)


# ---- Who is hostile ------------------------------------------------------------------------------------


def test_a_hostile_host_harms_nobody(fresh):
    """It breaks its ring in every way that there is, and again, while the other port's host works."""
    card = fresh(beside=True)
    card.start()
    card.shim().wait_ready()
    card.dress()
    with traffic.Stream(card.host, card.wire, WIRE4) as stream:
        for wrong in (513, 65536, 2**31, 2**32 - 1):
            with datarings.Host(card.runtime_dir, "host1") as bad:
                bad.publish(wrong)
                fw.wait_until(lambda: bad.status() == datarings.BROKEN, "the card gives it up", 10)
                bad.send(bytes(60))
                flows_again(stream)
                assert not bad.sent() and bad.status() == datarings.BROKEN
        with datarings.Host(card.runtime_dir, "host1") as bad:
            for offset in (0, 2**31, 2**32 - 1):
                bad.put(bytes(60))
                bad.point_last_at(offset)
            bad.publish()
            fw.wait_until(bad.sent, "the card has looked at all", 10)
            assert bad.refused() == 3
            flows_again(stream)
    card.host.ping(WIRE6)
