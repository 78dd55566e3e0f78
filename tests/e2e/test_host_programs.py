# SPDX-License-Identifier: BSD-3-Clause
"""Programs that people use, on a host whose network card is the card: curl, iperf3, a DHCP client and its server, IPv6."""
import os
import time

import dpkt
import firmware as fw
import hostside
import programs
import pytest
from hostside import DEVICE, HOST6, MAC, WIRE4, WIRE6, WIRE_END

GIGABYTE = 10**9
TFTP = 69


@pytest.fixture(scope="module")
def card(binaries, tmp_path_factory):
    one = hostside.over_veth(tmp_path_factory.mktemp("host"))
    try:
        one.start()
        one.shim().wait_ready()
        one.dress()
        yield one
    finally:
        one.close()


@pytest.fixture
def tap_card(binaries, tmp_path):
    """Its wire is a TAP, whose kernel counts each frame that finds no place."""
    one = hostside.over_tap(tmp_path)
    try:
        one.start()
        one.shim().wait_ready()
        one.dress()
        yield one
    finally:
        one.close()


@pytest.fixture(scope="module")
def gigabyte(tmp_path_factory):
    """(path, digest) of a file."""
    path = tmp_path_factory.mktemp("web") / "gigabyte"
    digest = programs.make_file(path, GIGABYTE)
    yield path, digest
    path.unlink()


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    path = tmp_path_factory.mktemp("tftp") / "small"
    return path, programs.make_file(path, 100_000)


# ---- curl ----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("host_is_client, address", [(True, WIRE4), (False, HOST6)])
def test_curl_fetches_a_gigabyte(card, gigabyte, tmp_path, host_is_client, address):
    """As it was, from the wire to the host and the other way."""
    client, server = (card.host, card.wire) if host_is_client else (card.wire, card.host)
    with programs.Web(server, address, gigabyte[0]) as web:
        programs.curl(client, web.url, "--output", tmp_path / "got")
    assert os.stat(tmp_path / "got").st_size == GIGABYTE
    assert programs.digest_of(tmp_path / "got") == gigabyte[1]
    (tmp_path / "got").unlink()


@pytest.mark.slow
def test_curl_uploads_a_gigabyte(card, gigabyte):
    with programs.Web(card.wire, WIRE6, gigabyte[0]) as web:
        programs.curl(card.host, web.url, "--upload-file", gigabyte[0])
        assert web.uploads == [(gigabyte[1], 0)]


# ---- iperf3 --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [[], ["--reverse"]])
@pytest.mark.parametrize("address", [WIRE4, WIRE6])
def test_iperf_over_tcp(card, address, way):
    with programs.iperf_server(card.wire):
        measured = programs.iperf(card.host, address, "--time", "1", *way)
    assert measured["sum_received"]["bytes"] > 0


def lost_on_the_way(card):
    """All that anyone between the two sockets counts as lost."""
    devices = [(card.host, DEVICE), (card.wire, WIRE_END)]
    links = [namespace.link_counters(device) for namespace, device in devices]
    kernel = sum(link[way]["dropped"] + link[way]["errors"] for link in links for way in ("rx", "tx"))
    sockets = sum(namespace.snmp(protocol, name) for namespace, _ in devices for protocol in ("Udp", "Udp6")
                  for name in ("RcvbufErrors", "SndbufErrors"))
    ports = sum(row[name] for row in card.firmware.json("port", "stats") for name in ("rx-missed", "rx-errors", "rx-no-mbuf"))
    return kernel + sockets + ports + sum(card.firmware.drops().values())


@pytest.mark.parametrize("rate", ["20M", "0"])
@pytest.mark.parametrize("way", [[], ["--reverse"]])
@pytest.mark.parametrize("address", [WIRE4, WIRE6])
def test_iperf_over_udp(tap_card, address, way, rate):
    """At a rate that passes, and as fast as it can: each datagram that does not arrive was counted by somebody."""
    before = lost_on_the_way(tap_card)
    with programs.iperf_server(tap_card.wire):
        measured = programs.iperf(tap_card.host, address, "--udp", "--length", "1400", "--bitrate", rate, "--time", "1", *way)
    received, lost = measured["sum"]["packets"], measured["sum"]["lost_packets"]
    assert received > 0
    fw.wait_until(lambda: lost_on_the_way(tap_card) - before >= lost, f"{lost} of {received} datagrams are counted", 10)


# ---- DHCP, routers and neighbours ----------------------------------------------------------------------

LEASES = ("192.0.2.100", "192.0.2.110")
SCRIPT = """#!/bin/sh
echo "$1 $ip" >> {log}
case $1 in
bound) ip address add "$ip/24" dev "$interface" ;;
deconfig) ip address flush dev "$interface" ;;
esac
"""


