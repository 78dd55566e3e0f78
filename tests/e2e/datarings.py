# SPDX-License-Identifier: BSD-3-Clause
"""A host by hand on the data rings of a port (host-shim/abi/data.h): right, or wrong on purpose."""
import array
import mmap
import socket
import struct

MAGIC = 0x424D454349554C53
MAILBOX_DESCRIPTORS = 8
BUFFER = 2048
MORE, META, RESOURCES = 1, 2, 4
DOWN, UP, BROKEN = 0, 1, 2
CARD_LINE, HOST_LINE, DESC = 192, 256, 16
NEEDS_CSUM, TCPV4 = 1, 1


class Refused(Exception):
    """args[0] is the status of the welcome."""


def hello(port, queues, entries):
    return struct.pack("<QHHI32sHH12x", MAGIC, 2, 0, 0, port.encode(), queues, entries)


def meta(flags=0, gso=0, size=0, start=0, offset=0, vlan=0):
    return struct.pack("<BBHHHHH4x", flags, gso, 0, size, start, offset, vlan)


def page(size):
    return (size + 4095) // 4096 * 4096


class Host:
    """Attached while it is open; queue pair 0 is the one that it uses."""

    def __init__(self, runtime_dir, port, queues=1, entries=256):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(str(runtime_dir / "mailbox.sock"))
        self.socket.send(hello(port, queues, entries))
        welcome, rights, _, _ = self.socket.recvmsg(128, socket.CMSG_SPACE(64 * 4))
        self.descriptors = array.array("i")
        for _, _, data in rights:
            self.descriptors.frombytes(data)
        status = struct.unpack_from("<H", welcome, 16)[0]
        if status != 0:
            self.socket.close()
            raise Refused(status)
        self._map(*struct.unpack_from("<QQHHI", welcome, 64))

    def _map(self, card_size, host_size, queues, entries, mtu):
        self.queues, self.entries, self.mtu = queues, entries, mtu
        self.card = mmap.mmap(self.descriptors[MAILBOX_DESCRIPTORS], card_size, prot=mmap.PROT_READ)
        self.host = mmap.mmap(self.descriptors[MAILBOX_DESCRIPTORS + 1], host_size)
        # struct reads and writes byte by byte: the other side would see what is neither the old index nor the new one
        self.card_words, self.host_words = memoryview(self.card).cast("I"), memoryview(self.host).cast("I")
        self.receive_ring = page(CARD_LINE * queues)
        self.send_ring = page(HOST_LINE * queues)
        self.return_ring = self.send_ring + entries * DESC
        self.send_buffers = page(self.send_ring + queues * 2 * entries * DESC)
        self.tail = self.head = self.returned = 0

    def close(self):
        """As if the host had died: nothing is given back."""
        self.socket.close()
        self.card_words.release()
        self.host_words.release()
        self.card.close()
        self.host.close()
        for descriptor in self.descriptors:
            socket.close(descriptor)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def card_word(self, offset):
        return self.card_words[offset // 4]

    def status(self):
        return self.card_word(132)

    def sent(self):
        """Whether the card has taken all."""
        return self.card_word(64) == self.tail

    def refused(self):
        return struct.unpack_from("<Q", self.card, 144)[0]

    def short(self):
        """How many frames have found no buffer."""
        return struct.unpack_from("<Q", self.card, 152)[0]

    def put(self, data, flags=0):
        """One descriptor, not published."""
        place = self.tail % self.entries
        at = self.send_buffers + place * BUFFER
        self.host[at : at + len(data)] = data
        struct.pack_into("<IHHII", self.host, self.send_ring + place * DESC, at, len(data), flags, 0, 0)
        self.tail = (self.tail + 1) & 0xFFFFFFFF

    def point_last_at(self, offset):
        """Lets the last descriptor speak of another place."""
        struct.pack_into("<I", self.host, self.send_ring + (self.tail - 1) % self.entries * DESC, offset)

    def publish(self, tail=None):
        self.host_words[0] = self.tail if tail is None else tail

    def send(self, frame, info=None):
        """One frame in as many buffers as it takes."""
        data = (info or b"") + frame
        pieces = [data[at : at + BUFFER] for at in range(0, len(data), BUFFER)]
        for number, piece in enumerate(pieces):
            more = MORE if number + 1 < len(pieces) else 0
            self.put(piece, more | (META if info and number == 0 else 0))
        self.publish()

    def receive(self):
        """The frames that have come, whose buffers go back."""
        frames, frame = [], b""
        while self.head != self.card_word(0):
            where = self.receive_ring + self.head % self.entries * DESC
            at, length, flags, number, _ = struct.unpack_from("<IHHII", self.card, where)
            frame += self.card[at + (16 if flags & META else 0) : at + length]
            self.head = (self.head + 1) & 0xFFFFFFFF
            if not flags & RESOURCES:
                struct.pack_into("<IHHII", self.host, self.return_ring + self.returned % self.entries * DESC,
                                 0, 0, 0, number, 0)
                self.returned = (self.returned + 1) & 0xFFFFFFFF
            if not flags & MORE:
                frames.append(frame)
                frame = b""
        self.host_words[64 // 4] = self.head
        self.host_words[128 // 4] = self.returned
        return frames
