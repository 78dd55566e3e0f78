# SPDX-License-Identifier: BSD-3-Clause
"""What a frame is, after "What a packet is" in docs/policy.md: its fields, or the reason why it is malformed."""
import struct
from dataclasses import dataclass

IPV4, IPV6 = 0x0800, 0x86DD
TAGS = (0x8100, 0x88A8, 0x9100)
ICMP, TCP, UDP, ICMPV6, SCTP = 1, 6, 17, 58, 132
HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION = 0, 43, 44, 51, 60
EXTENSIONS = (HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION)
MOST_TAGS, MOST_EXTENSIONS, MOST_BYTES = 4, 8, 65535


class Malformed(Exception):
    """args[0] is the drop reason's name."""


@dataclass
class Fields:
    """None stands for "not there": no match on such a field holds."""

    destination_mac: bytes = b""
    source_mac: bytes = b""
    vlan: int = None
    ethertype: int = None
    family: int = None
    source: bytes = None
    destination: bytes = None
    protocol: int = None
    source_port: int = None
    destination_port: int = None
    icmp_type: int = None
    icmp_code: int = None
    tcp_flags: int = None


@dataclass
class Payload:
    """What lies behind the IP headers, and which part of the datagram it is."""

    data: bytes
    offset: int = 0  # of the fragment, bytes
    more: bool = False

    @property
    def first_fragment(self):
        return self.offset == 0 and self.more


def demand(condition, reason):
    if not condition:
        raise Malformed(reason)


def parse(frame):
    """Fields of the frame; raises Malformed."""
    demand(len(frame) >= 14, "eth-truncated")
    fields = Fields(destination_mac=frame[:6], source_mac=frame[6:12])
    rest = _tags(fields, frame[12:])
    if fields.ethertype == IPV4:
        _layer4(fields, _ipv4(fields, rest))
    elif fields.ethertype == IPV6:
        _layer4(fields, _ipv6(fields, rest))
    return fields


def _tags(fields, rest):
    """Takes the tags and the EtherType off; returns what follows."""
    kind, rest, tags = struct.unpack(">H", rest[:2])[0], rest[2:], 0
    while kind in TAGS:
        demand(tags < MOST_TAGS, "vlan-too-deep")
        demand(len(rest) >= 4, "vlan-truncated")
        control, kind = struct.unpack(">HH", rest[:4])
        if tags == 0:
            fields.vlan = control & 0xFFF
        rest, tags = rest[4:], tags + 1
    fields.ethertype = kind
    return rest


def _ipv4(fields, packet):
    demand(len(packet) >= 20, "ipv4-truncated")
    demand(packet[0] >> 4 == 4, "ipv4-bad-version")
    header = (packet[0] & 15) * 4
    demand(header >= 20, "ipv4-bad-ihl")
    demand(len(packet) >= header, "ipv4-truncated")
    total, fragment = struct.unpack(">2xHxxH", packet[:8])
    demand(total >= header, "ipv4-bad-length")
    demand(total <= len(packet), "ipv4-truncated")
    payload = Payload(packet[header:total], (fragment & 0x1FFF) * 8, bool(fragment & 0x2000))
    demand(payload.offset + len(payload.data) <= MOST_BYTES, "ipv4-bad-fragment")
    fields.family, fields.protocol = 4, packet[9]
    fields.source, fields.destination = packet[12:16], packet[16:20]
    return payload


def _ipv6(fields, packet):
    demand(len(packet) >= 40, "ipv6-truncated")
    demand(packet[0] >> 4 == 6, "ipv6-bad-version")
    length = struct.unpack(">H", packet[4:6])[0]
    demand(40 + length <= len(packet), "ipv6-truncated")
    fields.family = 6
    fields.source, fields.destination = packet[8:24], packet[24:40]
    fields.protocol, payload = _extensions(packet[6], packet[40 : 40 + length])
    return payload


def _extension_length(kind, data):
    if kind == FRAGMENT:
        return 8
    if kind == AUTHENTICATION:
        return max(8, (data[1] + 2) * 4)
    return (data[1] + 1) * 8


def _extensions(kind, data):
    """Walks the extension headers; returns the protocol and the payload."""
    seen, more = 0, False
    while kind in EXTENSIONS:
        demand(seen < MOST_EXTENSIONS, "ipv6-too-many-extensions")
        demand(kind != HOP_BY_HOP or seen == 0, "ipv6-bad-extension")
        demand(len(data) >= 8, "ipv6-bad-extension")
        length = _extension_length(kind, data)
        demand(len(data) >= length, "ipv6-bad-extension")
        header, data = data[:length], data[length:]
        if kind == FRAGMENT:
            word = struct.unpack(">H", header[2:4])[0]
            offset = word & 0xFFF8
            demand(offset + len(data) <= MOST_BYTES, "ipv6-bad-fragment")
            more = more or bool(word & 1)
            if offset:
                return header[0], Payload(data, offset, more)
        kind, seen = header[0], seen + 1
    return kind, Payload(data, 0, more)


def _layer4(fields, payload):
    if payload.offset:
        demand(fields.protocol != TCP or payload.offset != 8, "tiny-fragment")
    elif fields.protocol == TCP:
        _tcp(fields, payload.data)
    elif fields.protocol == UDP:
        _udp(fields, payload)
    elif fields.protocol == SCTP:
        demand(len(payload.data) >= 12, "l4-truncated")
        _ports(fields, payload.data)
    elif fields.protocol == (ICMP if fields.family == 4 else ICMPV6):
        demand(len(payload.data) >= 4, "l4-truncated")
        fields.icmp_type, fields.icmp_code = payload.data[:2]


def _ports(fields, segment):
    fields.source_port, fields.destination_port = struct.unpack(">HH", segment[:4])


def _tcp(fields, segment):
    demand(len(segment) >= 20, "l4-truncated")
    header = (segment[12] >> 4) * 4
    demand(header >= 20, "tcp-bad-offset")
    demand(header <= len(segment), "l4-truncated")
    _ports(fields, segment)
    fields.tcp_flags = segment[13]


def _udp(fields, payload):
    demand(len(payload.data) >= 8, "l4-truncated")
    length = struct.unpack(">H", payload.data[4:6])[0]
    demand(length >= 8, "udp-bad-length")
    demand(payload.first_fragment or length <= len(payload.data), "udp-bad-length")
    _ports(fields, payload.data)
