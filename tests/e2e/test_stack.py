# SPDX-License-Identifier: BSD-3-Clause
"""Stacks change while packets flow: nothing is lost, in the stack that changes or in any other."""
import json
import random
import subprocess

import crafted
import firmware as fw
import pcapfile
import policies

RATE = 5_000
CHANGES = 24


def numbered(count, mark):
    """Frames that tell their place in the row."""
    return [crafted.ipv4(17, crafted.udp()) + bytes([mark]) + number.to_bytes(4, "big") + bytes(13)
            for number in range(count)]


def side(folder, name, mark, packets):
    """A port that receives numbered frames and keeps what it sends."""
    pcapfile.write(folder / f"{name}-in.pcap", numbered(packets, mark))
    devargs = f"net_pcap_{name},rx_pcap={folder}/{name}-in.pcap,tx_pcap={folder}/{name}-out.pcap"
    return policies.port(name, devargs, rx_pps=RATE)


def two_stacks(folder, packets, drivers):
    """Stacks `main` and `other`, each with traffic in both directions."""
    names = ["host0", "wire0", "host1", "wire1"]
    ports = [side(folder, name, mark, packets) for mark, name in enumerate(names)]
    stacks = [{"name": name, "upper-port": upper, "lower-port": lower, "driver": own}
              for name, upper, lower, own in (("main", "host0", "wire0", drivers),
                                              ("other", "host1", "wire1", [policies.filter_driver("guard")]))]
    return {"sluice:ports": {"port": ports}, "sluice:stacks": {"stack": stacks}}


def levels(running, stack="main"):
    return [row["instance"] for row in running.json("stack", "show") if row["stack"] == stack]


def change_at_random(running, moments, names):
    """Inserts or removes one instance; returns the names that are there now."""
    if len(names) > 4 or (len(names) > 1 and moments.random() < 0.5):
        gone = moments.choice(names)
        running.ctl("stack", "remove", "main", gone)
        return [name for name in names if name != gone]
    driver, neighbour = moments.choice(["filter", "passthru"]), moments.choice(names)
    name, side_of = f"x{moments.randrange(10**6)}", moments.choice(["above", "below"])
    running.ctl("stack", "insert", "main", driver, name, f"--{side_of}", neighbour)
    at = names.index(neighbour) + (side_of == "below")
    return [*names[:at], name, *names[at:]]


def check_frames(folder, packets):
    """Whatever came in at one end of a stack went out at the other, in its order."""
    for mark, (source, sink) in enumerate([("host0", "wire0"), ("wire0", "host0"), ("host1", "wire1"),
                                           ("wire1", "host1")]):
        got, sent = pcapfile.read(folder / f"{sink}-out.pcap"), numbered(packets, mark)
        assert len(got) == len(sent), f"{source} to {sink}: {len(got)} of {len(sent)} frames"
        assert got == sent, f"{source} to {sink}: not in order"


def test_nothing_is_lost_while_a_stack_changes(firmware, tmp_path):
    """Instances come and go at random places under traffic; every frame comes out of its stack, in order."""
    packets = 60_000
    running = firmware(two_stacks(tmp_path, packets, [policies.filter_driver("fw")]), workers=2)
    moments, names, changed = random.Random(3), ["fw"], 0
    while changed < CHANGES and running.received("host0") < packets * 3 // 4:
        names = change_at_random(running, moments, names)
        assert levels(running) == names
        changed += 1
    assert changed >= 5, "the traffic ended before the stack could be changed"
    assert running.received("host0") < packets, "the traffic ended before the changes did"
    for name in ("host0", "wire0", "host1", "wire1"):
        running.wait_rx(name, packets)
    for name in ("host0", "wire0", "host1", "wire1"):
        fw.wait_until(lambda name=name: running.sent(name) >= packets, f"all frames sent by {name}", 20)
    assert running.json("drops") == []
    running.stop()
    check_frames(tmp_path, packets)


