# SPDX-License-Identifier: BSD-3-Clause
"""Frames made by hand: each boundary of docs/policy.md's "What a packet is", and some that rules aim at."""
import socket
import struct

ETH = bytes.fromhex("0200000000010200000000ff")


def eth(kind, payload):
    return ETH + struct.pack(">H", kind) + payload


def tag(kind, vlan, rest):
    """A tag and what follows: rest starts with the next EtherType."""
    return struct.pack(">HH", kind, vlan) + rest


def ipv4(protocol, payload, fragment=0, total=None, first=0x45, options=b""):
    total = 20 + len(options) + len(payload) if total is None else total
    head = struct.pack(">BBHHHBBH4s4s", first, 0, total, 1, fragment, 64, protocol, 0, bytes(4), bytes([10, 0, 0, 1]))
    return eth(0x0800, head + options + payload)


def ipv6(kind, payload, length=None, first=0x60):
    length = len(payload) if length is None else length
    head = struct.pack(">B3xHBB", first, length, kind, 64) + bytes(15) + b"\1" + bytes(15) + b"\2"
    return eth(0x86DD, head + payload)


def tcp(offset=5, flags=2, options=b""):
    return struct.pack(">HHIIBBHHH", 1000, 80, 0, 0, offset << 4, flags, 0, 0, 0) + options


def udp(length=8, data=b""):
    return struct.pack(">HHHH", 1000, 53, length, 0) + data


def extension(following, length=0, size=8):
    return bytes([following, length]) + bytes(size - 2)


def fragment6(following, offset=0, more=0):
    return struct.pack(">BBHI", following, 0, offset << 3 | more, 1)


# name -> (frame, reason why it is malformed, or None)
BOUNDARIES = {
    "13 bytes": (ETH + b"\x08", "eth-truncated"),
    "14 bytes": (ETH + b"\x00\x00", None),
    "tag cut": (ETH + tag(0x8100, 5, b"\x08"), "vlan-truncated"),
    "four tags": (ETH + tag(0x9100, 5, tag(0x88A8, 6, tag(0x8100, 7, tag(0x8100, 8, b"\x12\x34")))), None),
    "fifth tag": (ETH + b"\x81\x00\0\1" * 4 + b"\x81\x00", "vlan-too-deep"),
    "fifth tag of other kind": (ETH + b"\x81\x00\0\1" * 4 + b"\x88\xa8", "vlan-too-deep"),
    "ipv4 19 bytes": (eth(0x0800, b"\x45" + bytes(18)), "ipv4-truncated"),
    "ipv4 version": (ipv4(0, b"", first=0x55), "ipv4-bad-version"),
    "ipv4 ihl": (ipv4(0, b"", first=0x44), "ipv4-bad-ihl"),
    "ipv4 options cut": (ipv4(0, b"", first=0x46), "ipv4-truncated"),
    "ipv4 total under header": (ipv4(0, b"", total=19), "ipv4-bad-length"),
    "ipv4 total beyond frame": (ipv4(0, b"", total=21), "ipv4-truncated"),
    "ipv4 padding": (ipv4(1, b"\x08\0\0\0" + bytes(40), total=24), None),
    "ipv4 tcp in padding": (ipv4(6, tcp(), total=39), "l4-truncated"),
    "ipv4 options": (ipv4(6, tcp(), first=0x46, options=bytes(4)), None),
    "ipv4 end 65535": (ipv4(17, bytes(7), fragment=8191), None),
    "ipv4 end 65536": (ipv4(17, bytes(8), fragment=8191), "ipv4-bad-fragment"),
    "ipv6 39 bytes": (eth(0x86DD, b"\x60" + bytes(38)), "ipv6-truncated"),
    "ipv6 version": (ipv6(59, b"", first=0x40), "ipv6-bad-version"),
    "ipv6 length": (ipv6(59, b"", length=1), "ipv6-truncated"),
    "ipv6 padding": (ipv6(6, tcp() + bytes(9), length=20), None),
    "ipv6 eight extensions": (ipv6(60, extension(60) * 7 + extension(59)), None),
    "ipv6 nine extensions": (ipv6(60, extension(60) * 8 + extension(59)), "ipv6-too-many-extensions"),
    "ipv6 ninth not looked at": (ipv6(60, extension(60) * 8), "ipv6-too-many-extensions"),
    "hop-by-hop first": (ipv6(0, extension(59)), None),
    "hop-by-hop second": (ipv6(60, extension(0) + extension(59)), "ipv6-bad-extension"),
    "extension cut": (ipv6(43, extension(59)[:7]), "ipv6-bad-extension"),
    "extension longer": (ipv6(43, extension(59, length=1)), "ipv6-bad-extension"),
    "extension fills": (ipv6(43, extension(59, length=1, size=16)), None),
    "authentication 8 at least": (ipv6(51, extension(59, length=0)), None),
    "authentication 12": (ipv6(51, extension(59, length=1)), "ipv6-bad-extension"),
    "authentication 12 there": (ipv6(51, extension(6, length=1, size=12) + tcp()), None),
    "fragment6 end 65535": (ipv6(44, fragment6(17, 8191, 1) + bytes(7)), None),
    "fragment6 end 65536": (ipv6(44, fragment6(17, 8191) + bytes(8)), "ipv6-bad-fragment"),
    "tcp 19": (ipv4(6, tcp()[:19]), "l4-truncated"),
    "tcp offset 4": (ipv6(6, tcp(offset=4)), "tcp-bad-offset"),
    "tcp offset 6": (ipv4(6, tcp(offset=6)), "l4-truncated"),
    "tcp first fragment": (ipv4(6, tcp()[:19], fragment=0x2000), "l4-truncated"),
    "tcp fragment at 8": (ipv4(6, tcp(), fragment=1), "tiny-fragment"),
    "tcp fragment at 16": (ipv4(6, b"", fragment=2), None),
    "tcp fragment6 at 8": (ipv6(44, fragment6(6, 1)), "tiny-fragment"),
    "udp 7": (ipv4(17, udp()[:7]), "l4-truncated"),
    "udp length 7": (ipv6(17, udp(length=7)), "udp-bad-length"),
    "udp length beyond": (ipv4(17, udp(length=9)), "udp-bad-length"),
    "udp length beyond, first fragment": (ipv4(17, udp(length=9), fragment=0x2000), None),
    "udp length 7, first fragment": (ipv4(17, udp(length=7), fragment=0x2000), "udp-bad-length"),
    "udp atomic fragment": (ipv6(44, fragment6(17) + udp(length=9)), "udp-bad-length"),
    "udp fragment at 8": (ipv4(17, b"", fragment=1), None),
    "sctp 11": (ipv4(132, bytes(11)), "l4-truncated"),
    "sctp 12": (ipv6(132, bytes(12)), None),
    "icmp 3": (ipv4(1, bytes(3)), "l4-truncated"),
    "icmpv6 3": (ipv6(58, bytes(3)), "l4-truncated"),
    "icmp in ipv6": (ipv6(1, b""), None),
    "icmpv6 in ipv4": (ipv4(58, b""), None),
    "arp of 0 bytes": (eth(0x0806, b""), None),
}