def dnsmasq(card, folder, *words):
    return programs.Program(card.wire, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--pid-file=",
                            "--log-facility=-", "--log-dhcp", f"--dhcp-leasefile={folder}/leases", f"--interface={WIRE_END}",
                            "--bind-interfaces", "--no-ping", "--no-resolv", "--no-hosts", "--port=0", *words)


def test_dhcp(card, tmp_path):
    """A real client gets its address from a real server, keeps it, and gives it back."""
    said = tmp_path / "said"
    script = tmp_path / "script"
    script.write_text(SCRIPT.format(log=said))
    script.chmod(0o755)
    card.host.ip("address", "flush", "dev", DEVICE)
    try:
        with dnsmasq(card, tmp_path, f"--dhcp-range={LEASES[0]},{LEASES[1]},255.255.255.0,1h") as server:
            server.wait_for("DHCP, IP range")
            with programs.Program(card.host, "udhcpc", "-f", "-R", "-i", DEVICE, "-s", script, "-t", "20", "-T", "1") as client:
                fw.wait_until(lambda: said.exists() and "bound" in said.read_text(), "the client is bound", 30)
                lease = said.read_text().split("bound ")[1].split()[0]
                assert LEASES[0] <= lease <= LEASES[1]
                card.wire.ping(lease)
                card.host.ping(WIRE4)
                asked = server.output().count("DHCPREQUEST")
                client.process.send_signal(10)  # SIGUSR1: renew, which asks the server alone
                fw.wait_until(lambda: "renew" in said.read_text(), "the lease is renewed", 30)
                assert server.output().count("DHCPREQUEST") > asked
            server.wait_for(f"DHCPRELEASE({WIRE_END}) {lease}")
    finally:
        card.host.ip("address", "flush", "dev", DEVICE)
        card.dress()
    assert f"DHCPDISCOVER({WIRE_END})" in server.said_at_the_end and MAC in server.said_at_the_end


def addresses(namespace, device):
    return namespace.json("-6", "address", "show", "dev", device)[0]["addr_info"]


def test_neighbour_discovery(card):
    """Each asks a group for the other's address; both have it then, and confirm it."""
    solicited = bytes.fromhex("3333ff000002")
    card.host.ip("-6", "neighbour", "flush", "dev", DEVICE)
    with card.wire.capture(WIRE_END) as wire:
        card.host.ping(WIRE6)
        asked = [dpkt.ethernet.Ethernet(frame) for frame, ours, _ in wire.frames() if not ours and frame[:6] == solicited]
    assert asked and all(one.data.nxt == 58 and one.data.data.type == 135 for one in asked)
    there = card.wire.link(WIRE_END)["address"]
    neighbours = card.host.json("-6", "neighbour", "show", "dev", DEVICE)
    assert [one["lladdr"] for one in neighbours if one["dst"] == WIRE6] == [there]
    assert [one["lladdr"] for one in card.wire.json("-6", "neighbour", "show", "dev", WIRE_END) if one["dst"] == HOST6] == [MAC]


@pytest.mark.parametrize("host_is_second", [True, False])
def test_a_duplicate_address(card, host_is_second):
    """The second one to have it is told, whoever that is; one that nobody has is good."""
    second, device, taken = (card.host, DEVICE, WIRE6) if host_is_second else (card.wire, WIRE_END, HOST6)
    questions = f"net/ipv6/conf/{device}/dad_transmits"

    def ask(address, times):
        """A second apart, all of them where there is no answer."""
        second.sysctl(questions, times)
        second.ip("address", "add", f"{address}/64", "dev", device)

        def answer():
            found = next(one for one in addresses(second, device) if one["local"] == address)
            return found if found.get("dadfailed") or not found.get("tentative") else None

        return fw.wait_until(answer, f"it is known whether {address} is taken", 60)

    try:
        assert ask(taken, 20).get("dadfailed")
        assert not ask("2001:db8::77", 1).get("dadfailed")
    finally:
        for one in (taken, "2001:db8::77"):
            second.ip("address", "del", f"{one}/64", "dev", device)
        second.sysctl(questions, 1)
    card.host.ping(WIRE6)


def test_a_router_advertises(card, tmp_path):
    """The host makes an address of the prefix that it hears of, and has a route by who said so."""
    prefix = "2001:db8:5:"
    accept = f"net/ipv6/conf/{DEVICE}/accept_ra"
    card.host.sysctl(accept, 2)
    card.wire.address(WIRE_END, f"{prefix}:1/64", "fe80::1/64")
    try:
        with dnsmasq(card, tmp_path, "--enable-ra", f"--dhcp-range={prefix}:,ra-only,64,1h", "--ra-param=*,high,4,600"):
            fw.wait_until(lambda: any(one.get("local", "").startswith(prefix) for one in addresses(card.host, DEVICE)),
                          "the host has an address of the prefix", 60)
            card.host.ping(f"{prefix}:1")
            routes = card.host.json("-6", "route", "show", "default", "dev", DEVICE)
            assert any(route["gateway"] == "fe80::1" and route["protocol"] == "ra" for route in routes)
    finally:
        card.host.sysctl(accept, 0)
        card.host.ip("-6", "route", "flush", "proto", "ra")
        for one in (f"{prefix}:1/64", "fe80::1/64"):
            card.wire.ip("address", "del", one, "dev", WIRE_END)


