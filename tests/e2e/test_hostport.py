# SPDX-License-Identifier: BSD-3-Clause
"""A host on the data rings of a port: its frames through the firewall, and what becomes of a host that dies or breaks rules."""
import json
import struct

import crafted
import datarings
import firmware as fw
import pcapfile
import policies
import pytest

STATUS = {"unknown port": 12, "no host port": 47, "taken": 48, "bad queues": 49, "too few": 50, "bad entries": 51}
DENIED_PORT, ALLOWED_PORT = 22, 80


def tcp(port, payload, number=1):
    head = struct.pack(">HHIIBBHHH", 1000, port, number, 0, 5 << 4, 0x18, 0, 0, 0)
    return crafted.ipv4(6, head + payload)


def rules():
    matches = {"tcp": {"destination-port": {"operator": "eq", "port": DENIED_PORT}}}
    return {"fw": [policies.ace("no-ssh", "out", "drop", matches, 10)]}


@pytest.fixture
def wired(firmware, tmp_path):
    """host0 is a host's; the wire writes what leaves, and plays frames to the host without end."""
    pcapfile.write(tmp_path / "in.pcap", [tcp(ALLOWED_PORT, bytes([i]) * 100) for i in range(64)])
    devargs = f"net_pcap0,rx_pcap={tmp_path}/in.pcap,infinite_rx=1,tx_pcap={tmp_path}/out.pcap"
    running = firmware(policies.document(policies.port("host0", "net_host0,entries=256"),
                                         policies.port("wire0", devargs, rx_pps=2000), [policies.filter_driver("fw")], rules()))
    running.capture = tmp_path / "out.pcap"
    return running


def link(running, port):
    return next(row["link"] for row in running.json("port", "list") if row["name"] == port)


def sum_is_right(frame):
    """Of TCP over IPv4."""
    total = struct.unpack_from(">H", frame, 16)[0]
    segment = frame[34 : 14 + total]
    data = frame[26:34] + struct.pack(">BBH", 0, 6, len(segment)) + segment + bytes(len(segment) % 2)
    value = sum(struct.unpack(f">{len(data) // 2}H", data))
    while value >> 16:
        value = (value & 0xFFFF) + (value >> 16)
    return value == 0xFFFF


def test_frames_go_through_the_firewall(wired):
    """What is allowed is on the wire byte by byte, what is denied is not there."""
    allowed = [tcp(ALLOWED_PORT, bytes([i]) * (i * 20 + 1), i) for i in range(50)]
    with datarings.Host(wired.runtime_dir, "host0") as host:
        for number, frame in enumerate(allowed):
            host.send(frame)
            host.send(tcp(DENIED_PORT, bytes([number]) * 50))
        fw.wait_until(host.sent, "the card takes all frames", 20)
        fw.wait_until(lambda: wired.sent("wire0") >= len(allowed), "the allowed ones leave", 20)
        assert host.refused() == 0
    wired.stop()
    assert list(pcapfile.read(wired.capture)) == allowed


def test_a_host_receives(wired):
    """For as long as it gives buffers back, more than there are several times; what it was too slow for is counted."""
    frames = []
    with datarings.Host(wired.runtime_dir, "host0", entries=64) as host:
        fw.wait_until(lambda: frames.extend(host.receive()) or len(frames) > 300, "frames come", 30, 0.002)
        missed = sum((after[54] - before[54] - 1) % 64 for before, after in zip(frames, frames[1:]))
        assert missed <= host.short()
    assert all(frame == tcp(ALLOWED_PORT, bytes([frame[54]]) * 100) for frame in frames)


def test_checksums_and_large_sends(wired):
    """What the host leaves to its card is right on the wire."""
    payload = bytes(i * 7 % 256 for i in range(8000))
    frame = tcp(ALLOWED_PORT, payload, 1000)
    small = tcp(ALLOWED_PORT, b"abc", 1)
    with datarings.Host(wired.runtime_dir, "host0") as host:
        host.send(small, datarings.meta(datarings.NEEDS_CSUM, start=34, offset=16))
        host.send(frame, datarings.meta(datarings.NEEDS_CSUM, datarings.TCPV4, 1400, 34, 16))
        fw.wait_until(lambda: wired.sent("wire0") >= 7, "all segments leave", 20)
        assert host.refused() == 0
    wired.stop()
    sent = list(pcapfile.read(wired.capture))
    assert all(sum_is_right(one) for one in sent)
    assert sent[0][54:] == b"abc"
    assert b"".join(one[54:] for one in sent[1:]) == payload
    assert [struct.unpack_from(">I", one, 38)[0] for one in sent[1:]] == [1000 + 1400 * i for i in range(6)]


