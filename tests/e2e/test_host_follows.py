# SPDX-License-Identifier: BSD-3-Clause
"""The network device and the port of the card are kept alike: what `ip` changes is seen by `sluicectl`, and the other way."""
import socket
import struct

import firmware as fw
import hostside
import programs
import pytest
from hostside import CARD_END, DEVICE, MAC, WIRE4, WIRE_END

DIRECTED, MULTICAST, ALL_MULTICAST, BROADCAST, PROMISCUOUS = 1, 2, 4, 8, 32
USUAL = DIRECTED | MULTICAST | BROADCAST


@pytest.fixture(scope="module")
def card(binaries, tmp_path_factory):
    """The card's end of the wire has the address of the host's device, so that it need not take what is for others."""
    one = hostside.over_veth(tmp_path_factory.mktemp("host"))
    try:
        one.inside.ip("link", "set", CARD_END, "address", MAC)
        one.start()
        one.shim().wait_ready()
        one.dress()
        yield one
    finally:
        one.close()


def oid(card, name, port="wire0"):
    return card.firmware.json("oid", "get", port, name)["value"]


def wait_filter(card, expected):
    fw.wait_until(lambda: oid(card, "GEN_CURRENT_PACKET_FILTER") == expected, f"the packet filter is {expected}", 20)


def is_promiscuous(card):
    return card.inside.link(CARD_END)["flags"].count("PROMISC") > 0


@pytest.mark.parametrize("word, bit", [("promisc", PROMISCUOUS), ("allmulticast", ALL_MULTICAST)])
def test_what_the_device_wants_to_hear(card, word, bit):
    wait_filter(card, USUAL)
    card.host.ip("link", "set", DEVICE, word, "on")
    wait_filter(card, USUAL | bit)
    assert is_promiscuous(card) == (bit == PROMISCUOUS)
    card.host.ip("link", "set", DEVICE, word, "off")
    wait_filter(card, USUAL)
    assert not is_promiscuous(card)


def test_a_program_that_captures(card):
    """It makes the device promiscuous without the flag that `ip` shows."""
    wait_filter(card, USUAL)
    request = struct.pack("iHH8s", socket_index(card), 1, 0, b"")  # PACKET_MR_PROMISC
    with card.host.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as one:
        one.setsockopt(263, 1, request)  # SOL_PACKET, PACKET_ADD_MEMBERSHIP
        wait_filter(card, USUAL | PROMISCUOUS)
    wait_filter(card, USUAL)


def socket_index(card):
    return card.host.link(DEVICE)["ifindex"]


def test_multicast_addresses(card):
    """Those of `ip maddress` and those that the kernel joins itself are the card's list."""
    def listed():
        return oid(card, "802_3_MULTICAST_LIST")

    one, solicited = "01:00:5e:7f:12:34", "33:33:ff:12:34:56"
    card.host.ip("maddress", "add", one, "dev", DEVICE)
    fw.wait_until(lambda: one in listed(), "the card has the address", 20)
    card.host.address(DEVICE, "2001:db8::12:3456/64")
    fw.wait_until(lambda: solicited in listed(), "and that of the neighbours' group", 20)
    card.host.ip("maddress", "del", one, "dev", DEVICE)
    card.host.ip("address", "del", "2001:db8::12:3456/64", "dev", DEVICE)
    fw.wait_until(lambda: one not in listed() and solicited not in listed(), "both are gone", 20)


def test_another_address(card):
    """The card then takes what is for others, among which that is, until the device has the card's again."""
    card.host.ip("link", "set", DEVICE, "address", "02:00:00:00:51:99")
    wait_filter(card, USUAL | PROMISCUOUS)
    card.host.ping(WIRE4)
    card.host.ip("link", "set", DEVICE, "address", MAC)
    wait_filter(card, USUAL)
    card.host.ping(WIRE4)


def test_down_and_up(card):
    """A device that is down wants nothing, and what comes is counted as that."""
    card.host.ip("link", "set", DEVICE, "down")
    wait_filter(card, 0)
    dropped = card.firmware.drops()[("wire0", "in", "packet-filter")]
    with card.wire.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as one:
        one.bind((WIRE_END, 0))
        for _ in range(10):
            one.send(bytes.fromhex(MAC.replace(":", "")) + b"\2\0\0\0\0\x0e\x88\xb5" + bytes(46))
    fw.wait_until(lambda: card.firmware.drops()[("wire0", "in", "packet-filter")] >= dropped + 10, "they are counted", 20)
    card.host.ip("link", "set", DEVICE, "up")
    wait_filter(card, USUAL)
    card.host.address(DEVICE, hostside.HOST_ADDRESSES[1])  # the kernel has forgotten it
    card.host.ping(WIRE4)


def wait_until_it_listens(monitor, card):
    """A monitor does not say when it begins: until it tells, the MTU changes again and again, to 1400 at the end."""
    def tells():
        for mtu in (1300, 1400):
            card.host.ip("link", "set", DEVICE, "mtu", mtu)
        return "mtu 1400" in monitor.output()
    fw.wait_until(tells, "the monitor listens", 30)


def test_the_mtu(card):
    """A smaller one is the user's business; a larger one than the port's is set back, which `ip monitor` sees."""
    with programs.Program(card.host, "ip", "monitor", "link") as monitor:
        wait_until_it_listens(monitor, card)
        card.host.ping(WIRE4, 1, "-s", "1372", "-M", "do")
        card.host.ip("link", "set", DEVICE, "mtu", 4000)
        monitor.wait_for("mtu 4000").wait_for("mtu 1500")
    assert card.host.link(DEVICE)["mtu"] == 1500 == oid(card, "GEN_MAXIMUM_FRAME_SIZE", "host0")


def test_a_new_name(card):
    card.host.ip("link", "set", DEVICE, "name", "uplink")
    try:
        card.host.ip("link", "set", "uplink", "promisc", "on")
        wait_filter(card, USUAL | PROMISCUOUS)
        card.host.ip("link", "set", "uplink", "promisc", "off", "mtu", 4000)
        fw.wait_until(lambda: card.host.link("uplink")["mtu"] == 1500, "the MTU is set back", 20)
        wait_filter(card, USUAL)
    finally:
        card.host.ip("link", "set", "uplink", "name", DEVICE)
    card.host.ping(WIRE4)


def test_the_wire_goes_down(binaries, tmp_path):
    """The device has no carrier while the wire has none; `ip monitor` sees both."""
    card = hostside.over_tap(tmp_path)
    try:
        card.start()
        card.shim().wait_ready()
        card.dress()
        with programs.Program(card.host, "ip", "monitor", "link") as monitor:
            wait_until_it_listens(monitor, card)
            card.wire.ip("link", "set", WIRE_END, "down")
            fw.wait_until(lambda: not card.host.has_carrier(DEVICE), "the carrier goes", 20)
            assert oid(card, "GEN_MEDIA_CONNECT_STATUS") == 1 and card.link("wire0") == "down"
            monitor.wait_for("NO-CARRIER")
            card.wire.ip("link", "set", WIRE_END, "up")
            fw.wait_until(lambda: card.host.has_carrier(DEVICE), "the carrier comes", 20)
            monitor.wait_for("LOWER_UP")
        card.host.ping(WIRE4)
    finally:
        card.close()