# ---- Rules ---------------------------------------------------------------------------------------------


def ports_on(frames):
    """(protocol, version, destination port) of all frames that came in."""
    found = set()
    for frame, ours, _ in frames:
        packet = dpkt.ethernet.Ethernet(frame).data
        version = {dpkt.ip.IP: 4, dpkt.ip6.IP6: 6}.get(type(packet))
        if not ours and version and isinstance(packet.data, (dpkt.tcp.TCP, dpkt.udp.UDP)):
            found.add((type(packet.data).__name__, version, packet.data.dport))
    return found


class Rule:
    """A rule that is there while the block runs."""

    def __init__(self, card, *words):
        self.firmware, self.words = card.firmware, words

    def __enter__(self):
        self.firmware.ctl("rule", "add", "name", "test", *self.words)

    def __exit__(self, *_):
        self.firmware.ctl("rule", "delete", "test")


FETCHES = [("TCP", 4, WIRE4), ("TCP", 6, WIRE6), ("UDP", 4, WIRE4), ("UDP", 6, WIRE6)]


@pytest.mark.parametrize("protocol, version, address", FETCHES)
def test_rules(card, small, tmp_path, protocol, version, address):
    """What a rule denies is not on the wire, and curl does not get it; before and after, and of another port, it does."""
    path, digest = small

    def fetch(url, *words, check=True):
        done = programs.curl(card.host, url, "--output", tmp_path / "got", *words, check=check)
        return done.returncode if done.returncode else programs.digest_of(tmp_path / "got") == digest

    with dnsmasq(card, tmp_path, "--enable-tftp", f"--tftp-root={path.parent}") as server, \
            programs.Web(card.wire, address, path) as web, programs.Web(card.wire, address, path) as other:
        server.wait_for("TFTP root is")
        host = f"[{address}]" if version == 6 else address
        url, port = (web.url, web.port) if protocol == "TCP" else (f"tftp://{host}/{path.name}", TFTP)
        assert fetch(url) is True
        with Rule(card, "out", protocol.lower(), "to", "any", "port", port, "deny"), card.wire.capture(WIRE_END) as wire:
            dropped = card.firmware.drops()[("fw", "out", "rule")]
            assert fetch(url, "--connect-timeout", "1.5", "--max-time", "2", check=False) == 28  # timed out
            assert card.firmware.drops()[("fw", "out", "rule")] > dropped
            assert fetch(other.url) is True
            seen = ports_on(wire.frames())
        assert ("TCP", version, other.port) in seen and (protocol, version, port) not in seen
        assert fetch(url) is True


def stands_still(value):
    """Waits until it has not changed for half a second."""
    def same():
        before = value()
        time.sleep(0.5)
        return value() == before

    fw.wait_until(same, "it stands still", 20)
    return value()


def test_a_rule_comes_in_the_middle_of_a_transfer(card, tmp_path):
    """The transfer stands still, goes on when the rule is gone, and is whole in the end."""
    path, got = tmp_path / "file", tmp_path / "got"
    digest = programs.make_file(path, 60_000_000)

    def size():
        return os.stat(got).st_size if got.exists() else 0

    with programs.Web(card.wire, WIRE4, path) as web:
        with programs.Program(card.host, "curl", "--silent", "--show-error", "--limit-rate", "20M", "--output", got,
                              web.url) as curl:
            fw.wait_until(lambda: size() > 1_000_000, "the transfer has begun", 20)
            with Rule(card, "in", "tcp", "from", "any", "port", web.port, "deny"):
                before = card.firmware.drops()[("fw", "in", "rule")]
                fw.wait_until(lambda: card.firmware.drops()[("fw", "in", "rule")] > before + 2, "the rule denies", 20)
                stood = stands_still(size)  # curl writes what the kernel has
                assert stood < 60_000_000
            fw.wait_until(lambda: size() > stood, "the transfer goes on", 30)
            assert curl.wait() == 0, curl.output()
    assert programs.digest_of(got) == digest


def test_rules_for_pings(card):
    """ping is told nothing, and nothing of it is on the wire."""
    with Rule(card, "out", "icmp", "deny"), card.wire.capture(WIRE_END) as wire:
        assert not card.host.can_ping(WIRE4)
        card.host.ping(WIRE6)
        frames = [dpkt.ethernet.Ethernet(frame).data for frame, ours, _ in wire.frames() if not ours]
    assert not [one for one in frames if isinstance(one, dpkt.ip.IP) and one.p == 1]
    card.host.ping(WIRE4)
