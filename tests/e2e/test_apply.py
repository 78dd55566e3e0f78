# SPDX-License-Identifier: BSD-3-Clause
"""Policies change as a whole while packets flow: no packet sees half of a change, none is lost or counted twice."""
import json
import time

import crafted
import firmware as fw
import pcapfile
import policies
import pytest

CHANGES = 1000
PACKETS_PER_SECOND = 10_000
FRAME = crafted.ipv4(17, crafted.udp()) + bytes(18)


def two_filters(first, second):
    """A rule for everything in each of two filters; names stay, so counters survive."""
    return policies.acls(f1=[policies.ace("all", "out", first)], f2=[policies.ace("all", "out", second)])


def one_filter(first, second):
    """Two rules that each deny everything, one behind the other, and a third that must see everything before them."""
    return policies.acls(fw=[policies.ace("seen", "out", "count", priority=0),
                             policies.ace("x", "out", "drop", priority=first),
                             policies.ace("y", "out", "drop", priority=second)])


# In either policy everything is denied; a packet that sees one half of each gets out.
PAIRS = {
    "across-filters": (["f1", "f2"], two_filters("drop", "accept"), two_filters("accept", "drop")),
    "within-a-filter": (["fw"], one_filter(10, 20), one_filter(20, 10)),
}


@pytest.fixture(scope="module")
def seconds_per_change(binaries, tmp_path_factory):
    """What one apply takes here, measured on a firmware with two workers that find no traffic."""
    document = policies.null_document()
    for one_port in document["sluice:ports"]["port"]:
        one_port["queues"] = 2
    one = fw.Firmware(document, tmp_path_factory.mktemp("pace"), workers=2).wait_ready()
    start = time.monotonic()
    for _ in range(20):
        one.apply(policies.acls(fw=[policies.ace("r", "in", "drop")]))
    taken = time.monotonic() - start
    one.stop()
    return taken / 20


def traffic_document(folder, filters, first_policy, packets, queues=1):
    """So many packets on each queue of the host port, at a steady pace; what comes out on the wire is kept."""
    pcapfile.write(folder / "in.pcap", [FRAME] * packets)
    pcapfile.write(folder / "none.pcap", [])
    sources = [f"rx_pcap={folder}/in.pcap,tx_pcap={folder}/to-host{queue}.pcap" for queue in range(queues)]
    sinks = [f"rx_pcap={folder}/none.pcap,tx_pcap={folder}/to-wire{queue}.pcap" for queue in range(queues)]
    host = policies.port("host0", ",".join(["net_pcap0", *sources]), queues=queues, rx_pps=PACKETS_PER_SECOND)
    wire = policies.port("wire0", ",".join(["net_pcap1", *sinks]), queues=queues)
    drivers = [policies.filter_driver(name) for name in filters]
    return {**policies.document(host, wire, drivers), **first_policy}


def change_often(running, folder, pair):
    """CHANGES applies in turn; the documents are files, so that only the CLI's own time counts."""
    files = [folder / "a.json", folder / "b.json"]
    for path, document in zip(files, pair):
        path.write_text(json.dumps(document))
    for number in range(CHANGES):
        running.ctl("apply", files[(number + 1) % 2])


def check_accounts(running, pair_name, packets):
    """Each packet was denied by one rule, once, and was seen by every rule that stands before."""
    hits = {name: count for name, (count, _) in running.hits().items()}
    drops = running.drops()
    assert sum(drops.values()) == packets
    assert {reason for _, _, reason in drops} == {"rule"}
    if pair_name == "across-filters":
        assert hits[("f1", "all")] == packets
        assert hits[("f2", "all")] == drops[("f2", "out", "rule")]
        assert drops[("f1", "out", "rule")] and drops[("f2", "out", "rule")], "both policies decided some packets"
    else:
        assert hits[("fw", "seen")] == packets
        assert hits[("fw", "x")] + hits[("fw", "y")] == packets
        assert hits[("fw", "x")] and hits[("fw", "y")], "both policies decided some packets"


def changed_under_traffic(firmware, folder, pair_name, workers, seconds):
    """
    Makes the changes while so many seconds of traffic flow, and checks the accounts after its end.
    Returns False where the traffic ended before the changes did, so that nothing was shown.
    """
    filters, *pair = PAIRS[pair_name]
    packets = int(PACKETS_PER_SECOND * seconds / workers)
    running = firmware(traffic_document(folder, filters, pair[0], packets, queues=workers), workers=workers)
    before = running.generation()
    change_often(running, folder, pair)
    in_time = running.received("host0") < packets * workers
    if in_time:
        assert running.generation() == before + CHANGES
        running.wait_rx("host0", packets * workers, seconds=seconds * 3)
        fw.wait_until(lambda: sum(running.drops().values()) >= packets * workers, "every packet judged", 10)
        check_accounts(running, pair_name, packets * workers)
        assert running.sent("wire0") == 0
    running.stop()
    assert [pcapfile.read(folder / f"to-wire{queue}.pcap") for queue in range(workers)] == [[]] * workers
    return in_time


@pytest.mark.slow
@pytest.mark.parametrize("pair_name, workers", [("across-filters", 1), ("across-filters", 2), ("within-a-filter", 2)])
def test_a_thousand_changes_under_traffic(firmware, tmp_path, seconds_per_change, pair_name, workers):
    """With every apply a new generation, all packets are denied and each is counted exactly once."""
    needed = CHANGES * seconds_per_change
    # a busy machine makes the changes slower than they were when their pace was taken
    assert any(changed_under_traffic(firmware, tmp_path, pair_name, workers, needed * margin + 3)
               for margin in (1.5, 4, 10)), "the traffic always ended before the changes did"


def test_a_refused_apply_changes_nothing(firmware, tmp_path):
    """Between accepted changes, refused ones leave generation, document and counters as they were."""
    document = traffic_document(tmp_path, ["fw"], one_filter(10, 20), packets=200)
    running = firmware(document)
    running.wait_rx("host0", 200)
    fw.wait_until(lambda: sum(running.drops().values()) == 200, "every packet judged", 10)
    # the second rule is impossible, so that the first would have been taken by a half-hearted apply
    bad = policies.acls(fw=[policies.ace("new", "in", "drop"),
                            policies.ace("bad", "in", "drop", {"ipv4": {"source-ipv4-network": "10.0.0.1/8"}})])
    for good in (one_filter(20, 10), one_filter(10, 20)):
        running.apply(good)
        state = running.show_config(), running.hits(), running.generation()
        refused = running.try_ctl("apply", "-", stdin=json.dumps(bad))
        assert refused.returncode != 0
        assert (running.show_config(), running.hits(), running.generation()) == state
    assert running.hits()[("fw", "seen")][0] == 200
