# SPDX-License-Identifier: BSD-3-Clause
"""
What a host's programs get through the card: iperf3 between two namespaces, through sluice-shim, firmware and a veth
pair, and over a plain veth pair in the same run, as it is and without its offloads (as the card's wire has none).

Runs alternate; each figure is the median of its runs.
"""
import contextlib
import os
import statistics
import sys
import tempfile
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "tests" / "e2e"))

# pylint: disable=wrong-import-position
import hostside
import netns
import programs
from hostside import HOST_ADDRESSES, WIRE4, WIRE6, WIRE_ADDRESSES
from running import machine

CASES = {
    "TCP to the wire": [WIRE4],
    "TCP to the host": [WIRE4, "--reverse"],
    "TCP over IPv6 to the wire": [WIRE6],
    "TCP over IPv6 to the host": [WIRE6, "--reverse"],
    "UDP to the wire": [WIRE4, "--udp", "--bitrate", "0", "--length", "1400"],
    "UDP to the host": [WIRE4, "--udp", "--bitrate", "0", "--length", "1400", "--reverse"],
}


def gbits(measured):
    """What arrived."""
    if "sum_received" in measured:
        return measured["sum_received"]["bits_per_second"] / 1e9
    whole = measured["sum"]
    return whole["bits_per_second"] / 1e9 * (1 - whole["lost_percent"] / 100)


@contextlib.contextmanager
def plain_veth(offloads):
    """Two namespaces with nothing but a wire between them."""
    one, other = netns.Namespace(), netns.Namespace()
    try:
        if offloads:
            one.ip("link", "add", "veth0", "type", "veth", "peer", "name", "veth1", "netns", other.path())
        else:
            netns.veth(one, "veth0", other, "veth1")
        one.address("veth0", *HOST_ADDRESSES)
        other.address("veth1", *WIRE_ADDRESSES)
        yield one, other
    finally:
        one.close()
        other.close()


@contextlib.contextmanager
def through_card(_):
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        card = hostside.over_veth(Path(folder))
        try:
            card.start()
            card.shim().wait_ready()
            card.dress()
            yield card.host, card.wire
        finally:
            card.close()


WAYS = {"veth": (plain_veth, True), "veth, no offloads": (plain_veth, False), "through the card": (through_card, None)}


def once(way, words, seconds):
    make, argument = WAYS[way]
    with make(argument) as (host, wire), programs.iperf_server(wire):
        host.ping(WIRE4)
        return gbits(programs.iperf(host, words[0], "--time", seconds, *words[1:]))


def measure(options):
    """Case -> way -> Gbit/s of the runs."""
    rates = {case: {way: [] for way in WAYS} for case in CASES}
    for number in range(options.runs):
        for case, words in CASES.items():
            for way in WAYS:
                rates[case][way].append(once(way, words, max(1, round(options.seconds))))
                print(f"run {number + 1}: {case}, {way}: {rates[case][way][-1]:.2f} Gbit/s", file=sys.stderr)
    return rates


def table(options, load, rates):
    lines = ["| Gbit/s that arrived | " + " | ".join(WAYS) + " | ratio to the second |", "|---|" + "---:|" * (len(WAYS) + 1)]
    for case, ways in rates.items():
        cells = [f"{statistics.median(ways[way]):.2f}" for way in WAYS]
        ratios = [mine / plain for mine, plain in zip(ways["through the card"], ways["veth, no offloads"])]
        lines.append(f"| {case} | " + " | ".join(cells) + f" | {statistics.median(ratios):.2f} |")
    lines += ["", f"Machine: {machine()}. iperf3, one connection, UDP with 1400 bytes as fast as it can; one worker, net_af_packet, a "
              f"filter without rules; median of {options.runs} alternating runs of {options.seconds:g} s. "
              f"Load of the machine when it began: {load:.1f}; above 1 others worked on it too, and a worker that polls has less than a core."]
    return "\n".join(lines) + "\n"


def measure_all(options):
    load = os.getloadavg()[0]
    return table(options, load, measure(options))
