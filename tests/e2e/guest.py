# SPDX-License-Identifier: BSD-3-Clause
"""A virtual machine that has a card in a slot: Debian's kernel under qemu, and a shell on its serial console."""
import contextlib
import json
import os
import re
import socket
import subprocess
import threading
import time
from pathlib import Path

import firmware as fw

SCRIPT = fw.REPO / "docs" / "demo" / "guest.sh"
KERNEL = fw.REPO / "build" / "guest"
ADDRESS = "0000:00:10.0"
GREETING = "The card is at"


def missing():
    """What there is not on this machine to start one; None: all is there."""
    programs = [name for name in ("qemu-system-x86_64", "busybox") if fw.run(["which", name]).returncode != 0]
    if programs:
        return f"there is no {', '.join(programs)}"
    return None if (KERNEL / "vmlinuz").exists() else f"there is no kernel in {KERNEL}, which ./dev test fetches"


class Guest:
    """`run` gives a command to its shell: one at a time. `ask` gives one to what plays the machine."""

    def __init__(self, memory):
        self.memory = Path(memory)
        self.text, self.seen, self.marks = "", 0, 0  # the reader only adds to text
        self.monitor, other = socket.socketpair()
        self.monitor.settimeout(60)
        words = ["-chardev", f"socket,id=monitor,fd={other.fileno()}", "-mon", "chardev=monitor,mode=control"]
        self.process = subprocess.Popen([SCRIPT, memory, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, pass_fds=[other.fileno()],
                                        env={**os.environ, "SLUICE_BUILD": str(fw.BUILD)})
        other.close()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.messages = self.monitor.makefile("rw")
        try:
            self.ask("qmp_capabilities")
        except OSError as failure:
            self.kill()
            raise AssertionError(f"the machine has ended at once:\n{self.text}") from failure
        except BaseException:  # nobody else has it to end it
            self.kill()
            raise

    def _read(self):
        while data := os.read(self.process.stdout.fileno(), 1 << 16):
            self.text += data.decode(errors="replace").replace("\r", "")

    def _wait_for(self, pattern, seconds):
        """The match of a pattern in what the console has said since the last one."""
        deadline = time.monotonic() + seconds
        expression = re.compile(pattern, re.S)
        while (found := expression.search(self.text, self.seen)) is None:
            assert self.process.poll() is None, f"the machine has ended:\n{self.text}"
            assert time.monotonic() < deadline, f"the machine says no {pattern!r} within {seconds} s:\n{self.text}"
            time.sleep(0.01)
        self.seen = found.end()
        return found

    def wait_ready(self, seconds=120):
        """Its shell takes commands, and says nothing but what they say."""
        self._wait_for(f"{GREETING}.*# ", seconds)
        self.run("stty -echo; PS1=; PS2=", seconds)
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            self.run(f"export {name}={fw.ENVIRONMENT[name]}")
        return self

    def _hear(self, word):
        """What the monitor says of a kind, which it does not refuse."""
        for line in self.messages:
            message = json.loads(line)
            assert "error" not in message, message
            if word in (message.get("event"), *message):
                return
        raise AssertionError(f"the machine has ended:\n{self.text}")

    def ask(self, command, **arguments):
        print(json.dumps({"execute": command, "arguments": arguments}), file=self.messages, flush=True)
        self._hear("return")

    def take_out(self):
        """Pulls the card out of its slot, and returns when it is out."""
        self.ask("device_del", id="slot")
        self._hear("DEVICE_DELETED")

    def put_in(self):
        """A card with the same memory. This qemu ends where an object is used for a second time, so it is a new one."""
        self.ask("object-add", **{"qom-type": "memory-backend-file", "id": "next", "mem-path": str(self.memory),
                                  "size": self.memory.stat().st_size, "share": True})
        self.ask("device_add", driver="ivshmem-plain", id="slot", memdev="next", addr="0x10")

    def try_run(self, command, seconds=60):
        """(status, output). The mark is not one word where it is typed, so that an echo is not taken for it."""
        self.marks += 1
        self.process.stdin.write(f"{command}\necho end''-{self.marks}-$?-\n".encode())
        self.process.stdin.flush()
        found = self._wait_for(rf"(.*)end-{self.marks}-(\d+)-\n", seconds)
        assert not fw.sanitizer_report(found[1]), found[1]
        return int(found[2]), found[1]

    def run(self, command, seconds=60):
        status, said = self.try_run(command, seconds)
        assert status == 0, f"{command}: {status}: {said}"
        return said

    def can_ping(self, address):
        return self.try_run(f"ping -c 1 -W 1 {address}")[0] == 0

    def stop(self):
        """Switched off by its shell's end."""
        try:
            self.process.stdin.write(b"exit\n")
            self.process.stdin.flush()
            assert self.process.wait(30) == 0, self.text
        finally:
            self.kill()

    def kill(self):
        """Asked first, since the script takes its folder away where it can."""
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.join()
        with contextlib.suppress(OSError):  # what was not heard any more is dropped
            self.messages.close()
        self.monitor.close()