def test_who_is_refused(wired):
    """Each with a status of its own; nobody else notices."""
    asked = {
        "unknown port": ("nowhere", 1, 256),
        "no host port": ("wire0", 1, 256),
        "bad queues": ("host0", 17, 256),
        "bad entries": ("host0", 1, 100),
    }
    for why, question in asked.items():
        with pytest.raises(datarings.Refused, match=f"^{STATUS[why]}$"):
            datarings.Host(wired.runtime_dir, *question)
    with datarings.Host(wired.runtime_dir, "host0") as host:
        with pytest.raises(datarings.Refused, match=f"^{STATUS['taken']}$"):
            datarings.Host(wired.runtime_dir, "host0")
        assert host.status() == datarings.UP


def test_frames_that_are_wrong(wired):
    """They are counted for host and operator, and those between them pass."""
    with datarings.Host(wired.runtime_dir, "host0") as host:
        for _ in range(20):
            host.send(tcp(ALLOWED_PORT, b"x"), datarings.meta(flags=0x80))
            host.send(tcp(ALLOWED_PORT, b"x"))
        fw.wait_until(lambda: wired.sent("wire0") >= 20, "the others leave", 20)
        assert host.refused() == 20
    assert wired.drops()[("host0", "out", "host-malformed")] == 20


def test_hosts_come_and_go(wired):
    """Each finds all buffers there, however many the last one kept; the link tells; nothing is left in the end."""
    assert link(wired, "host0") == "down"
    fw.wait_until(lambda: wired.drops()[("host0", "in", "host-absent")] > 0, "frames for nobody are counted", 10)
    for _ in range(10):
        with datarings.Host(wired.runtime_dir, "host0", entries=64) as host:
            assert link(wired, "host0") == "up"
            fw.wait_until(lambda: host.card_word(0) >= 64, "it gets all that it can", 20)  # pylint: disable=cell-var-from-loop
            fw.wait_until(lambda: wired.drops()[("host0", "in", "host-short")] > 0, "what finds no buffer is counted", 10)
            host.send(tcp(ALLOWED_PORT, b"x"))
        fw.wait_until(lambda: link(wired, "host0") == "down", "the link goes down", 10)
    wired.stop()


ATTACHED, BROKEN, DETACHED = [("host-attached", 1, None)], [("host-broken", 1, "ring pair 0: send-tail")], [("host-detached", 1, None)]


def what_happened(running, port):
    """To hosts of this port: the words of the events, their value and what that says."""
    return [(event["event"], event["value"], event["text"]) for event in running.json("events")
            if event["subject"] == port and event["event"].startswith("host-")]


def health_of(running, port):
    """Its state, and what is wrong."""
    rows = json.loads(running.try_ctl("--json", "health").stdout)
    return next((row["state"], row["text"]) for row in rows if (row["reporter"], row["name"]) == ("port", port))


@pytest.fixture
def two(firmware):
    """Two stacks, each with a host of its own."""
    document = policies.document(policies.port("host0", "net_host0"), policies.port("wire0", "net_null0,no-rx=1"),
                                 [policies.passthru_driver("p0")])
    other = policies.document(policies.port("host1", "net_host1"), policies.port("wire1", "net_null1,no-rx=1"),
                              [policies.passthru_driver("p1")])
    document["sluice:ports"]["port"] += other["sluice:ports"]["port"]
    other["sluice:stacks"]["stack"][0]["name"] = "other"
    document["sluice:stacks"]["stack"] += other["sluice:stacks"]["stack"]
    return firmware(document)


@pytest.mark.parametrize("ahead", [257, 65535, 65536, 65537, 2**31, 2**32 - 1])
def test_a_host_that_breaks_its_ring(two, ahead):
    """It is told so and left alone until it attaches anew; the other host's frames go on."""
    with datarings.Host(two.runtime_dir, "host0") as bad, datarings.Host(two.runtime_dir, "host1") as good:
        bad.publish(ahead)
        fw.wait_until(lambda: bad.status() == datarings.BROKEN, "the card gives it up", 10)
        bad.publish(0)
        bad.send(tcp(ALLOWED_PORT, b"x"))
        good.send(tcp(ALLOWED_PORT, b"y"))
        fw.wait_until(good.sent, "the other one is served", 10)
        assert not bad.sent() and good.status() == datarings.UP
        fw.wait_until(lambda: what_happened(two, "host0") == ATTACHED + BROKEN, "it is told what the host broke", 10)
        assert health_of(two, "host0") == ("failed", "the host broke ring pair 0: send-tail")
    with datarings.Host(two.runtime_dir, "host0") as again:
        again.send(tcp(ALLOWED_PORT, b"z"))
        fw.wait_until(again.sent, "it may begin anew", 10)
    fw.wait_until(lambda: what_happened(two, "host0") == ATTACHED + BROKEN + DETACHED + ATTACHED + DETACHED,
                  "all that the hosts did is told, once", 10)
    fw.wait_until(lambda: health_of(two, "host0") == ("well", None), "who has gone is no fault of the port", 10)
    assert what_happened(two, "host1") == ATTACHED + DETACHED
