# SPDX-License-Identifier: BSD-3-Clause
"""Traffic that goes on while things die: each byte and each datagram is known by its place."""
import random
import socket
import struct
import threading
import time

import traffic

CHUNK = 4096
LONGEST = 1400  # of a datagram: it fits a frame of the least MTU that a test gives a port
NOTICE = 0.2    # seconds until a thread sees that it is to end


class Datagrams:
    """Numbered ones without end, one way. What arrives was sent, arrives once, and (`ordered`) in its order."""

    def __init__(self, sender, receiver, address, seed, pause=0.004, ordered=True):
        self.base, self.pause = random.Random(seed).randbytes(LONGEST), pause
        kind = traffic.family_of(address), socket.SOCK_DGRAM
        self.receiving, self.sending = receiver.socket(*kind), sender.socket(*kind)
        self.receiving.bind((address, 0))
        self.receiving.settimeout(NOTICE)
        self.where = self.receiving.getsockname()[:2]
        self.sent = self.arrived = 0
        self.last, self.wrong, self.ended = -1, None, threading.Event()
        self.ordered, self.seen = ordered, set()
        self.awaited, self.came = 0, threading.Event()
        self.came_at = None
        self.threads = [threading.Thread(target=one, daemon=True) for one in (self._receive, self._send)]
        for thread in self.threads:
            thread.start()

    def _datagram(self, number):
        return struct.pack(">Q", number) + self.base[: number * 131 % (LONGEST - 8)]

    def _send(self):
        while not self.ended.wait(self.pause):
            data = self._datagram(self.sent)
            self.sent += 1
            try:
                self.sending.sendto(data, self.where)
            except OSError:
                pass  # there is no way at this moment: it is lost, as others are

    def _receive(self):
        while not self.ended.is_set():
            try:
                self._take(self.receiving.recv(1 << 16))
            except TimeoutError:
                continue

    def _take(self, data):
        now, number = time.monotonic(), struct.unpack_from(">Q", data)[0]
        if data != self._datagram(number):
            self.wrong = f"datagram {number} came as another one"
        elif number in self.seen or (self.ordered and number < self.last):
            self.wrong = f"datagram {number} came {'again' if number in self.seen else 'late'}, after {self.last}"
        self.seen.add(number)
        self.last = number
        self.arrived += 1
        if number >= self.awaited and not self.came.is_set():
            self.came_at = now
            self.came.set()

    def expect(self):
        """From now on: what is sent after this moment is awaited."""
        self.awaited = 1 << 62  # none, while the event is cleared
        self.came.clear()
        self.awaited = self.sent

    def first(self, seconds):
        """When the first of those arrived that were sent after expect()."""
        assert self.came.wait(seconds), f"no datagram to {self.where} within {seconds} s"
        assert self.wrong is None, self.wrong
        return self.came_at

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join(10)
        self.receiving.close()
        self.sending.close()


class Exchange:
    """One TCP connection that carries bytes both ways at the same time; `progress` counts the chunks that came, by way."""

    def __init__(self, namespace, server_namespace, address, seed, pause=0.002):
        self.pause, self.ended = pause, threading.Event()
        self.bases = [random.Random(seed * 2 + way).randbytes(CHUNK) for way in (0, 1)]
        self.progress, self.sent, self.wrong = [0, 0], [0, 0], None
        with server_namespace.socket(traffic.family_of(address), socket.SOCK_STREAM) as listener:
            listener.bind((address, 0))
            listener.listen(1)
            client = traffic.connect(namespace, listener.getsockname()[:2])
            self.ends = [client, listener.accept()[0]]
        for end in self.ends:
            end.settimeout(None)
        ways = [(self._send, 0), (self._receive, 0), (self._send, 1), (self._receive, 1)]
        self.threads = [threading.Thread(target=self._run, args=one, daemon=True) for one in ways]
        for thread in self.threads:
            thread.start()

    def _run(self, work, way):
        try:
            work(way)
        except OSError as error:
            self.wrong = f"way {way}: {error}"

    def _chunk(self, way, number):
        return number.to_bytes(8, "big") + self.bases[way][8:]

    def _send(self, way):
        while not self.ended.wait(self.pause):
            self.ends[way].sendall(self._chunk(way, self.sent[way]))
            self.sent[way] += 1
        self.ends[way].shutdown(socket.SHUT_WR)

    def _receive(self, way):
        end = self.ends[1 - way]
        while data := end.recv(CHUNK, socket.MSG_WAITALL):
            if data != self._chunk(way, self.progress[way]):
                self.wrong = f"way {way}: chunk {self.progress[way]} came as another one, or in part"
                return
            self.progress[way] += 1

    def finish(self, seconds=60):
        """Both ways end in order, and all that was sent has come."""
        self.ended.set()
        deadline = time.monotonic() + seconds
        for thread in self.threads:
            thread.join(max(0, deadline - time.monotonic()))
        assert self.wrong is None, self.wrong
        assert not any(thread.is_alive() for thread in self.threads), f"it did not end: {self.progress} of {self.sent}"
        assert self.progress == self.sent

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ended.set()
        for end in self.ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended already
            end.close()
