# SPDX-License-Identifier: BSD-3-Clause
"""Other host sides than net_host: a stack's upper port is net_vhost or net_memif, and dpdk-testpmd is the host."""
import json
import re
import shlex
import socket
import struct
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path

import firmware as fw
import pcapfile
import policies
import pytest
from test_health import WORKER_HEARTBEAT, info_region, word
from test_hostport import ALLOWED_PORT, DENIED_PORT, link, rules, sum_is_right, tcp

# name -> (device of the card's port, device of the peer); {} is a socket of their own
SIDES = {
    "vhost": ("net_vhost0,iface={},queues=1", "net_virtio_user0,path={}"),
    "vhost with large sends": ("net_vhost0,iface={},queues=1,tso=1", "net_virtio_user0,path={}"),
    "memif, card serves": ("net_memif0,role=server,id=0,socket={},socket-abstract=no",
                           "net_memif0,role=client,id=0,socket={},socket-abstract=no"),
    "memif, peer serves": ("net_memif0,role=client,id=0,socket={},socket-abstract=no",
                           "net_memif0,role=server,id=0,socket={},socket-abstract=no"),
}
BIG_BUFFER = 12_000  # bytes of a peer's buffer that holds a large send


class Peer:
    """dpdk-testpmd with the other end of the card's port, a capture that it sends once, and one of what it receives."""

    def __init__(self, device, folder, *commands, buffer=2176):
        self.sent, self.received = folder / "peer-in.pcap", folder / "peer-out.pcap"
        self.out = tempfile.NamedTemporaryFile("w+", prefix="testpmd-")  # pylint: disable=consider-using-with
        captures = f"net_pcap0,rx_pcap={self.sent},tx_pcap={self.received}"
        words = ["dpdk-testpmd", "--lcores", "0,1", "--no-pci", "--no-huge", "-m", "128", "--single-file-segments",
                 "--no-shconf", "--file-prefix", f"peer-{Path(self.out.name).name}", "--vdev", device, "--vdev", captures,
                 "--", "-i", "--total-num-mbufs=2048", f"--mbuf-size={buffer}", "--no-flush-rx"]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=self.out, stderr=self.out, text=True)
        self.tell(*commands)

    def output(self):
        return Path(self.out.name).read_text()

    def tell(self, *commands):
        for command in commands:
            self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()

    def end(self):
        """In order: what it received is in its capture."""
        self.tell("stop", "quit")
        assert self.process.wait(timeout=30) == 0, self.output()
        return list(pcapfile.read(self.received))

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.out.close()


class Side:
    """A firmware whose host is a peer; its wire plays frames without end, some denied."""

    def __init__(self, name, folder, firmware):
        self.card_device, self.peer_device = (device.format(folder / "socket") for device in SIDES[name])
        self.folder, self.firmware = folder, firmware
        self.peers, self.running = [], None

    def start_card(self):
        pcapfile.write(self.folder / "in.pcap", incoming())
        wire = f"net_pcap0,rx_pcap={self.folder}/in.pcap,infinite_rx=1,tx_pcap={self.folder}/out.pcap"
        both = {"fw": [*rules()["fw"], policies.ace("no-ssh-in", "in", "drop", rules()["fw"][0]["matches"], 10)]}
        ports = policies.port("host0", self.card_device), policies.port("wire0", wire, rx_pps=500)
        self.running = self.firmware(policies.document(*ports, [policies.filter_driver("fw")], both))
        return self.running

    def start_peer(self, frames, *commands, **options):
        pcapfile.write(self.folder / "peer-in.pcap", frames)
        self.peers.append(Peer(self.peer_device, self.folder, *commands, **options))
        return self.peers[-1]

    def wait_link(self, peer, state):
        fw.wait_until(lambda: link(self.running, "host0") == state, f"the link goes {state}: {peer.output()}", 30)

    def captured(self):
        """What left on the wire, all of it."""
        self.running.stop()
        return list(pcapfile.read(self.folder / "out.pcap"))


