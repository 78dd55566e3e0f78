# SPDX-License-Identifier: BSD-3-Clause
"""A card behind PCI: a virtual machine has an ivshmem device, whose memory is the file that the firmware serves."""
import json

import dpkt
import firmware as fw
import guest as machine
import hostside
import pytest
import traffic
from guest import ADDRESS
from hostside import DEVICE, HOST4, MAC, WIRE4, WIRE_END

pytestmark = pytest.mark.slow
SIZE = 16 << 20
DENIED = 25
CTL = f"sluicectl --device {ADDRESS}"


@pytest.fixture
def memory(tmp_path):
    lacking = machine.missing()
    if lacking:
        pytest.skip(lacking)
    path = tmp_path / "memory"
    with open(path, "wb") as file:
        file.truncate(SIZE)
    return path


@pytest.fixture
def card(binaries, tmp_path, memory):
    one = hostside.over_veth(tmp_path)
    one.options["bar"] = memory
    try:
        yield one
    finally:
        one.close()


@pytest.fixture
def guest(card):
    """Booted while the firmware is there."""
    card.start()
    one = machine.Guest(card.options["bar"])
    try:
        yield one.wait_ready()
        one.stop()
    finally:
        one.kill()


@pytest.fixture
def networked(guest, card):
    """Its network device is the card's port, by sluice-shim."""
    join(guest)
    return guest


def join(guest):
    guest.run(f"sluice-shim --device {ADDRESS} --port host0 --name {DEVICE} >/tmp/shim 2>&1 & echo $! >/tmp/pid")
    fw.wait_until(lambda: hostside.SHIM_READY in guest.run("cat /tmp/shim"), "sluice-shim is ready", 60, 0.2)
    guest.run(f"ip address add {HOST4}/24 dev {DEVICE}; ip link set {DEVICE} up")
    wait_for_wire(guest)


def leave(guest):
    """In order: its status is that of its shell's `wait`."""
    status, said = guest.try_run("kill $(cat /tmp/pid); wait $(cat /tmp/pid)")
    said += guest.run("cat /tmp/shim")
    assert status == 0 and not fw.sanitizer_report(said), f"sluice-shim ended with {status}: {said}"


def wait_for_wire(guest):
    fw.wait_until(lambda: guest.can_ping(WIRE4), "frames pass", 60)


def has_carrier(guest):
    return guest.run(f"cat /sys/class/net/{DEVICE}/carrier").strip() == "1"


def as_json(guest, *words):
    return json.loads(guest.run(f"{CTL} --json {' '.join(words)}"))


def sent_to(frames, port):
    """How many TCP segments for a port are among what was captured."""
    packets = [dpkt.ethernet.Ethernet(frame).data for frame, _, _ in frames]
    segments = [packet.data for packet in packets if isinstance(packet, dpkt.ip.IP)]
    return len([one for one in segments if isinstance(one, dpkt.tcp.TCP) and one.dport == port])


def test_commands_through_a_slot(guest, card):
    """The kernel found the device, and nobody but sluicectl switched it on."""
    running = card.firmware
    assert as_json(guest, "info")["pid"] == running.process.pid
    assert guest.run(f"cat /sys/bus/pci/devices/{ADDRESS}/enable") == "1\n"
    assert {row["state"] for row in as_json(guest, "health")} == {"well"}
    assert [row["name"] for row in as_json(guest, "port", "list")] == ["host0", "wire0"]
    assert "host0" in guest.run(f"{CTL} stats")
    generation = running.generation()
    guest.run(f"{CTL} rule add out tcp to any port {DENIED} deny")
    assert running.generation() == generation + 1
    assert as_json(guest, "rule", "list") == running.json("rule", "list")
    status, said = guest.try_run(f"{CTL} rule delete no-such-rule")
    assert status != 0 and "no-such-rule" in said


def test_network_device_through_a_slot(guest, card):
    """Pings and TCP pass both ways; what is denied leaves the machine, and never comes to the wire."""
    guest.run(f"{CTL} rule add out tcp to any port {DENIED} deny")
    join(guest)
    card.wire.ping(HOST4)
    assert MAC in guest.run(f"ip link show {DEVICE}")
    with card.wire.capture(WIRE_END) as capture, traffic.Server(card.wire, WIRE4) as server, \
            traffic.Server(card.wire, WIRE4, DENIED) as denied:
        assert guest.try_run(f"nc -w 2 {WIRE4} {DENIED} </dev/null")[0] != 0
        guest.run("dd if=/dev/urandom of=/tmp/sent bs=64k count=32 2>/dev/null")
        answer = guest.run(f"nc {WIRE4} {server.address[1]} </tmp/sent | hexdump -ve '1/1 \"%02x\"'")
        assert guest.run("sha256sum /tmp/sent").split()[0] == answer
        frames = capture.frames()
        assert denied.accepted == 0
    assert sent_to(frames, server.address[1]) > 0 and sent_to(frames, DENIED) == 0
    assert sum(packets for packets, _ in card.firmware.hits().values()) > 0
    leave(guest)


def test_a_card_that_restarts(networked, card):
    """In order, and by SIGKILL: the machine goes on, its device stays, and finds the next firmware."""
    first = card.firmware.process
    first.terminate()
    assert first.wait(60) == 0, card.firmware.output()
    fw.wait_until(lambda: not has_carrier(networked), "the carrier goes", 20)
    card.start()
    wait_for_wire(networked)
    card.firmware.process.kill()
    card.firmware.process.wait()
    card.start()
    wait_for_wire(networked)
    card.wire.ping(HOST4)
    leave(networked)
    assert as_json(networked, "info")["pid"] == card.firmware.process.pid


def test_a_card_that_is_taken_out(networked, card):
    """Its memory goes while it is used: sluice-shim goes on without it, and takes the one that is put in."""
    networked.take_out()
    fw.wait_until(lambda: not has_carrier(networked), "the carrier goes", 30)
    assert networked.try_run(f"ls /sys/bus/pci/devices/{ADDRESS}")[0] != 0
    networked.put_in()
    wait_for_wire(networked)
    leave(networked)


def test_a_machine_does_as_the_guide_says(guest, card):
    """The section's last commands are typed in the machine, one after the other."""
    text = (fw.REPO / "docs" / "guide.md").read_text().split("## A card in a virtual machine")[1].split("\n## ")[0]
    lines = [line[2:] for line in text.split("```console\n")[3].split("```")[0].strip().split("\n")]
    assert f"truncate -s {SIZE >> 20}M" in text and len(lines) == 5
    for line in lines:
        guest.run(line)
        if line.startswith("sluice-shim"):
            fw.wait_until(lambda: guest.try_run(f"ls /sys/class/net/{DEVICE}")[0] == 0, "the device is there", 60, 0.2)
    wait_for_wire(guest)
    assert len(card.firmware.hits()) == 1
    guest.run("kill $!; wait $!")
