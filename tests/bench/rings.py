# SPDX-License-Identifier: BSD-3-Clause
"""
How fast frames go between a host's process and the card's, beside memif and vhost between two dpdk-testpmd.

    host, on the second core            card, on the first core
    ring_host                     <->   net_host0 - ring_card, or sluice-fw with an empty way - net_null0
    net_null0 - dpdk-testpmd - net_memif0 (client, zero-copy)   <->   net_memif0 - dpdk-testpmd - net_null0
    net_null0 - dpdk-testpmd - net_virtio_user0                 <->   net_vhost0 - dpdk-testpmd - net_null0

A hypervisor may move the cores nearer to each other, or farther: core_trip tells how far they are, before each run and
behind it, and only like runs are compared.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile

from running import Run, ask, machine

FRAME, BURST, ENTRIES, MBUFS = 64, 32, 1024, 8192
WAYS = {"send": "host to card", "receive": "card to host", "both": "both ways, sum"}
CARD_CPU, HOST_CPU = 0, 1
PEERS = "tests/bench/peers"  # below the build
REFERENCE = "memif, zero-copy"
TRIES = 4


def eal(cpu, name, lcores=2):
    """All threads of a program on one CPU: the control thread sleeps."""
    return ["--lcores", ",".join(f"{lcore}@{cpu}" for lcore in range(lcores)), "--no-pci", "--in-memory",
            "--single-file-segments", "--file-prefix", f"{name}-{os.getpid()}"]


def null(gives):
    return f"net_null0,size={FRAME}" + ("" if gives else ",no-rx=1")


# ---- Two testpmd ----------------------------------------------------------------------------------------------------


def testpmd(cpu, name, device, gives):
    return ["dpdk-testpmd", *eal(cpu, name), "--vdev", device, "--vdev", null(gives), "--", "--forward-mode=io",
            "--nb-cores=1", f"--burst={BURST}", "--stats-period=1", "--auto-start", f"--total-num-mbufs={MBUFS}",
            f"--txd={ENTRIES}", f"--rxd={ENTRIES}"]


def of_testpmd(card_device, host_device):
    """A function that measures once: packets a second out of the null ports, each behind who receives."""
    def once(way, seconds, folder):
        socket = f"{folder}/socket"
        card = Run(testpmd(CARD_CPU, "card", card_device.format(socket), way != "send"), folder, "card")
        card.wait_for("NIC statistics for port 1")
        host = Run(testpmd(HOST_CPU, "host", host_device.format(socket), way != "receive"), folder, "host")
        host.wait_for("NIC statistics for port 1")
        behind = [card] if way == "send" else [host] if way == "receive" else [card, host]
        begun = [len(run.text()) for run in behind]
        # the first period began before; a thread that polls shares its core with the one that prints
        rates = [run.wait_for_rates(start, 1, round(seconds) + 1)[1:] for run, start in zip(behind, begun)]
        host.stop()
        card.stop()
        return sum(statistics.median(of_one) for of_one in rates)
    return once


# ---- A host on the rings --------------------------------------------------------------------------------------------


def run_host(build, way, seconds, *where, **options):
    command = ["taskset", "-c", HOST_CPU, build / PEERS / "ring_host", way, seconds, *where, ENTRIES]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=120,
                          **options)
    if done.returncode != 0:
        sys.exit(f"bench: ring_host: {done.stderr}")
    result = json.loads(done.stdout)
    moved = (result["sent"] if way != "receive" else 0) + (result["received"] if way != "send" else 0)
    return moved / result["seconds"]


def of_ring_card(build):
    """The driver net_host below a loop like testpmd's."""
    def once(way, seconds, folder):
        regions = [os.memfd_create(name) for name in ("card", "host")]
        card = Run([build / PEERS / "ring_card", *regions, ENTRIES, way, "--", *eal(CARD_CPU, "card", 1)], folder,
                   pass_fds=regions)
        card.wait_for("ring_card: ready")
        rate = run_host(build, way, seconds, f"@{regions[0]}", regions[1], pass_fds=regions)
        card.stop()
        for region in regions:
            os.close(region)
        if card.process.returncode != 0:
            sys.exit(f"bench: ring_card ended with {card.process.returncode}:\n{card.text()}")
        return rate
    return once