@pytest.fixture
def side(firmware, tmp_path):
    made = []

    def make(name):
        made.append(Side(name, tmp_path, firmware))
        return made[-1]

    yield make
    for peer in [peer for one in made for peer in one.peers]:
        peer.kill()


def incoming():
    ports = ALLOWED_PORT, DENIED_PORT
    return [tcp(port, bytes([number]) * (number * 10 + 1)) for number in range(32) for port in ports]


def outgoing(first, count):
    """Allowed ones, and each with a denied one behind it."""
    allowed = [tcp(ALLOWED_PORT, bytes([number]) * (number * 20 + 1), number) for number in range(first, first + count)]
    return allowed, [frame for one in allowed for frame in (one, tcp(DENIED_PORT, one[54:]))]


def let_frames_pass(one, peer, allowed):
    """All that the peer has, and more than the wire has, twice."""
    left, came = one.running.sent("wire0"), one.running.sent("host0")
    peer.tell("start")
    fw.wait_until(lambda: one.running.sent("wire0") >= left + allowed, "the peer's allowed frames leave", 30)
    fw.wait_until(lambda: one.running.sent("host0") >= came + 128, "frames come to it", 30)


def expect_received(frames):
    expected = {frame for frame in incoming() if frame[36:38] == struct.pack(">H", ALLOWED_PORT)}
    assert frames and set(frames) == expected


def expect_another(one, before):
    """The next peer is found, and ends in order: the wire has all of both."""
    allowed, frames = outgoing(20, 20)
    peer = one.start_peer(frames, "set fwd io")
    one.wait_link(peer, "up")
    let_frames_pass(one, peer, 20)
    expect_received(peer.end())
    one.wait_link(peer, "down")
    assert one.captured() == before + allowed


@pytest.mark.parametrize("name", ["vhost", "memif, card serves"])
def test_a_peer_dies_and_comes_back(side, name):
    """Frames go both ways byte by byte, denied ones neither; the link follows the peer, also one that was killed."""
    one = side(name)
    assert link(one.start_card(), "host0") == "down"
    allowed, frames = outgoing(0, 20)
    first = one.start_peer(frames, "set fwd io")
    one.wait_link(first, "up")
    let_frames_pass(one, first, 20)
    first.process.kill()
    one.wait_link(first, "down")
    expect_another(one, allowed)


def test_a_peer_that_serves(side):
    """It must be there before the card, which is memif's client. When it has gone, the card looks for the next one."""
    one = side("memif, peer serves")
    allowed, frames = outgoing(0, 20)
    peer = one.start_peer(frames, "set fwd io")
    fw.wait_until((one.folder / "socket").exists, "the peer listens", 30)
    one.start_card()
    one.wait_link(peer, "up")
    let_frames_pass(one, peer, 20)
    peer.process.kill()
    one.wait_link(peer, "down")
    fw.wait_until(lambda: one.running.output().count("Failed to connect") >= 2, "the card looks for it in vain", 30)
    (one.folder / "socket").unlink()
    expect_another(one, allowed)


def accept_nobody(path, stack):
    """A server whose next client waits for as long as it likes to."""
    def seqpacket():
        return stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))

    server = seqpacket()
    server.bind(str(path))
    server.listen(0)
    try:
        while True:
            client = seqpacket()
            client.setblocking(False)
            client.connect(str(path))
    except BlockingIOError:
        pass


