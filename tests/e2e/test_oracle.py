# SPDX-License-Identifier: BSD-3-Clause
"""The judge is judged: hand-made frames with known answers, and tshark's reading of the captures."""
import ipaddress
import subprocess

import captures
import frames
import oracle
import pcapfile
import policies
import pytest
from crafted import BOUNDARIES, ETH, eth, ipv4, ipv6, tag, tcp, udp


def reason_of(frame):
    try:
        frames.parse(frame)
    except frames.Malformed as malformed:
        return malformed.args[0]
    return None


@pytest.mark.parametrize("frame, reason", BOUNDARIES.values(), ids=BOUNDARIES)
def test_reason(frame, reason):
    """Each check of "What a packet is" sees its boundary."""
    assert reason_of(frame) == reason


def test_later_fragment_has_a_protocol_but_no_ports():
    fields = frames.parse(ipv4(17, udp(), fragment=2))
    assert (fields.protocol, fields.source_port) == (17, None)


MATCHES = {
    "prefix": ({"ipv4": {"destination-ipv4-network": "10.0.0.0/30"}}, ipv4(17, udp()), True),
    "prefix misses": ({"ipv4": {"destination-ipv4-network": "10.0.0.4/30"}}, ipv4(17, udp()), False),
    "v4 rule, v6 packet": ({"ipv4": {}}, ipv6(17, udp()), False),
    "udp in both families": ({"udp": {"destination-port": {"operator": "eq", "port": 53}}}, ipv6(17, udp()), True),
    "lte": ({"udp": {"destination-port": {"operator": "lte", "port": 52}}}, ipv6(17, udp()), False),
    "range": ({"tcp": {"source-port": {"lower-port": 1000, "upper-port": 1000}}}, ipv4(6, tcp()), True),
    "icmp object is not icmpv6": ({"icmp": {}}, ipv6(58, bytes(4)), False),
    "icmpv6": ({"ipv6": {}, "icmp": {"type": 0}}, ipv6(58, bytes(4)), True),
    "icmp member, later fragment": ({"icmp": {"type": 0}}, ipv4(1, bytes(4), fragment=9), False),
    "icmp, later fragment": ({"icmp": {}}, ipv4(1, bytes(4), fragment=9), True),
    "flags under mask": ({"tcp": {"flags": "syn", "sluice:flags-mask": "syn ack"}}, ipv4(6, tcp(flags=0x42)), True),
    "flags without mask": ({"tcp": {"flags": "syn"}}, ipv4(6, tcp(flags=0x12)), True),
    "flags of syn-ack": ({"tcp": {"flags": "syn", "sluice:flags-mask": "syn ack"}}, ipv4(6, tcp(flags=0x12)), False),
    "vlan 0 wants a tag": ({"sluice:vlan-id": 0}, ipv4(6, tcp()), False),
    "outermost tag": ({"sluice:vlan-id": 5}, ETH + tag(0x88A8, 0xE005, tag(0x8100, 6, b"\x12\x34")), True),
    "inner tag": ({"sluice:vlan-id": 6}, ETH + tag(0x88A8, 5, tag(0x8100, 6, b"\x12\x34")), False),
    "type after the tags": ({"eth": {"ethertype": "0x1234"}}, ETH + tag(0x88A8, 5, b"\x12\x34"), True),
    "mac": ({"eth": {"source-mac-address": "02:00:00:00:00:ff"}}, ipv4(6, tcp()), True),
    "mac mask": ({"eth": {"source-mac-address": "02:00:00:00:00:00",
                          "source-mac-address-mask": "ff:ff:ff:ff:ff:00"}}, ipv4(6, tcp()), True),
    "mac misses": ({"eth": {"destination-mac-address": "02:00:00:00:00:ff"}}, ipv4(6, tcp()), False),
    "no match at all": ({}, eth(0x0806, b""), True),
}


@pytest.mark.parametrize("matches, frame, holds", MATCHES.values(), ids=MATCHES)
def test_match(matches, frame, holds):
    """Each row of the table of matches, held and not held."""
    assert oracle.Rule(policies.ace("r", "in", "drop", matches)).matches(frames.parse(frame)) == holds


def test_order_and_counting():
    """Priority first, then order of entry; count goes on; the other direction's rules are not judged."""
    rules = [
        policies.ace("last", "in", "drop", priority=9),
        policies.ace("counted", "in", "count", priority=1),
        policies.ace("first", "in", "accept", priority=5),
        policies.ace("second", "in", "drop", priority=5),
        policies.ace("other-way", "out", "drop", priority=0),
    ]
    judge = oracle.Oracle(policies.null_document({"fw": rules}))
    verdict = judge.judge("in", ipv4(6, tcp()))
    assert verdict == oracle.Verdict(True, hits=[("fw", "counted"), ("fw", "first")])


