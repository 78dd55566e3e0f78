# SPDX-License-Identifier: BSD-3-Clause
"""What the benchmark sends and by which rules: shuffled UDP flows, and a small generator of ACL-like rules."""
import random
import struct

FRAME_BYTES = 60
RULE_WORDS = ("source prefix /8 to /32 within 10/8, destination prefix /12 to /32 within 172.16/12, "
              "70 % TCP, 30 % UDP, destination port exact 60 %, a range 20 %, any 20 %; all deny; no packet matches")


def _checksum(header):
    total = sum(struct.unpack(">10H", header))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def udp_frame(source, destination, source_port, destination_port):
    """A frame of FRAME_BYTES without its check sequence."""
    length = FRAME_BYTES - 14
    ip = struct.pack(">BBHHHBBHII", 0x45, 0, length, 0, 0, 64, 17, 0, source, destination)
    ip = ip[:10] + struct.pack(">H", _checksum(ip)) + ip[12:]
    udp = struct.pack(">HHHH", source_port, destination_port, length - 20, 0)
    return bytes.fromhex("020000000002" "020000000001" "0800") + ip + udp + bytes(FRAME_BYTES - 42)


def flow_frames(flows, frame_count, seed=1):
    """Frames of so many flows, each as often as any other, in random order."""
    pick = random.Random(seed)
    made = [udp_frame(0x0A000000 | pick.getrandbits(24), 0xAC100000 | pick.getrandbits(20),
                      pick.randrange(1024, 65536), pick.randrange(20_000, 65_536)) for _ in range(flows)]
    frames = [made[number % flows] for number in range(max(flows, frame_count))]
    pick.shuffle(frames)
    return frames


def write_pcap(path, frames):
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for frame in frames:
            out.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)


def _network(pick, base, base_bits, lengths):
    length = pick.choice(lengths)
    address = base | pick.getrandbits(32 - base_bits)
    address &= ~((1 << (32 - length)) - 1)
    return ".".join(str(byte) for byte in address.to_bytes(4, "big")) + f"/{length}"


def _ports(pick):
    # below the flows' ports, so that addresses match and the ports then do not
    kind = pick.choices(("exact", "range", "any"), (60, 20, 20))[0]
    low = pick.randrange(1, 10_000)
    if kind == "exact":
        return {"operator": "eq", "port": low}
    return {"lower-port": low, "upper-port": pick.randrange(low, 10_000)} if kind == "range" else None


def rules(count, seed=2):
    """Deny rules after RULE_WORDS; a UDP rule always has a port, for else it could match."""
    pick, aces = random.Random(seed), []
    for number in range(count):
        protocol, ports = pick.choices(("tcp", "udp"), (70, 30))[0], _ports(pick)
        if ports is None:
            protocol = "tcp"
        networks = {"source-ipv4-network": _network(pick, 0x0A000000, 8, (8, 16, 24, 24, 32)),
                    "destination-ipv4-network": _network(pick, 0xAC100000, 12, (12, 16, 24, 24, 32))}
        l4 = {"destination-port": ports} if ports else {}
        aces.append({"name": f"r{number}", "sluice:priority": number, "sluice:direction": "out",
                     "matches": {"ipv4": networks, protocol: l4}, "actions": {"forwarding": "drop"}})
    return aces
