# SPDX-License-Identifier: BSD-3-Clause
"""Programs that people use, run in a namespace: servers that end with the test, and what the clients say."""
import contextlib
import hashlib
import http.server
import json
import os
import subprocess
import tempfile
import threading
from pathlib import Path

import firmware as fw
import traffic

PIECE = 1 << 20


class Program:
    """Runs until it ends or the test does; what it says is in output()."""

    def __init__(self, namespace, *words):
        self.out = tempfile.NamedTemporaryFile("w+", prefix="program-")  # pylint: disable=consider-using-with
        self.words, self.said_at_the_end = [str(word) for word in words], ""
        self.process = subprocess.Popen(namespace.command(self.words), stdin=subprocess.DEVNULL, stdout=self.out,
                                        stderr=subprocess.STDOUT, env={**os.environ, "LC_ALL": "C.UTF-8"})

    def output(self):
        return Path(self.out.name).read_text(errors="replace")

    def wait_for(self, text, seconds=30):
        fw.wait_until(lambda: text in self.output() or self.process.poll() is not None, text, seconds)
        assert text in self.output(), f"{self.words[0]} ended with {self.process.poll()}: {self.output()}"
        return self

    def wait(self, seconds=60):
        """Its exit status."""
        return self.process.wait(timeout=seconds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.said_at_the_end = self.output()
        self.out.close()


class Web:
    """An HTTP server: GET gives the file, PUT keeps the digest of what came in `uploads`. Port 0: any."""

    def __init__(self, namespace, address, file, port=0):
        self.uploads, web = [], self

        class Handler(http.server.BaseHTTPRequestHandler):
            """One request."""

            def do_GET(self):  # pylint: disable=invalid-name
                self.send_response(200)
                self.send_header("Content-Length", str(os.stat(file).st_size))
                self.end_headers()
                with contextlib.suppress(OSError), open(file, "rb") as source:  # a client may go away
                    self.wfile.flush()
                    self.connection.sendfile(source)

            def do_PUT(self):  # pylint: disable=invalid-name
                digest, left = hashlib.sha256(), int(self.headers["Content-Length"])
                while left > 0 and (piece := self.rfile.read1(min(left, PIECE))):
                    digest.update(piece)
                    left -= len(piece)
                web.uploads.append((digest.hexdigest(), left))
                self.send_response(201)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):  # pylint: disable=arguments-differ
                """Nobody reads it."""

        server = http.server.ThreadingHTTPServer
        self.server = server((address, port), Handler, bind_and_activate=False)
        self.server.socket.close()
        self.server.socket = namespace.socket(traffic.family_of(address), 1)
        self.server.socket.setsockopt(1, 2, 1)  # SO_REUSEADDR
        self.server.socket.bind((address, port))
        self.server.socket.listen(64)
        self.port = self.server.socket.getsockname()[1]
        host = f"[{address}]" if ":" in address else address
        self.url = f"http://{host}:{self.port}/file"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.socket.close()


def make_file(path, size, seed=1):
    """A file of so many bytes, no two stretches alike; gives its digest."""
    digest = hashlib.sha256()
    with open(path, "wb") as file:
        for chunk in traffic.chunks(size, seed):
            file.write(chunk)
            digest.update(chunk)
    return digest.hexdigest()


def digest_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


def curl(namespace, *words, seconds=600, check=True):
    return namespace.run("curl", "--silent", "--show-error", "--fail", *words, seconds=seconds, check=check)


def iperf(namespace, server, *words):
    """What iperf3 measured, as it says it in JSON; its own server is there already."""
    done = namespace.run("iperf3", "--json", "--client", server, *words, seconds=60, check=False)
    said = json.loads(done.stdout)
    assert done.returncode == 0 and "error" not in said, said.get("error") or done.stderr
    return said["end"]


@contextlib.contextmanager
def iperf_server(namespace):
    with Program(namespace, "iperf3", "--server", "--forceflush") as server:
        server.wait_for("Server listening")
        yield server
