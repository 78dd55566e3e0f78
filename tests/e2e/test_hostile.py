# SPDX-License-Identifier: BSD-3-Clause
"""Hosts that break the rules on purpose, each rule by itself, against the whole firmware under ASan.

    host0 = attacker - stack0 - attacker = wire0        host1 = innocent - beside - innocent = wire1

docs/hostile-host.md tells which test proves which line of the list.
"""
import json
import os
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import firmware as fw
import mailboxclient
import policies
import pytest

ATTACK, INNOCENT, RANDOM_HOST = (fw.BUILD / "tests" / "hostile" / name for name in ("attack", "innocent", "random_host"))
SECONDS = 3
LIST = fw.REPO / "docs" / "hostile-host.md"


class Beside:
    """A program that runs beside the attackers, and writes down what it sees."""

    def __init__(self, *words):
        self.out = tempfile.NamedTemporaryFile("w+", prefix="sluice-beside-")  # pylint: disable=consider-using-with
        self.process = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=self.out,
                                        stderr=subprocess.STDOUT, env=fw.ENVIRONMENT)

    def output(self):
        return Path(self.out.name).read_text()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.out.close()


class Innocent(Beside):
    """The two ends of a stack beside; at the end no frame of theirs is lost or late, and nobody is broken."""

    def __init__(self, runtime_dir, upper="host1", lower="wire1"):
        super().__init__(INNOCENT, runtime_dir, upper, lower)

    def wait_ready(self):
        fw.wait_until(lambda: "both ways" in self.output() or self.process.poll() is not None, "innocent traffic", 30)
        assert self.process.poll() is None, self.output()
        return self

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=60)
        assert status == 0 and " 0 lost" in self.output(), f"the innocent suffer: {self.output()}"


class Operator(Beside):
    """Another client, that follows the events all the while."""

    def __init__(self, running):
        super().__init__(fw.CLI, "--runtime-dir", running.runtime_dir, "--json", "events", "--follow")

    def wait_ready(self):
        fw.wait_until(self.rows, "the operator hears what happened", 20)

    def rows(self):
        """All that were told so far."""
        whole = self.output().rpartition("\n")[0]
        return [json.loads(line) for line in whole.split("\n") if line]

    def events(self):
        """The same as (kind, subject, value)."""
        return [(row["event"], row["subject"], row["value"]) for row in self.rows()]

    def broken(self):
        """(port, queue pair) of each pair that was given up."""
        return {(subject, value >> 8) for kind, subject, value in self.events() if kind == "host-broken"}


def stacks(count, queues=1):
    """Each between two hosts; the last one is for the innocent, and the others have so many queue pairs."""
    document = {"sluice:ports": {"port": []}, "sluice:stacks": {"stack": []}}
    for number, name in enumerate([*(f"stack{i}" for i in range(count - 1)), "beside"]):
        pairs = queues if name != "beside" else 1
        ports = [policies.port(f"{kind}{number}", f"net_host_{kind}{number},queues={pairs}", queues=pairs) for kind in ("host", "wire")]
        document["sluice:ports"]["port"] += ports
        document["sluice:stacks"]["stack"].append({
            "name": name, "upper-port": ports[0]["name"], "lower-port": ports[1]["name"],
            "driver": [policies.filter_driver(f"fw{number}"), policies.passthru_driver(f"p{number}")]})
    return document


@pytest.fixture
def queues():
    """Queue pairs of the attacker's ports; it uses the last."""
    return 1


@pytest.fixture
def beside(firmware, queues):
    """A firmware with an innocent stack in use. Afterwards all of that goes on, and ends as it should."""
    running = firmware(stacks(2, queues))
    running.queues = queues
    with Innocent(running.runtime_dir) as innocent, Operator(running) as running.operator:
        running.operator.wait_ready()
        innocent.wait_ready()
        yield running
        running.ctl("info")
        innocent.stop()


def attack(running, name, seconds=SECONDS, breaks=()):
    """
    The attacker must see what it expects of the card; that the operator was told is checked here: of the ports whose
    rings it breaks, and of no other.
    """
    seed = time.time_ns() % 2**32
    done = fw.run([ATTACK, running.runtime_dir, "host0", "wire0", name, seconds, seed, running.queues], seconds + 240)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    return expect_told(running, {(port, running.queues - 1) for port in breaks})