def test_stack_order_and_mtu():
    """`out` visits from the host side, `in` from the wire side; a frame over MTU + 22 is dropped at the port."""
    drivers = [policies.filter_driver("a", "drop", "drop"), policies.filter_driver("b", "drop", "accept")]
    judge = oracle.Oracle(policies.null_document(drivers=drivers))
    assert [judge.judge(way, ipv4(6, tcp())).where for way in ("in", "out")] == ["b", "a"]
    judge = oracle.Oracle(policies.null_document())
    assert judge.judge("in", eth(0x1234, bytes(1522 - 14))).passes
    verdict = judge.judge("in", eth(0x1234, bytes(1523 - 14)))
    assert verdict == oracle.Verdict(False, "host0", "frame-too-long", defaulted=[("fw", "in")])


TSHARK_FIELDS = """vlan.id ieee8021ad.id ip.version ip.src ip.dst ip.proto ipv6.src ipv6.dst ipv6.nxt
tcp.srcport tcp.dstport tcp.flags udp.srcport udp.dstport sctp.srcport sctp.dstport icmp.type icmp.code icmpv6.type
icmpv6.code eth.src eth.dst""".split()
NO_REASSEMBLY = ["ip.defragment:FALSE", "ipv6.defragment:FALSE", "tcp.desegment_tcp_streams:FALSE"]


def tshark_rows(path):
    """For each frame the first (outermost) value of each field."""
    command = ["tshark", "-n", "-r", path, "-T", "fields", "-E", "occurrence=f", "-E", "separator=;"]
    command += [arg for option in NO_REASSEMBLY for arg in ("-o", option)]
    command += [arg for name in TSHARK_FIELDS for arg in ("-e", name)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")[:-1]
    return [dict(zip(TSHARK_FIELDS, line.split(";"))) for line in lines]


def ours_in_tsharks_words(fields):
    """Our reading under tshark's field names; only what the headers before any tunnel say."""
    words = {"eth.src": fields.source_mac.hex(":"), "eth.dst": fields.destination_mac.hex(":")}
    if fields.family == 4:
        words |= {"ip.src": str(ipaddress.ip_address(fields.source)), "ip.proto": str(fields.protocol)}
        words |= {"ip.dst": str(ipaddress.ip_address(fields.destination))}
    if fields.family == 6:
        words |= {"ipv6.src": str(ipaddress.ip_address(fields.source))}
        words |= {"ipv6.dst": str(ipaddress.ip_address(fields.destination))}
    name = {6: "tcp", 17: "udp", 132: "sctp"}.get(fields.protocol)
    if fields.source_port is not None:
        words |= {f"{name}.srcport": str(fields.source_port), f"{name}.dstport": str(fields.destination_port)}
    if fields.tcp_flags is not None:
        words["tcp.flags"] = f"{fields.tcp_flags:#06x}"
    if fields.icmp_type is not None:
        prefix = "icmp" if fields.family == 4 else "icmpv6"
        words |= {f"{prefix}.type": str(fields.icmp_type), f"{prefix}.code": str(fields.icmp_code)}
    return words


def differences(fields, row):
    words = ours_in_tsharks_words(fields)
    # tshark shows the flags' reserved bits too
    if row["tcp.flags"] and "tcp.flags" in words:
        row = {**row, "tcp.flags": f"{int(row['tcp.flags'], 16) & 0xFF:#06x}"}
    wrong = {name: (word, row[name]) for name, word in words.items() if row[name] != word}
    outer_id = fields.vlan
    if outer_id is not None and str(outer_id) not in (row["vlan.id"], row["ieee8021ad.id"]):
        wrong["vlan"] = (outer_id, row["vlan.id"])
    return wrong


def test_tshark_reads_the_captures_alike(tmp_path):
    """For frames that are well-formed to us, tshark finds the same addresses, protocol, ports, flags, types and ids."""
    all_frames, origins = captures.load()
    if not all_frames:
        pytest.skip(f"no captures in {captures.FOLDER}")
    pcapfile.write(tmp_path / "all.pcap", all_frames)
    rows = tshark_rows(tmp_path / "all.pcap")
    assert len(rows) == len(all_frames)
    compared, wrong = 0, {}
    for frame, origin, row in zip(all_frames, origins, rows):
        if reason_of(frame):
            continue
        compared += 1
        found = differences(frames.parse(frame), row)
        if found:
            wrong[origin] = found
    assert not wrong
    assert compared > 1000, "too few well-formed frames to compare"
