#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
How fast Sluice is beside dpdk-testpmd, on the very same two ports: net_pcap that replays without end, and net_null.

Control and load run on the first core, one worker on the second. Runs alternate; each figure is the median of its
runs, and the ratio to testpmd of the same run is what counts. Prints a Markdown table; --write puts it into
docs/performance.md between its markers.
"""
import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import workload

REPO = Path(__file__).resolve().parents[2]
REPORT = REPO / "docs" / "performance.md"
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
BURST = 32
LEAST_FRAMES = 4096
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


def eal(name):
    """EAL arguments that both programs get; without hugepages both do without."""
    # --in-memory wants hugepages
    memory = ["--in-memory"] if free_hugepages() >= PAGES // 2 else ["--no-huge", "-m", "2048", "--no-shconf"]
    return ["-l", "0,1", "--no-pci", "--file-prefix", f"{name}-{os.getpid()}", *memory]


def remove_runtime_folders():
    """EAL leaves one for each --file-prefix."""
    for folder in Path("/var/run/dpdk").glob(f"*-{os.getpid()}"):
        shutil.rmtree(folder, ignore_errors=True)


def devices(pcap):
    return [f"net_pcap0,rx_pcap={pcap},infinite_rx=1", "net_null0,no-rx=1"]


def mbufs(pcap_frames):
    """The replay keeps one for each frame; the rest is in flight."""
    return pcap_frames + 16_384


class Run:
    """A program that is measured while it runs."""

    def __init__(self, command, folder):
        self.log = open(Path(folder) / "log", "w+")
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=self.log,
                                        stderr=subprocess.STDOUT)

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

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def testpmd(pcap, frames, seconds, folder):
    """Packets a second that leave port 1."""
    command = ["dpdk-testpmd", *eal("testpmd")]
    for device in devices(pcap):
        command += ["--vdev", device]
    command += ["--", "--forward-mode=macswap", "--nb-cores=1", f"--burst={BURST}", "--stats-period=1", "--auto-start",
                f"--total-num-mbufs={mbufs(frames)}", "--no-lsc-interrupt"]
    run = Run(command, folder)
    run.wait_for("NIC statistics for port 1")
    time.sleep(seconds + 1.5)
    run.stop()
    rates = [int(rate) for rate in re.findall(r"port 1 .*?Tx-pps:\s+(\d+)", run.text(), re.S)]
    # the first period covers the start, the last one may cover the end
    return statistics.median(rates[1 : int(seconds) + 1])


def sluice_document(pcap, driver, rule_count):
    ports = [{"name": name, "devargs": devargs} for name, devargs in zip(("host0", "wire0"), devices(pcap))]
    stack = {"name": "main", "upper-port": "host0", "lower-port": "wire0", "driver": [{"name": "d", "type": driver}]}
    document = {"sluice:ports": {"port": ports}, "sluice:stacks": {"stack": [stack]}}
    if rule_count:
        acl = {"name": "d", "aces": {"ace": workload.rules(rule_count)}}
        document["ietf-access-control-list:acls"] = {"acl": [acl]}
    return document


def ask(build, runtime_dir, *words):
    command = [build / "host-shim" / "cli" / "sluicectl", "--runtime-dir", runtime_dir, "--json", *words]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def sent(build, runtime_dir):
    rows = {row["name"]: row for row in ask(build, runtime_dir, "port", "stats")}
    return time.monotonic(), rows["wire0"]["tx-packets"]


def sluice(build, document, frames, seconds, folder):
    """Packets a second that leave the wire port."""
    config = Path(folder) / "policy.json"
    config.write_text(json.dumps(document))
    run = Run([build / "fw" / "sluice-fw", "--config", config, "--runtime-dir", folder, "--workers", 1, "--mbufs",
               mbufs(frames), "--", *eal("sluice")], folder)
    run.wait_for("sluice-fw: ready")
    time.sleep(1)
    start, before = sent(build, folder)
    time.sleep(seconds)
    end, after = sent(build, folder)
    dropped = ask(build, folder, "drops")
    run.stop()
    if dropped:
        sys.exit(f"bench: every packet should have come out, but: {dropped}")
    if run.process.returncode != 0:
        sys.exit(f"bench: sluice-fw ended with {run.process.returncode}:\n{run.text()}")
    return (after - before) / (end - start)


def cases(options, pcap, frames):
    """Name -> function that measures it once."""
    def of(driver, rule_count, build=options.build):
        document = sluice_document(pcap, driver, rule_count)
        return lambda folder: sluice(build, document, frames, options.seconds, folder)

    measured = {"testpmd macswap": lambda folder: testpmd(pcap, frames, options.seconds, folder),
                "Sluice, passthru": of("passthru", 0)}
    if options.without_verifier:
        measured["the same, the verifier compiled out"] = of("passthru", 0, options.without_verifier)
    for count in options.rules:
        measured[f"Sluice, filter with {count} rules"] = of("filter", count)
    return measured


def measure(options, flows, folder):
    """Name -> rates of the runs, alternating."""
    frames = workload.flow_frames(flows, LEAST_FRAMES)
    pcap = Path(folder) / f"{flows}.pcap"
    workload.write_pcap(pcap, frames)
    measured = cases(options, pcap, len(frames))
    rates = {name: [] for name in measured}
    for number in range(options.runs):
        for name, once in measured.items():
            with tempfile.TemporaryDirectory(prefix="bench-") as own:
                rates[name].append(once(own))
            print(f"{flows} flows, run {number + 1}: {name}: {rates[name][-1] / 1e6:.2f} Mpps", file=sys.stderr)
    return rates


def machine():
    cpuinfo = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*:\s*(.*)", cpuinfo)
    megahertz = re.search(r"cpu MHz\s*:\s*([\d.]+)", cpuinfo)
    name = model[1] if model else os.uname().machine
    tsc = f", TSC {float(megahertz[1]) / 1000:.2f} GHz" if megahertz else ""
    return f"{name}{tsc}, {os.cpu_count()} cores"


def table(options, results):
    """Markdown: one line for each case, two columns for each number of flows."""
    heads = [head for flows in results for head in (f"Mpps, {flows} flows", "ratio")]
    lines = ["| what | " + " | ".join(heads) + " |", "|---|" + "---:|" * len(heads)]
    for name in next(iter(results.values())):
        cells = []
        for rates in results.values():
            ratios = [rate / base for rate, base in zip(rates[name], rates["testpmd macswap"])]
            cells += [f"{statistics.median(rates[name]) / 1e6:.1f}", f"{statistics.median(ratios):.2f}"]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    pages = "hugepages" if free_hugepages() >= PAGES // 2 else "4 KiB pages (`--no-huge`)"
    lines += ["", f"Machine: {machine()}. {workload.FRAME_BYTES}-byte UDP frames, bursts of {BURST}, one worker, "
              f"net_pcap (`infinite_rx`) to net_null, {pages}; median of {options.runs} alternating runs of "
              f"{options.seconds:g} s; a ratio is the median of the ratios to testpmd in the same run.",
              f"Rules: {workload.RULE_WORDS}; default accept."]
    return "\n".join(lines) + "\n"


def write_report(text):
    """Puts the table between the markers; a report without them gets them at its end."""
    old = REPORT.read_text() if REPORT.exists() else "# Performance\n\n"
    if BEGIN not in old:
        old += f"{BEGIN}\n{END}\n"
    head, rest = old.split(BEGIN)
    REPORT.write_text(f"{head}{BEGIN}\n{text}{END}{rest.split(END)[1]}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=Path(os.environ.get("SLUICE_BUILD", REPO / "build" / "release")))
    parser.add_argument("--without-verifier", type=Path, metavar="BUILD",
                        help="a build with -Dverifier=false: what the verifier costs while it is off")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--flows", type=int, nargs="+", default=[1000])
    parser.add_argument("--rules", type=int, nargs="+", default=[10, 1000])
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    return parser.parse_args()


def main():
    options = arguments()
    with hugepages(), tempfile.TemporaryDirectory(prefix="bench-") as folder:
        try:
            results = {flows: measure(options, flows, folder) for flows in options.flows}
            text = table(options, results)
        finally:
            remove_runtime_folders()
    print(text, end="")
    if options.write:
        write_report(text)


if __name__ == "__main__":
    main()