def last_of_attackers(running):
    """The number of the last event, when no attacker has its port any more; what a port's rings suffered is told before."""
    rows = running.json("events")
    hosts = {row["subject"]: row["event"] for row in rows if row["event"] in ("host-attached", "host-detached")}
    return rows[-1]["number"] if "host-attached" not in (hosts.get("host0"), hosts.get("wire0")) else None


def expect_told(running, broken):
    """What the operator is told of an attacker: by events as they happened, and when asked. Gives the counters."""
    last = fw.wait_until(lambda: last_of_attackers(running), "the attackers are gone", 20)
    fw.wait_until(lambda: running.operator.rows()[-1]["number"] >= last, f"the operator hears of event {last}", 20)
    assert running.operator.broken() == broken
    assert running.operator.process.poll() is None, "who only listens is left alone"
    rows = {row["name"]: row for row in running.json("port", "list")}
    assert {"host0", "wire0", "host1", "wire1"} <= set(rows)
    assert rows["host1"]["link"] == rows["wire1"]["link"] == "up", "the innocent are attached"
    drops = running.drops()
    assert not [key for key in drops if key[0] in ("host1", "fw1", "p1")], f"the innocent lost frames: {drops}"
    return drops


def malformed(drops):
    return drops[("host0", "out", "host-malformed")]


def test_single_fetch_of_every_entry(beside):
    """A second thread changes descriptors while the card looks: what is on the wire is the sender's bytes alone."""
    assert malformed(attack(beside, "flip-descriptors")) > 0


def test_single_fetch_of_returns(beside):
    """The same with returns: the queue is given up, the one at the other end is not."""
    attack(beside, "flip-returns", breaks=["host0"])


def test_second_thread_flipping_bytes_during_validation(beside):
    """Of commands and their payload: what runs is what was signed, and each has one completion."""
    attack(beside, "flip-commands")
    assert beside.json("info")["bad-commands"] > 0


def test_bounds_by_subtraction_in_64_bits(beside):
    """No offset and no length lets a send reach beyond its own buffers."""
    assert malformed(attack(beside, "descriptor-bounds", 1)) > 500


def test_length_index_and_count_at_the_limits(beside):
    """Of commands: offsets, lengths, numbers and opcodes at 2^16±1, 2^32±1 and 2^64-1 are the caller's fault."""
    attack(beside, "command-bounds", 1)
    assert beside.json("info")["bad-commands"] > 100


def test_indices_masked_from_private_copies(beside):
    """Indices that cannot be: the queue is quarantined, the other end and the next host are not."""
    attack(beside, "indices", 1, breaks=["host0"])


@pytest.mark.parametrize("queues", [2])
@pytest.mark.parametrize("name, breaks", [
    ("indices", ["host0"]), ("flip-returns", ["host0"]), ("descriptor-bounds", []), ("flip-descriptors", []), ("run-ahead", [])])
def test_one_of_several_queue_pairs(beside, name, breaks):
    """The offence is on the last pair: that one alone is given up, and told with its number."""
    attack(beside, name, 1, breaks)


def test_no_loop_on_a_shared_head_without_a_cap(beside):
    """A tail that always runs ahead holds up nobody."""
    assert malformed(attack(beside, "run-ahead")) > 0


def test_ftruncate_and_seal_games(beside):
    """No region changes its size, none of the card's can be written; holes in the host's own harm the host alone."""
    attack(beside, "seals", 1)


def test_a_host_that_never_consumes(beside):
    """Neither completions, nor events, nor frames: it stands still, and is served again when it consumes."""
    assert attack(beside, "silent")[("host0", "in", "host-short")] > 0


def test_doorbell_and_event_floods(beside):
    """Kicks, doorbells, connections and bad commands from several threads: others are served all the while."""
    attack(beside, "floods")


