# SPDX-License-Identifier: BSD-3-Clause
"""What the kernel tells of processes: what they have open, what they wait for, and which are left over."""
import contextlib
import faulthandler
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path


def descriptors(pid):
    """What a process has open; what closes meanwhile is left out."""
    folder, found = f"/proc/{pid}/fd", []
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):
                found.append(os.readlink(f"{folder}/{name}"))
    return found


def wait_for_mailbox(client):
    """Returns when the client holds its mailbox's eventfds: from now on it gives commands. False where it has ended."""
    while client.poll() is None:
        if "anon_inode:[eventfd]" in descriptors(client.pid):
            return True
    return False


def holds(pid):
    """How many descriptors and how many shared regions."""
    return len(descriptors(pid)), _word(f"/proc/{pid}/maps").count("memfd:")


def _word(path):
    with contextlib.suppress(OSError):
        return Path(path).read_text().strip()
    return ""


def state(pid):
    """One letter, as ps shows it; empty where there is no such process."""
    return _word(f"/proc/{pid}/stat").rpartition(")")[2].strip()[:1]


def mentioning(word):
    """The processes that have this in their command lines, but for this one."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return [pid for pid in pids if pid != os.getpid() and str(word) in _word(f"/proc/{pid}/cmdline")]


def zombies():
    """Children of this process that nobody has waited for."""
    mine, found = os.getpid(), []
    for name in filter(str.isdigit, os.listdir("/proc")):
        fields = _word(f"/proc/{name}/stat").rpartition(")")[2].split()
        if fields and fields[0] == "Z" and int(fields[1]) == mine:
            found.append(int(name))
    return found


def stacks(pid):
    """What each thread does: by the debugger where there is one, else by what the kernel tells."""
    threads = [f"  thread {one}: {_word(f'/proc/{pid}/task/{one}/wchan')} {_word(f'/proc/{pid}/task/{one}/syscall')}"
               for one in os.listdir(f"/proc/{pid}/task")]
    if not shutil.which("gdb"):
        return "\n".join(threads)
    done = subprocess.run(["gdb", "-p", str(pid), "-batch", "-ex", "thread apply all bt 12"], capture_output=True, text=True,
                          timeout=60, check=False)
    return "\n".join([*threads, done.stdout])


class Watchdog:
    """Kicked often, it sleeps; else it says what everybody does, and ends them, so that whoever waits for them fails."""

    def __init__(self, seconds, suspects):
        """suspects() gives (name, process, what it has said) of all that may hang."""
        self.seconds, self.suspects = seconds, suspects
        self.kicked, self.ended, self.doing = threading.Event(), False, "nothing yet"
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def kick(self, doing):
        self.doing = doing
        self.kicked.set()

    def _watch(self):
        while True:
            if not self.kicked.wait(self.seconds):
                self._bite()
                return
            if self.ended:
                return
            self.kicked.clear()

    def _bite(self):
        print(f"\n{self.seconds} s without progress: {self.doing}", file=sys.stderr)
        for name, process, said in self.suspects():
            if process.poll() is None:
                print(f"{name} (pid {process.pid}) is in state {state(process.pid)}:\n{stacks(process.pid)}\n{said}",
                      file=sys.stderr)
                process.kill()
            else:
                print(f"{name} has ended with {process.returncode}:\n{said}", file=sys.stderr)
        faulthandler.dump_traceback(file=sys.__stderr__)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended = True
        self.kicked.set()
        self.thread.join()
