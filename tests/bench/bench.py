#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
How fast Sluice is beside what is there without it. Four parts, each with a table:

path     the packet path beside dpdk-testpmd's, on the very same two ports: net_pcap that replays without end, and net_null
rings    the data rings of a host, beside memif and vhost (rings.py)
mailbox  commands and rules over the mailbox (mailbox_calls.py)
host     what programs of a host get, beside a plain veth pair (host.py)

Control and load run on the first core, one worker on the second. Runs alternate; each figure is the median of its
runs, and the ratio to testpmd of the same run is what counts. Prints Markdown tables; --write puts them into
docs/performance.md between their markers.
"""
import argparse
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

import host
import mailbox_calls
import rings
import workload
from running import (PAGES, REPO, Run, ask, free_hugepages, hugepages, kill_all, machine, remove_runtime_folders,
                      testpmd_rates, write_report)

BURST = 32
LEAST_FRAMES = 4096


def eal(name):
    """EAL arguments that both programs get; without hugepages both do without."""
    # --in-memory wants hugepages
    memory = ["--in-memory"] if free_hugepages() >= PAGES // 2 else ["--no-huge", "-m", "2048", "--no-shconf"]
    return ["-l", "0,1", "--no-pci", "--file-prefix", f"{name}-{os.getpid()}", *memory]


def devices(pcap):
    return [f"net_pcap0,rx_pcap={pcap},infinite_rx=1", "net_null0,no-rx=1"]


def mbufs(pcap_frames):
    """The replay keeps one for each frame; the rest is in flight."""
    return pcap_frames + 16_384


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
    # the first period covers the start, the last one may cover the end
    return statistics.median(testpmd_rates(run.text(), 1)[1 : int(seconds) + 1])


def sluice_document(pcap, driver, rule_count):
    ports = [{"name": name, "devargs": devargs} for name, devargs in zip(("host0", "wire0"), devices(pcap))]
    stack = {"name": "main", "upper-port": "host0", "lower-port": "wire0", "driver": [{"name": "d", "type": driver}]}
    document = {"sluice:ports": {"port": ports}, "sluice:stacks": {"stack": [stack]}}
    if rule_count:
        acl = {"name": "d", "aces": {"ace": workload.rules(rule_count)}}
        document["ietf-access-control-list:acls"] = {"acl": [acl]}
    return document


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


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=Path(os.environ.get("SLUICE_BUILD", REPO / "build" / "release")))
    parser.add_argument("--without-verifier", type=Path, metavar="BUILD",
                        help="a build with -Dverifier=false: what the verifier costs while it is off")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--flows", type=int, nargs="+", default=[1000])
    parser.add_argument("--rules", type=int, nargs="+", default=[10, 1000])
    parser.add_argument("--only", choices=PARTS, action="append", help="this part; more than once: these")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    return parser.parse_args()


def measure_path(options):
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        return table(options, {flows: measure(options, flows, folder) for flows in options.flows})


PARTS = {"path": measure_path, "rings": rings.measure_all, "mailbox": mailbox_calls.measure_all, "host": host.measure_all}


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: terminated"))
    with hugepages():
        try:
            for part in options.only or PARTS:
                text = PARTS[part](options)
                print(text, end="\n\n")
                if options.write:
                    write_report(part, text)
        finally:
            kill_all()
            remove_runtime_folders()


if __name__ == "__main__":
    main()
