# SPDX-License-Identifier: BSD-3-Clause
"""Every frame of the captures through every policy, both ways at once: output, counters and drops are the judge's."""
from collections import Counter

import captures
import firmware as fw
import oracle
import pcapfile
import policies
import pytest

# net_pcap writes no more than this of a frame that spans several buffers (RTE_ETHER_MAX_JUMBO_FRAME_LEN)
PCAP_PORT_SNAPLEN = 0x3F00
MTU = {"host0": 16106, "wire0": 1500}
# rules that an earlier driver or rule keeps all packets from
UNREACHED = {"two-filters": {("inner", "web-out")}, "mixed": {("fw", "never-reached")}}


@pytest.fixture(scope="session")
def traffic():
    return captures.traffic()


def test_captures_are_there():
    """Without them the other tests of this file see hand-made frames alone."""
    if not captures.FOLDER.is_dir():
        pytest.skip(f"no captures in {captures.FOLDER}")
    assert len(captures.load()[0]) > 1000


def make_document(folder, policy, queues=1):
    """Two pcap ports: each replays <port>-rx<queue>.pcap into the other one's <port>-tx<queue>.pcap."""
    drivers, rules = policies.CAPTURE_POLICIES[policy]
    ports = []
    for index, name in enumerate(MTU):
        files = [f"{way}_pcap={folder}/{name}-{way}{queue}.pcap" for queue in range(queues) for way in ("rx", "tx")]
        devargs = ",".join([f"net_pcap{index}", *files])
        ports.append(policies.port(name, devargs, mtu=MTU[name], queues=queues))
    return policies.document(*ports, drivers, rules)


def as_written(frame):
    return frame[:PCAP_PORT_SNAPLEN]


def first_difference(got, expected, origins):
    """Words on the first frame that differs; None where the lists are equal."""
    wanted = [as_written(frame) for frame in expected.out]
    if got == wanted:
        return None
    at = next((i for i, pair in enumerate(zip(got, wanted)) if pair[0] != pair[1]), min(len(got), len(wanted)))
    where = origins[expected.numbers[at]] if at < len(wanted) else "the end"
    seen = got[at].hex() if at < len(got) else "nothing"
    return f"{len(got)} frames came out, {len(wanted)} expected; at output {at} expected {where}, got {seen[:200]}"


def judge(document, queues_out, queues_in):
    """One Expected for each queue and way, and the sums of all."""
    oracle_ = oracle.Oracle(document)
    ways = {"out": [oracle_.expect("out", q) for q in queues_out], "in": [oracle_.expect("in", q) for q in queues_in]}
    total = oracle.Expected()
    for expected in ways["out"] + ways["in"]:
        for name in ("hits", "hit_bytes", "defaults", "default_bytes", "drops"):
            getattr(total, name).update(getattr(expected, name))
    return ways, total


def check_counters(firmware, document, total):
    names = oracle.rule_names(document)
    assert firmware.hits() == {name: (total.hits[name], total.hit_bytes[name]) for name in names}
    defaults = firmware.defaults()
    assert defaults == {name: (total.defaults[name], total.default_bytes[name]) for name in defaults}
    assert set(total.defaults) <= set(defaults)
    assert firmware.drops() == total.drops


def settled(running):
    """Whether every packet that was received has met its fate."""
    fates = sum(running.sent(name) for name in MTU) + sum(running.drops().values())
    return fates == sum(running.received(name) for name in MTU)


def replay(firmware, document, folder, queues_out, queues_in, **options):
    """Runs a firmware until every frame is received and judged; checks the counters; stops it."""
    for name, queues in (("host0", queues_out), ("wire0", queues_in)):
        for number, frame_list in enumerate(queues):
            pcapfile.write(folder / f"{name}-rx{number}.pcap", frame_list)
    running = firmware(document, **options)
    ways, total = judge(document, queues_out, queues_in)
    for name, queues in (("host0", queues_out), ("wire0", queues_in)):
        running.wait_rx(name, sum(map(len, queues)))
    fw.wait_until(lambda: settled(running), "what was received is sent or dropped", 10)
    check_counters(running, document, total)
    for name, way in (("wire0", "out"), ("host0", "in")):
        assert running.sent(name) == sum(len(expected.out) for expected in ways[way])
    running.stop()
    return ways, total


@pytest.mark.parametrize("policy", policies.CAPTURE_POLICIES)
def test_replay(firmware, traffic, tmp_path, policy):
    """What comes out is byte-identical and in order; each rule's packets and bytes and each drop reason agree."""
    frames, origins = traffic
    document = make_document(tmp_path, policy)
    ways, total = replay(firmware, document, tmp_path, [frames], [frames], mbufs=4096)
    for name, way in (("wire0", "out"), ("host0", "in")):
        difference = first_difference(pcapfile.read(tmp_path / f"{name}-tx0.pcap"), ways[way][0], origins)
        assert not difference, f"{way}: {difference}"
    unhit = {name for name in oracle.rule_names(document) if not total.hits[name]}
    assert unhit == UNREACHED.get(policy, set()), "each rule has traffic that aims at it"


@pytest.mark.parametrize("workers", [1, 2])
def test_replay_with_queues(firmware, traffic, tmp_path, workers):
    """With several queues and workers each queue keeps its order, and the counters add up over all of them."""
    frames, origins = traffic
    queues, numbers = [frames[0::2], frames[1::2]], [origins[0::2], origins[1::2]]
    document = make_document(tmp_path, "two-filters", queues=2)
    ways, _ = replay(firmware, document, tmp_path, queues, queues[::-1], workers=workers, mbufs=8192)
    for name, way, origin in (("wire0", "out", numbers), ("host0", "in", numbers[::-1])):
        for queue, expected in enumerate(ways[way]):
            difference = first_difference(pcapfile.read(tmp_path / f"{name}-tx{queue}.pcap"), expected, origin[queue])
            assert not difference, f"{way}, queue {queue}: {difference}"


def test_denied_means_absent(firmware, traffic, tmp_path):
    """Under default drop without rules not one frame comes out, and every one is accounted for."""
    frames, _ = traffic
    document = make_document(tmp_path, "no-rules")
    document["sluice:stacks"]["stack"][0]["driver"] = [policies.filter_driver("fw", "drop", "drop")]
    _, total = replay(firmware, document, tmp_path, [frames], [frames], mbufs=4096)
    assert [pcapfile.read(tmp_path / f"{name}-tx0.pcap") for name in MTU] == [[], []]
    by_way = Counter()
    for (_, way, _), packets in total.drops.items():
        by_way[way] += packets
    assert by_way == {"in": len(frames), "out": len(frames)}
