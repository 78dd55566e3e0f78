# SPDX-License-Identifier: BSD-3-Clause
"""A client of the mailbox by hand (host-shim/abi/mailbox.h): one command at a time, and deaths where a test wants them."""
import array
import mmap
import os
import select
import socket
import struct

MAGIC = 0x424D454349554C53
DOORBELL, SUBMISSION, COMPLETION, STAGE_IN, STAGE_OUT, KICK, NOTIFY = range(1, 8)
SIZES = {DOORBELL: 4096, SUBMISSION: 4096, COMPLETION: 8192, STAGE_IN: 1 << 20, STAGE_OUT: 1 << 20}
HOST_WRITES = {DOORBELL, SUBMISSION, STAGE_IN}
ENTRIES = 64


def _table():
    values = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        values.append(value)
    return values


TABLE = _table()


def crc32c(data, crc=0):
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


class Client:
    """Connected until it is closed, or dies."""

    def __init__(self, runtime_dir, minor=0):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(str(runtime_dir / "mailbox.sock"))
        self.socket.send(struct.pack("<QHH52x", MAGIC, 2, minor))
        welcome, rights, _, _ = self.socket.recvmsg(128, socket.CMSG_SPACE(8 * 4))
        assert struct.unpack_from("<H", welcome, 16)[0] == 0, "the firmware refused this client"
        self.descriptors = array.array("i")
        self.descriptors.frombytes(rights[0][2])
        self.regions = {number: mmap.mmap(self.descriptors[number], size,
                                          prot=mmap.PROT_READ | (mmap.PROT_WRITE if number in HOST_WRITES else 0))
                        for number, size in SIZES.items()}
        self.count = 0

    def close(self):
        self.socket.close()
        for region in self.regions.values():
            region.close()
        for descriptor in self.descriptors:
            os.close(descriptor)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def give(self, opcode, *arguments, payload=b"", room=0, token=0, flags=0):
        """Publishes a command, and waits for nothing."""
        first, second = (*arguments, 0, 0)[:2]
        self.regions[STAGE_IN][: len(payload)] = payload
        head = struct.pack("<HHIQQQIIIIQ", opcode, self.count & 0xFFFF, flags, token, first, second, 0, len(payload), 0, room, 0)
        at = self.count % ENTRIES * 64
        self.regions[SUBMISSION][at : at + 56] = head
        phase = (self.count // ENTRIES & 1) ^ 1
        self.regions[SUBMISSION][at + 56 : at + 64] = struct.pack("<II", crc32c(payload, crc32c(head)), phase)
        os.write(self.descriptors[KICK], struct.pack("<Q", 1))

    def take(self, seconds=30):
        """The completion: status, result, payload."""
        at, phase = self.count % ENTRIES * 32, (self.count // ENTRIES & 1) ^ 1
        while struct.unpack_from("<I", self.regions[COMPLETION], at + 28)[0] != phase:
            assert select.select([self.descriptors[NOTIFY]], [], [], seconds)[0], "no completion came"
            os.read(self.descriptors[NOTIFY], 8)
        _, status, _, length, result = struct.unpack_from("<HH4sxxxxIQ", self.regions[COMPLETION], at)
        self.count += 1
        struct.pack_into("<I", self.regions[DOORBELL], 0, self.count)
        return status, result, self.regions[STAGE_OUT][:length]

    def call(self, opcode, *arguments, **more):
        self.give(opcode, *arguments, **more)
        return self.take()