def test_hang_up_in_the_middle_of_a_commit(beside):
    """Whatever became of it, the policy is whole, and the next commit works."""
    attack(beside, "commits")
    assert beside.json("info")["generation"] > 1
    assert {acl["name"] for acl in beside.show_config()["sluice:stacks"]["stack"]} == {"stack0", "beside"}


def test_reset_of_the_datapath_in_the_middle_of_a_commit(beside):
    """By another client, at any step of the commit: both end, and the innocent lose nothing, whose stack is reset as well."""
    attack(beside, "resets")
    assert beside.json("info")["generation"] > 10
    assert len([kind for kind, _, _ in beside.operator.events() if kind == "reset"]) >= 20
    assert {stack["name"] for stack in beside.show_config()["sluice:stacks"]["stack"]} == {"stack0", "beside"}


READ, BEGIN, CHUNK, COMMIT, RESET_DEVICE = 0x25, 0x20, 0x21, 0x23, 0x61


def test_reset_of_the_device_in_the_middle_of_a_commit(firmware):
    """The firmware comes again with the policy that it is configured with, and takes the next commit."""
    running = firmware(stacks(2))
    for number in range(3):
        with mailboxclient.Client(running.runtime_dir) as committer, mailboxclient.Client(running.runtime_dir) as resetter:
            image = bytes(committer.call(READ, room=1 << 20)[2])
            assert committer.call(BEGIN, len(image), 0)[0] == 0 and committer.call(CHUNK, 0, payload=image)[0] == 0
            committer.give(COMMIT, 0)
            time.sleep(number / 500)
            status, resets, _ = resetter.call(RESET_DEVICE, payload=b"in a commit".ljust(128, b"\0"))
            assert (status, resets) == (0, number + 1)
        fw.wait_until(lambda: running.try_ctl("info").returncode == 0 and running.generation() == 1, "it comes again", 30)
        assert {stack["name"] for stack in running.show_config()["sluice:stacks"]["stack"]} == {"stack0", "beside"}
        running.apply(running.show_config())
        assert running.generation() == 2


def test_replies_zeroed_to_the_last_byte(beside):
    """Nothing of another client is in a new one's regions, nor behind a reply or a frame."""
    attack(beside, "stale", 1)


def test_a_privilege_for_every_opcode(beside):
    """Another user may connect here: the commands that change something, and the ports, are not for it."""
    beside.runtime_dir.chmod(0o711)
    (beside.runtime_dir / "mailbox.sock").chmod(0o666)
    attack(beside, "privileges", 0)


# ---- Everything at random ---------------------------------------------------------------------------

HOSTS = 3


def open_descriptors(running):
    return len(os.listdir(f"/proc/{running.process.pid}/fd"))


@pytest.mark.parametrize("seconds", [5, pytest.param(600, marks=pytest.mark.slow)])
def test_random_hosts(firmware, seconds):
    """They do what they may and what they may not; each legal step comes to what it must, and the innocent lose nothing."""
    running = firmware(stacks(HOSTS + 1))
    with Innocent(running.runtime_dir, f"host{HOSTS}", f"wire{HOSTS}") as innocent:
        innocent.wait_ready()
        before = open_descriptors(running)
        done = fw.run([RANDOM_HOST, running.runtime_dir, HOSTS, seconds], seconds + 240)
        print(done.stdout)
        assert done.returncode == 0, done.stdout + done.stderr
        assert running.generation() > 3, "commits were among it"
        fw.wait_until(lambda: open_descriptors(running) <= before, "what the hosts had is given back", 20)
        innocent.stop()
    running.stop()


# ---- The list ---------------------------------------------------------------------------------------

def named_tests():
    """(path, test) of each test that the document names."""
    return re.findall(r"`(tests/[\w/.]+)::(\w+)`", LIST.read_text())


def test_the_list_names_tests_that_exist():
    """And each of its lines has one."""
    rows = [line for line in LIST.read_text().split("\n") if line.startswith("| ") and not line.startswith("| line")]
    assert len(rows) >= 14 and all("::" in row for row in rows), rows
    missing = [f"{path}::{name}" for path, name in named_tests()
               if not re.search(rf"(def |static void |\(void|^){name}\(", (fw.REPO / path).read_text(), re.M)]
    assert not missing