def test_a_server_that_accepts_nobody(side):
    """Only the thread that looks for it waits: all that beats goes on, and so does the end."""
    one = side("memif, peer serves")
    peer = one.start_peer(outgoing(0, 1)[1])
    path = one.folder / "socket"
    fw.wait_until(path.exists, "the peer listens", 30)
    running = one.start_card()
    one.wait_link(peer, "up")
    path.unlink()
    tasks = Path(f"/proc/{running.process.pid}/task")
    with ExitStack() as stack:
        accept_nobody(path, stack)
        peer.process.kill()
        one.wait_link(peer, "down")
        fw.wait_until(lambda: any((task / "wchan").read_text() == "unix_wait_for_peer" for task in tasks.iterdir()),
                      "a thread waits for the server", 30)
        region = info_region(running)
        before = word(region, WORKER_HEARTBEAT, "<Q")
        fw.wait_until(lambda: word(region, WORKER_HEARTBEAT, "<Q") > before + 2, "the heartbeat advances", 20)
        assert "port 'host0' still waits for its peer" in running.stop()


def test_a_host_of_another_kind_as_the_guide_says(firmware, tmp_path):
    """Its policy and its commands, with a socket of our own and without hugepages: frames of that host go through."""
    guide = (fw.REPO / "docs" / "guide.md").read_text()
    text = guide.split("## A host with a device of another kind")[1].split("\n## ")[0]
    socket = re.search(r"iface=(/run/[^,]*)", text)[1]
    text = text.replace(socket, f"{tmp_path}/socket").replace("net_af_packet0,iface=eth0", "net_null0,no-rx=1")
    (_, policy), (_, console) = re.findall(r"^```(\w*)\n(.*?)^```", text, re.M | re.S)
    lines = [shlex.split(line[2:]) for line in console.strip().split("\n")]
    running = firmware(json.loads(policy))
    own = ["--lcores", "0,1", "--no-huge", "-m", "128", "--no-shconf", "--file-prefix", f"guide-{tmp_path.parent.name}"]
    peer = next(line for line in lines if line[0] == "dpdk-testpmd")
    with open(tmp_path / "log", "w") as log, \
            subprocess.Popen([peer[0], *own, *peer[1:]], stdin=subprocess.PIPE, stdout=log, stderr=log) as process:
        try:
            fw.wait_until(lambda: running.sent("wire0") > 0, "frames of the host leave", 30)
            for line in lines:
                if line[0] == "sluicectl":
                    running.ctl(*line[1:])
            assert link(running, "host0") == "up"
        finally:
            process.terminate()


# ---- Offloads ------------------------------------------------------------------------------------------------------


def spoiled(frame):
    """Its checksum is the card's to make."""
    return frame[:50] + b"\xde\xad" + frame[52:]


def test_a_checksum_through_virtio(side):
    """The peer leaves the sum of TCP to its device: on the wire it is right."""
    one = side("vhost")
    one.start_card()
    frames = [tcp(ALLOWED_PORT, bytes([number]) * (number + 1), number) for number in range(20)]
    peer = one.start_peer([spoiled(frame) for frame in frames], "port stop 0", "csum set tcp hw 0", "port start 0",
                          "set fwd csum")
    one.wait_link(peer, "up")
    let_frames_pass(one, peer, 20)
    peer.end()
    sent = one.captured()
    assert [frame[54:] for frame in sent] == [frame[54:] for frame in frames]
    assert all(sum_is_right(frame) for frame in sent)


def test_a_large_send_through_virtio(side):
    """The peer leaves the cutting to its device: on the wire are segments, each as if it had been sent by itself."""
    one = side("vhost with large sends")
    one.start_card()
    payload = bytes(number * 7 % 256 for number in range(8000))
    peer = one.start_peer([spoiled(tcp(ALLOWED_PORT, payload, 1000))], "port stop 0", "csum set tcp hw 0", "csum set ip hw 0",
                          "tso set 1400 0", "port start 0", "set fwd csum", buffer=BIG_BUFFER)
    one.wait_link(peer, "up")
    let_frames_pass(one, peer, 6)
    peer.end()
    sent = one.captured()
    assert all(sum_is_right(frame) for frame in sent)
    assert [len(frame) - 54 for frame in sent] == [1400] * 5 + [1000]
    assert b"".join(frame[54:] for frame in sent) == payload
    assert [struct.unpack_from(">I", frame, 38)[0] for frame in sent] == [1000 + 1400 * number for number in range(6)]