def test_a_change_is_a_new_policy(firmware):
    """The policy in force has the instance; as a document it can be applied again."""
    rules = [policies.ace("a", "in", "count"), policies.ace("b", "out", "drop")]
    running = firmware(policies.null_document({"fw": rules}))
    before = running.generation()
    answer = running.json("stack", "insert", "main", "filter", "fw2", "--below", "fw")
    assert answer == {"stack": "main", "instance": "fw2", "driver": "filter", "generation": before + 1}
    document = running.show_config()
    drivers = document["sluice:stacks"]["stack"][0]["driver"]
    assert [(driver["name"], driver["type"]) for driver in drivers] == [("fw", "filter"), ("fw2", "filter")]
    assert drivers[1]["default-action"] == {"in": "accept", "out": "accept"}
    running.apply(document)
    assert running.show_config() == document
    running.ctl("rule", "add", "on", "fw2", "in", "name", "c", "tcp", "deny")
    assert {name for _, name in running.hits()} == {"a", "b", "c"}
    assert running.ctl("stack", "remove", "main", "fw").startswith("removed fw of stack main, generation ")
    assert set(running.hits()) == {("fw2", "c")}
    assert levels(running) == ["fw2"]


def test_an_instance_judges_as_soon_as_it_is_there(firmware, tmp_path):
    """A filter that comes in under traffic gets rules, and drops exactly what they say."""
    packets = 20_000
    running = firmware(two_stacks(tmp_path, packets, [policies.passthru_driver("tap")]), workers=2)
    running.ctl("stack", "insert", "main", "filter", "late", "--bottom")
    running.ctl("rule", "add", "on", "late", "out", "udp", "deny")
    for name in ("host0", "wire0"):
        running.wait_rx(name, packets)
    fw.wait_until(lambda: running.sent("host0") == packets, "the other direction")
    dropped = running.drops()[("late", "out", "rule")]
    assert dropped > 0
    fw.wait_until(lambda: running.sent("wire0") + running.drops()[("late", "out", "rule")] == packets, "every frame")
    assert {key for key, count in running.drops().items() if count} == {("late", "out", "rule")}


def test_rules_change_while_stacks_do(firmware):
    """Both at once: no rule is lost, none is refused."""
    running = firmware(policies.null_document())
    script = "; ".join(f"{fw.CLI} --runtime-dir {running.runtime_dir} rule add on fw in name r{number} tcp deny"
                       for number in range(40))
    with subprocess.Popen(["bash", "-e", "-c", script.replace("; ", "\n")], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, env=fw.ENVIRONMENT) as adding:
        number = 0
        while adding.poll() is None:
            running.ctl("stack", "insert", "main", "passthru", f"p{number}", "--above" if number % 2 else "--below", "fw")
            running.ctl("stack", "remove", "main", f"p{number}")
            number += 1
        _, err = adding.communicate()
        assert adding.returncode == 0, err
    assert number > 2
    assert [name for _, name in running.hits()] == [f"r{number}" for number in range(40)]


def test_what_cannot_be_done_is_told(idle):
    for words, code, text in (
            (["insert", "other", "passthru", "x"], 3, 'stack "other": no such object'),
            (["insert", "main", "nobody", "x"], 3, 'driver "nobody": unknown driver'),
            (["insert", "main", "passthru", "fw"], 3, 'driver instance "fw": name is used twice'),
            (["insert", "main", "passthru", "x", "--above", "y"], 3, 'driver instance "y": no such object'),
            (["insert", "main", "passthru", "x", "--top", "--bottom"], 2, "one place only"),
            (["remove", "main", "x"], 3, 'driver instance "x": no such object'),
            (["remove", "main", "fw"], 1, "a stack has at least one driver")):
        refused = idle.try_ctl("stack", *words)
        assert refused.returncode == code, (words, refused.stderr)
        assert text in refused.stderr and "example: sluicectl" in refused.stderr
        if code != 2:
            error = json.loads(idle.try_ctl("--json", "stack", *words).stderr)["error"]
            assert error["exit-code"] == code and error["status"]
    assert levels(idle) == ["fw"]


def test_a_stack_that_sleeps_is_not_changed(idle):
    idle.ctl("oid", "set", "wire0", "pnp-set-power", "4")
    refused = idle.try_ctl("stack", "insert", "main", "passthru", "tap")
    assert refused.returncode == 1
    assert "the stack sleeps: set pnp-set-power to 1 first: it is wire0 that does" in refused.stderr
    idle.ctl("oid", "set", "wire0", "pnp-set-power", "1")
    idle.ctl("stack", "insert", "main", "passthru", "tap")
    assert levels(idle) == ["tap", "fw"]