def of_firmware(build, drivers):
    """The whole firmware: a stack between net_host and net_null."""
    def once(way, seconds, folder):
        ports = [{"name": "host0", "devargs": f"net_host0,entries={ENTRIES}"},
                 {"name": "wire0", "devargs": null(way != "send")}]
        stack = {"name": "main", "upper-port": "host0", "lower-port": "wire0",
                 "driver": [{"name": name, "type": name} for name in drivers]}
        with open(f"{folder}/policy.json", "w") as out:
            json.dump({"sluice:ports": {"port": ports}, "sluice:stacks": {"stack": [stack]}}, out)
        card = Run([build / "fw" / "sluice-fw", "--config", f"{folder}/policy.json", "--runtime-dir", folder,
                    "--workers", 1, "--mbufs", MBUFS, "--", *eal(CARD_CPU, "card")], folder)
        card.wait_for("sluice-fw: ready")
        rate = run_host(build, way, seconds, folder, "host0")
        reasons = {row["reason"] for row in ask(build, folder, "drops")} - {"host-absent", "host-short"}
        card.stop()
        if card.process.returncode != 0 or reasons:
            sys.exit(f"bench: sluice-fw ended with {card.process.returncode}, drops {reasons}:\n{card.text()}")
        return rate
    return once


# ---- The table ------------------------------------------------------------------------------------------------------


def cases(build):
    """Name -> function that measures it once."""
    return {
        REFERENCE: of_testpmd("net_memif0,role=server,id=0,socket={},socket-abstract=no,rsize=10",
                              "net_memif0,role=client,id=0,socket={},socket-abstract=no,rsize=10,zero-copy=yes"),
        "vhost, virtio-user": of_testpmd("net_vhost0,iface={},queues=1",
                                         f"net_virtio_user0,path={{}},queue_size={ENTRIES}"),
        "data rings": of_ring_card(build),
        "data rings, Sluice with passthru": of_firmware(build, ["passthru"]),
    }


def trip(build):
    """Nanoseconds of a cache's line from the card's core to the host's and back."""
    return float(subprocess.run([build / PEERS / "core_trip", str(CARD_CPU), str(HOST_CPU)], capture_output=True,
                                check=True, text=True, timeout=60).stdout)


def measure_settled(build, once, way, seconds):
    """Rate, and the trip between two cores that were as near to each other behind the run as before it."""
    for _ in range(TRIES):
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            before, rate, after = trip(build), once(way, seconds, folder), trip(build)
        if max(before, after) < 2 * min(before, after):
            return rate, max(before, after)
    return None


def measure(options):
    """Name -> way -> rates of the runs and trips of the cores, alternating."""
    measured = cases(options.build)
    rates = {name: {way: [] for way in WAYS} for name in measured}
    for number in range(options.runs):
        for way in WAYS:
            for name, once in measured.items():
                settled = measure_settled(options.build, once, way, options.seconds)
                rates[name][way] += [settled] if settled else []
                text = f"{settled[0] / 1e6:.2f} Mpps, cores {settled[1]:.0f} ns apart" if settled else "never settled"
                print(f"host rings, run {number + 1}, {WAYS[way]}: {name}: {text}", file=sys.stderr)
    return rates


def cells_of(own, reference):
    """A median and how many runs it is of, and its ratio to the reference's."""
    if not own or not reference:
        return ["", ""]
    rate = statistics.median(own)
    return [f"{rate / 1e6:.2f} ({len(own)})", f"{rate / statistics.median(reference):.2f}"]


def table_of(rates, least, most):
    """Markdown of the runs with cores that many nanoseconds apart: one line for each case, two columns for each way."""
    picked = {name: {way: [rate for rate, apart in runs if least <= apart < most] for way, runs in of_way.items()}
              for name, of_way in rates.items()}
    lines = ["| what | " + " | ".join(f"{text}, Mpps (runs) | ratio" for text in WAYS.values()) + " |",
             "|---|" + "---:|" * 2 * len(WAYS)]
    for name, of_way in picked.items():
        cells = [cell for way, own in of_way.items() for cell in cells_of(own, picked[REFERENCE][way])]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def table(options, rates):
    """Markdown: a table for cores that are near to each other, and one for the others where there were such runs."""
    trips = [apart for of_way in rates.values() for runs in of_way.values() for _, apart in runs]
    if not trips:
        sys.exit("bench: the cores moved in every run of the rings; try again, with shorter ones: --seconds 1")
    limit = 2 * min(trips)
    lines = []
    for word, least, most in (("near to", 0, limit), ("far from", limit, float("inf"))):
        some = [apart for apart in trips if least <= apart < most]
        if some:
            lines += [f"With cores {word} each other, {statistics.median(some):.0f} ns there and back:", "",
                      *table_of(rates, least, most), ""]
    lines += [f"Machine: {machine()}. Frames of {FRAME} bytes, bursts of {BURST}, rings of {ENTRIES}, hugepages; "
              f"medians of {options.runs} alternating runs of {options.seconds:g} s; a ratio is that of the medians. A "
              "run in which the cores moved was made again."]
    return "\n".join(lines) + "\n"


def measure_all(options):
    return table(options, measure(options))
