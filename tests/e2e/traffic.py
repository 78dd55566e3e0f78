# SPDX-License-Identifier: BSD-3-Clause
"""TCP and UDP between namespaces: what came is what was sent."""
import contextlib
import hashlib
import random
import socket
import threading

CHUNK = 1 << 16
UNANSWERED = 8 << 10  # bytes: below the first window of any TCP


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def chunks(size, seed):
    """Bytes of which no two stretches are alike."""
    source = random.Random(seed)
    base = source.randbytes(CHUNK)
    for number in range((size + CHUNK - 1) // CHUNK):
        yield (number.to_bytes(8, "big") + base[8:])[: size - number * CHUNK]


class Server:
    """Answers each connection's bytes, once they have ended, with their digest. Port 0: any."""

    def __init__(self, namespace, address, port=0):
        self.listener = namespace.socket(family_of(address), socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen(1024)
        self.address = self.listener.getsockname()[:2]
        self.accepted = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                one, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._answer, args=(one,), daemon=True).start()

    @staticmethod
    def _answer(one):
        digest = hashlib.sha256()
        with one:
            try:
                while data := one.recv(1 << 20):
                    digest.update(data)
                one.sendall(digest.digest())
            except OSError:
                return  # the other one sees that it has no answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def connect(namespace, where, seconds=30):
    one = namespace.socket(family_of(where[0]), socket.SOCK_STREAM)
    one.settimeout(seconds)
    try:
        one.connect(where)
    except OSError:
        one.close()
        raise
    return one


def can_connect(namespace, where, seconds=2):
    try:
        connect(namespace, where, seconds).close()
    except OSError:
        return False
    return True


def send(namespace, where, size, seed=0, seconds=60, hold=None):
    """Sends so many bytes, the first of them, which need no answer, within `hold`; they arrived as they were."""
    digest = hashlib.sha256()
    with connect(namespace, where, seconds) as one:
        for chunk in chunks(size, seed):
            digest.update(chunk)
            if hold is not None:
                with hold:
                    one.sendall(chunk[:UNANSWERED])
                chunk, hold = chunk[UNANSWERED:], None
            one.sendall(chunk)
        one.shutdown(socket.SHUT_WR)
        answer = one.recv(64)
    assert answer == digest.digest(), f"{size} bytes to {where} came as others"


class Stream:
    """One connection that sends without end; `progress` counts what the other end has confirmed, a byte for each chunk."""

    def __init__(self, namespace, server_namespace, address):
        self.listener = server_namespace.socket(family_of(address), socket.SOCK_STREAM)
        self.listener.bind((address, 0))
        self.listener.listen(1)
        self.progress, self.wrong, self.ended = 0, None, threading.Event()
        self.threads = [threading.Thread(target=self._echo, daemon=True)]
        self.threads[0].start()
        self.client = connect(namespace, self.listener.getsockname()[:2])
        self.threads.append(threading.Thread(target=self._send, daemon=True))
        self.threads[1].start()

    def _echo(self):
        one, _ = self.listener.accept()
        with one, contextlib.suppress(OSError):  # a client that has lost its connection says so
            while data := one.recv(CHUNK):
                one.sendall(data)

    def _send(self):
        source, number = random.Random(7), 0
        while not self.ended.is_set():
            data = number.to_bytes(8, "big") + source.randbytes(4000)
            try:
                self.client.sendall(data)
                back = b""
                while len(back) < len(data):
                    back += self.client.recv(len(data) - len(back)) or b"\0" * CHUNK
            except OSError as error:
                self.wrong = str(error)
                return
            if back != data:
                self.wrong = f"chunk {number} came as another one"
                return
            number += 1
            self.progress = number

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.threads[1].join(60)
        self.client.close()
        self.listener.close()


def udp_server(namespace, address, stop):
    """A server that answers each datagram with its digest; gives its address."""
    server = namespace.socket(family_of(address), socket.SOCK_DGRAM)
    server.bind((address, 0))
    server.settimeout(0.2)

    def serve():
        with server:
            while not stop.is_set():
                try:
                    data, sender = server.recvfrom(1 << 16)
                    server.sendto(hashlib.sha256(data).digest(), sender)
                except TimeoutError:
                    continue

    threading.Thread(target=serve, daemon=True).start()
    return server.getsockname()[:2]


def ask(namespace, where, size):
    """A datagram of so many bytes arrives as it was."""
    data = random.Random(size).randbytes(size)
    with namespace.socket(family_of(where[0]), socket.SOCK_DGRAM) as one:
        one.settimeout(10)
        one.sendto(data, where)
        try:
            assert one.recv(1 << 16) == hashlib.sha256(data).digest(), f"a datagram of {size} bytes came as another one"
        except TimeoutError as lost:
            raise AssertionError(f"a datagram of {size} bytes was lost") from lost
