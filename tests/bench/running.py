# SPDX-License-Identifier: BSD-3-Clause
"""What every benchmark needs: memory, programs that run while they are measured, and the report."""
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
REPORT = REPO / "docs" / "performance.md"
PAGES_FILE = Path("/proc/sys/vm/nr_hugepages")
PAGES = 512  # of 2 MiB


def free_hugepages():
    return int(re.search(r"HugePages_Free:\s+(\d+)", Path("/proc/meminfo").read_text())[1])


@contextlib.contextmanager
def hugepages(wanted=PAGES):
    """Reserves what is missing where that is allowed, and gives it back."""
    old = PAGES_FILE.read_text()
    missing = max(0, wanted - free_hugepages())
    try:
        PAGES_FILE.write_text(str(int(old) + missing))
    except PermissionError:
        print("bench: no hugepages and no right to reserve them: both programs do without", file=sys.stderr)
    try:
        yield
    finally:
        if missing and os.access(PAGES_FILE, os.W_OK):
            PAGES_FILE.write_text(old)


def remove_runtime_folders():
    """EAL leaves one for each --file-prefix."""
    for folder in Path("/var/run/dpdk").glob(f"*-{os.getpid()}"):
        shutil.rmtree(folder, ignore_errors=True)


class Run:
    """A program that is measured while it runs."""

    running = []

    def __init__(self, command, folder, name="log", **options):
        self.log = open(Path(folder) / name, "w+")
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=self.log,
                                        stderr=subprocess.STDOUT, **options)
        self.running.append(self)

    def text(self):
        self.log.flush()
        return Path(self.log.name).read_text()

    def wait_for(self, words, seconds=60):
        deadline = time.monotonic() + seconds
        while words not in self.text():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                sys.exit(f"bench: {words!r} did not come:\n{self.text()}")
            time.sleep(0.05)

    def wait_for_rates(self, start, port, periods, seconds=60):
        """Packets a second that left a port of a testpmd, in so many periods that it printed behind `start`."""
        deadline = time.monotonic() + seconds
        while len(rates := testpmd_rates(self.text()[start:], port)) < periods:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                sys.exit(f"bench: dpdk-testpmd does not go on:\n{self.text()}")
            time.sleep(0.05)
        return rates

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.running.remove(self)


def kill_all():
    """Programs that poll would go on for ever: none outlives the benchmark, however that ends."""
    for run in Run.running:
        run.process.kill()
        run.process.wait()


def testpmd_rates(text, port):
    """Packets a second that left a port of a testpmd, in each period of which it printed."""
    return [int(rate) for rate in re.findall(rf"port {port} .*?Tx-pps:\s+(\d+)", text, re.S)]


def ask(build, runtime_dir, *words):
    command = [build / "host-shim" / "cli" / "sluicectl", "--runtime-dir", runtime_dir, "--json", *words]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def machine():
    cpuinfo = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*:\s*(.*)", cpuinfo)
    megahertz = re.search(r"cpu MHz\s*:\s*([\d.]+)", cpuinfo)
    name = model[1] if model else os.uname().machine
    tsc = f", TSC {float(megahertz[1]) / 1000:.2f} GHz" if megahertz else ""
    return f"{name}{tsc}, {os.cpu_count()} cores"


def write_report(part, text):
    """Puts a table between its markers; a report without them gets them at its end."""
    begin, end = f"<!-- {part}: begin -->", f"<!-- {part}: end -->"
    old = REPORT.read_text() if REPORT.exists() else "# Performance\n\n"
    if begin not in old:
        old += f"{begin}\n{end}\n"
    head, rest = old.split(begin)
    REPORT.write_text(f"{head}{begin}\n{text}{end}{rest.split(end)[1]}")