def _tcp_to(port, flags):
    return struct.pack(">HHIIBBHHH", 179, port, 0, 0, 0x50, flags, 0, 0, 0)


def _udp_to(port, data=b"x"):
    return struct.pack(">HHHH", port, port, 8 + len(data), 0) + data


AIMED = [
    *(ipv4(6, _tcp_to(80, flags)) for flags in range(256)),
    *(ipv6(6, _tcp_to(port, 2)) for port in (0, 1, 80, 1023, 1024, 65535)),
    *(ipv4(17, _udp_to(port)) for port in (0, 53, 499, 500, 501, 1000, 1001, 1024, 1812, 2000, 2001, 49151, 49152)),
    *(ipv6(132, struct.pack(">HH8x", port, port)) for port in (0, 1, 65535)),
    *(ipv4(1, bytes([kind, code, 0, 0])) for kind in (0, 3, 8) for code in (0, 1)),
    *(ipv6(58, bytes([kind, code, 0, 0])) for kind in (128, 134, 155) for code in (0, 1)),
    *(ipv6(50, bytes(size)) for size in (0, 20)),
    eth(0x0806, bytes(28)),
    eth(0x0806, bytes(46)),
]


def addressed():
    """UDP packets on both sides of the ends of the prefixes that the policies name."""
    v4 = ["9.255.255.255", "10.0.0.0", "10.0.0.255", "10.0.1.0", "10.255.255.255", "11.0.0.0", "192.168.0.1",
          "192.168.0.2", "223.255.255.255", "224.0.0.0", "239.255.255.255", "240.0.0.0", "127.255.255.255", "128.0.0.0"]
    v6 = ["2001:db8::", "2001:db8:7fff:ffff::1", "2001:db8:8000::", "fe80::1", "febf::1", "fec0::", "::1", "::2",
          "ff00::", "1fff::", "2000::", "3fff::1", "4000::"]
    for source in v4:
        for destination in v4:
            frame = ipv4(17, _udp_to(7))
            yield frame[:26] + socket.inet_aton(source) + socket.inet_aton(destination) + frame[34:]
    for source in v6:
        for destination in v6:
            frame, pair = ipv6(6, _tcp_to(22, 16)), (source, destination)
            yield frame[:22] + b"".join(socket.inet_pton(socket.AF_INET6, a) for a in pair) + frame[54:]


def tagged(frame, *tags):
    """The frame with tags (EtherType, id) from the outermost on."""
    head = b"".join(struct.pack(">HH", kind, vlan) for kind, vlan in tags)
    return frame[:12] + head + frame[12:]


TAGS = [[(0x8100, 100)], [(0x88A8, 6), (0x8100, 100)], [(0x9100, 10), (0x9100, 1), (0x8100, 2)], [(0x8100, 0)],
        [(0x8100, 1)], [(0x8100, 4095)], [(0x8100, 0xF064)], [(0x8100, 1)] * 4, [(0x8100, 1)] * 5]


def frames():
    """All of them; well-formed ones with every kind of tags too."""
    plain = [frame for frame, _ in BOUNDARIES.values()] + AIMED + list(addressed())
    whole = [frame for frame, reason in BOUNDARIES.values() if reason is None] + AIMED[::7]
    return plain + [tagged(frame, *tags) for frame in whole for tags in TAGS]
