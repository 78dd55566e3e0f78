# SPDX-License-Identifier: BSD-3-Clause
"""Network namespaces without names, which go with the test: sockets in them, devices, and what passes on a wire."""
import ctypes
import fcntl
import json
import os
import socket
import struct
import subprocess
import time

CLONE_NEWNET = 0x40000000
SIOCETHTOOL = 0x8946
ETHTOOL_SETS = {"rx-checksum": 0x15, "tx-checksum": 0x17, "scatter-gather": 0x19, "tso": 0x1F, "gso": 0x24, "gro": 0x2C}
SOL_PACKET, PACKET_AUXDATA, PACKET_OUTGOING, SO_RCVBUFFORCE = 263, 8, 4, 33
TP_STATUS_CSUMNOTREADY, TP_STATUS_VLAN_VALID = 1 << 3, 1 << 4
libc = ctypes.CDLL(None, use_errno=True)


def _enter(descriptor):
    if libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Namespace:
    """`with` it, the calling thread is in there; what a socket is made in it stays in."""

    def __init__(self):
        with subprocess.Popen(["unshare", "--net", "sh", "-c", "echo && read x"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as holder:
            holder.stdout.readline()
            self.descriptor = os.open(f"/proc/{holder.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            holder.communicate(b"\n")
        self.outside = []
        self.ip("link", "set", "lo", "up")

    def close(self):
        os.close(self.descriptor)

    def __enter__(self):
        self.outside.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
        _enter(self.descriptor)
        return self

    def __exit__(self, *_):
        outside = self.outside.pop()
        _enter(outside)
        os.close(outside)

    def path(self):
        return f"/proc/{os.getpid()}/fd/{self.descriptor}"

    def command(self, words):
        """A command that runs inside."""
        return ["nsenter", f"--net={self.path()}", *[str(word) for word in words]]

    def run(self, *words, seconds=60, check=True):
        done = subprocess.run(self.command(words), capture_output=True, text=True, timeout=seconds, check=False)
        assert done.returncode == 0 or not check, f"{' '.join(map(str, words))}: {done.stdout}{done.stderr}"
        return done

    def ip(self, *words):
        return self.run("ip", *words).stdout

    def json(self, *words):
        """What `ip` says, as JSON."""
        return json.loads(self.ip("-j", *words))

    def link_counters(self, device):
        """By "rx" and "tx", and then by word."""
        return self.json("-s", "link", "show", device)[0]["stats64"]

    def snmp(self, protocol, name):
        """A counter of the kernel's: that of /proc/net/snmp, or of snmp6 for a protocol that ends with a 6."""
        if protocol.endswith("6"):
            rows = dict(line.split() for line in self.run("cat", "/proc/net/snmp6").stdout.splitlines())
            return int(rows[protocol + name])
        head, values = [line.split()[1:] for line in self.run("cat", "/proc/net/snmp").stdout.splitlines()
                        if line.startswith(f"{protocol}:")]
        return int(values[head.index(name)])

    def socket(self, *kind):
        with self:
            return socket.socket(*kind)

    def address(self, device, *addresses):
        """Addresses that can be used at once. Neighbours are asked for longer than three seconds: machines are busy."""
        for family in ("ipv4", "ipv6"):
            self.sysctl(f"net/{family}/neigh/{device}/mcast_solicit", 30)
        for one in addresses:
            self.ip("address", "add", one, "dev", device, *(["nodad"] if ":" in one else []))
        self.ip("link", "set", device, "up")

    def sysctl(self, path, value):
        self.run("sh", "-c", f"echo {value} > /proc/sys/{path}")

    def link(self, device):
        """What the kernel says of a device; None: there is none."""
        done = self.run("ip", "-j", "-d", "link", "show", device, check=False)
        return json.loads(done.stdout)[0] if done.returncode == 0 else None

    def has_carrier(self, device):
        link = self.link(device)
        return link is not None and "LOWER_UP" in link["flags"]

    def plain(self, device):
        """No offloads: what this namespace sends by a device is on the wire as it will be for good."""
        with self.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            for number in ETHTOOL_SETS.values():
                value = ctypes.create_string_buffer(struct.pack("II", number, 0))
                fcntl.ioctl(one, SIOCETHTOOL, struct.pack("16sP16x", device.encode(), ctypes.addressof(value)))

    def capture(self, device):
        return Capture(self, device)

    def ping(self, address, count=3, *more):
        return self.run("ping", "-n", "-c", count, "-i", "0.05", "-W", "10", *more, address)

    def can_ping(self, address, *more):
        return self.run("ping", "-n", "-c", "1", "-W", "1", *more, address, check=False).returncode == 0


def veth(one, one_name, other, other_name, mtu=1500):
    """A wire between two namespaces, up."""
    one.ip("link", "add", one_name, "type", "veth", "peer", "name", other_name, "netns", other.path())
    for space, name in ((one, one_name), (other, other_name)):
        space.ip("link", "set", name, "mtu", mtu, "addrgenmode", "none", "up")
        space.plain(name)


class Capture:
    """Every frame that passes a device from now on."""

    def __init__(self, namespace, device):
        self.socket = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.socket.bind((device, 3))
        self.socket.setblocking(False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def frames(self):
        """(frame, whether it was sent by this namespace, whether its checksum is still to be made) of all so far."""
        found = []
        while True:
            try:
                data, ancillary, _, where = self.socket.recvmsg(1 << 17, 256)
            except BlockingIOError:
                return found
            status, _, _, _, _, tci, kind = struct.unpack_from("IIIHHHH", ancillary[0][2])
            if status & TP_STATUS_VLAN_VALID:
                data = data[:12] + struct.pack(">HH", kind or 0x8100, tci) + data[12:]
            found.append((data, where[2] == PACKET_OUTGOING, bool(status & TP_STATUS_CSUMNOTREADY)))

    def collect(self, wanted, seconds=20):
        """All frames until `wanted` is true of some of them."""
        deadline, found = time.monotonic() + seconds, []
        while not any(wanted(*one) for one in found):
            found += self.frames()
            assert time.monotonic() < deadline, "the frame was not seen"
            time.sleep(0.01)
        return found
