# SPDX-License-Identifier: BSD-3-Clause
"""Firmware, shim and command-line programs die at any moment, alone and in pairs, while a host and a wire talk.

SLUICE_KILL_SEED=N repeats the choices of a run that has printed it.
"""
import contextlib
import json
import os
import random
import secrets
import signal
import socket
import statistics
import subprocess
import time

import datarings
import firmware as fw
import flows
import hostside
import policies
import processes
import pytest
from hostside import DEVICE, HOST4, HOST6, WIRE4, WIRE6, WIRE_END
from killing import ENDS_BY_ITSELF, NO_PROGRESS, SHIM_OPTIONS, Scene

# The bar is a second. A machine that does other things as well may keep a single one waiting for longer than that.
MEDIAN_BAR, EVERY_BAR = 1.0, 5.0
TCP_GOES_ON = 60            # seconds: it has waited longer and longer between two tries of its own
WHO = {
    "few": [("firmware",), ("shim",), ("client",), ("firmware", "shim"), ("firmware", "client"), ("shim",)],
    "quarter": [("firmware",)] * 5 + [("shim",)] * 5 + [("client",)] * 3 + [("firmware", "shim")] * 3 +
               [("firmware", "client")] * 2 + [("shim", "client")] * 2,
    "hundred": [("firmware",)] * 26 + [("shim",)] * 26 + [("client",)] * 18 + [("firmware", "shim")] * 13 +
               [("firmware", "client")] * 10 + [("shim", "client")] * 7,
}
AT_LEAST = {"few": 8, "quarter": 27, "hundred": 125}  # kills
LEFT_OVER = ("/dev/shm", "/dev/hugepages", "/dev/mqueue")


def listing():
    found = set()
    for folder in LEFT_OVER:
        with contextlib.suppress(OSError):
            found.update(f"{folder}/{name}" for name in os.listdir(folder))
    return found


def seed_of_this_run():
    seed = int(os.environ.get("SLUICE_KILL_SEED", secrets.randbelow(1 << 31)))
    print(f"SLUICE_KILL_SEED={seed}")
    return seed


def introduce(card):
    """Either side knows the other's address for good: the kernel asks but once a second, which is not what is measured,
    and what has waited for an answer may be overtaken."""
    for here, device, there, other, addresses in ((card.host, DEVICE, card.wire, WIRE_END, (WIRE4, WIRE6)),
                                                  (card.wire, WIRE_END, card.host, DEVICE, (HOST4, HOST6))):
        for address in addresses:
            here.ip("neighbour", "replace", address, "lladdr", there.link(other)["address"], "nud", "permanent", "dev", device)


def tell(card):
    """What both ends say of a failure, from which one sees where frames stay."""
    print(card.shims[-1].output(), card.firmware.output(), card.host.run("ip", "-s", "link", "show", DEVICE, check=False).stdout)
    for words in (("port", "stats"), ("drops",), ("worker", "list"), ("rule", "list")):
        print(card.firmware.try_ctl(*words).stdout[:3000])
    print(processes.stacks(card.shims[-1].process.pid))


@pytest.fixture
def stage(binaries, tmp_path, request):
    """start(maker, **options) gives a card of the test's own that runs, with a shim and addresses."""
    cards, before, failed = [], listing(), request.session.testsfailed

    def start(shim_options=SHIM_OPTIONS, **options):
        one = hostside.over_veth(tmp_path, **options)
        cards.append(one)
        one.document["sluice:stacks"]["stack"][0]["driver"].insert(0, policies.passthru_driver("p0"))
        one.start()
        one.shim(*shim_options).wait_ready()
        one.dress()
        introduce(one)
        return one

    yield start
    for one in cards:
        if request.session.testsfailed > failed:
            tell(one)
        one.close()
        assert not processes.mentioning(one.runtime_dir)
    assert not processes.zombies()
    fw.wait_until(lambda: not listing() - before, "no shared memory and no huge pages are left", 10)


@contextlib.contextmanager
def talk(card, seed, ordered=True):
    """A connection with bytes both ways, and datagrams of both families and both ways."""
    with flows.Exchange(card.host, card.wire, WIRE4, seed) as exchange, \
            flows.Datagrams(card.host, card.wire, WIRE4, seed, ordered=ordered) as out, \
            flows.Datagrams(card.wire, card.host, HOST4, seed + 1, ordered=ordered) as into, \
            flows.Datagrams(card.host, card.wire, WIRE6, seed + 2, 0.02, ordered=ordered) as out6, \
            flows.Datagrams(card.wire, card.host, HOST6, seed + 3, 0.02, ordered=ordered) as into6:
        yield exchange, [out, into, out6, into6]


def goes_on(exchange):
    """Seconds until the connection carries bytes both ways."""
    began, before = time.monotonic(), list(exchange.progress)
    fw.wait_until(lambda: exchange.wrong or all(now > then + 2 for now, then in zip(exchange.progress, before)),
                  "the connection goes on", TCP_GOES_ON, 0.005)
    assert exchange.wrong is None, exchange.wrong
    return time.monotonic() - began


def resumes(ways, since, seconds=30):
    """Seconds from then until a datagram that was sent after it has come, on every way."""
    for way in ways:
        way.expect()
    return max(way.first(seconds) for way in ways) - since


def figures(name, values):
    ordered = sorted(values)
    rank = min(len(ordered) - 1, int(len(ordered) * 0.99))
    return (f"{name}: {len(ordered)} times, p50 {statistics.median(ordered) * 1000:.0f} ms, "
            f"p99 {ordered[rank] * 1000:.0f} ms, max {ordered[-1] * 1000:.0f} ms")


def leave_in_order(card, queues=1):
    """Both end by themselves and well; what is left is the device that was to persist, and the next shim takes it away."""
    card.shims[-1].stop()
    assert card.host.link(DEVICE) is not None and not card.host.has_carrier(DEVICE)
    card.shim("--queues", str(queues)).wait_ready().stop()
    assert card.host.link(DEVICE) is None
    card.firmware.wait_ready()
    card.firmware.process.terminate()
    assert card.firmware.process.wait(60) == 0, card.firmware.output()
    assert {path.name for path in card.runtime_dir.iterdir()} == {"stdout", "stderr"}


# ---- Again and again -----------------------------------------------------------------------------------


@pytest.mark.parametrize("who, queues", [("few", 1), pytest.param("quarter", 2, marks=pytest.mark.slow),
                                         pytest.param("hundred", 1, marks=pytest.mark.slow)])
def test_kills(stage, tmp_path, who, queues):
    """After each: datagrams again within a second of both being ready, and the one connection goes on; none hangs or leaks.
    With two queue pairs each is left and entered by itself, and the kernel moves flows from one to the other: not in order."""
    seed = seed_of_this_run()
    options = (*SHIM_OPTIONS, "--queues", str(queues))
    moments, card = random.Random(seed), stage(options, queues=queues, workers=queues)
    scene, index = Scene(card, tmp_path, moments, options), card.host.link(DEVICE)["ifindex"]
    turns, kills, resumed, tcp, quiet = moments.sample(WHO[who], len(WHO[who])), 0, [], [], []
    with talk(card, seed, ordered=queues == 1) as (exchange, ways), processes.Watchdog(NO_PROGRESS, scene.suspects) as watchdog:
        goes_on(exchange)
        for turn, victims in enumerate(turns):
            watchdog.kick(f"turn {turn}, {victims}, seed {seed}")
            if "client" in victims or moments.random() < 0.3:
                scene.client()
            began, victims = time.monotonic(), moments.sample(victims, len(victims))
            scene.kill(victims)
            kills += len(victims) + scene.restart(victims)
            ready = scene.wait_ready()
            resumed.append(resumes(ways, ready))
            quiet.append(ready + resumed[-1] - began)
            tcp.append(goes_on(exchange))
            scene.end_clients()
            scene.check_policy()
            scene.check_holds()
            assert card.host.link(DEVICE)["ifindex"] == index
        watchdog.kick(f"the end, seed {seed}")
        exchange.finish()
        assert not [way.wrong for way in ways if way.wrong]
        leave_in_order(card, queues)
    print(f"{kills} kills in {len(turns)} turns")
    print(figures("datagrams after both were ready", resumed))
    print(figures("datagrams after the kill", quiet))
    print(figures("the connection after the datagrams", tcp))
    print(f"the connection carried {exchange.progress} chunks of {flows.CHUNK} bytes; datagrams sent and come: "
          f"{[(way.sent, way.arrived) for way in ways]}")
    assert kills >= AT_LEAST[who]
    assert statistics.median(resumed) <= MEDIAN_BAR and max(resumed) <= EVERY_BAR, sorted(resumed)


# ---- Who stands still ----------------------------------------------------------------------------------


@pytest.mark.parametrize("who, seconds", [("firmware", 3), pytest.param("shim", 3, marks=pytest.mark.slow),
                                          pytest.param("firmware", 20, marks=pytest.mark.slow)])
def test_one_stands_still_for_a_while(stage, who, seconds):
    """All goes on afterwards: also where the shim has taken the firmware for hung meanwhile, and has given it up."""
    card = stage()
    with talk(card, 1) as (exchange, ways):
        goes_on(exchange)
        process = (card.firmware if who == "firmware" else card.shims[-1]).process
        process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        process.send_signal(signal.SIGCONT)
        since = time.monotonic()
        assert resumes(ways, since) <= EVERY_BAR
        goes_on(exchange)
        said = card.shims[-1].output()
        if seconds <= 3:
            assert "hangs" not in said and "gone" not in said
        exchange.finish()
        leave_in_order(card)


@pytest.mark.slow
def test_a_shim_is_stopped_while_its_firmware_stands_still(stage):
    """It ends in order, after one wait for an answer (8 s) and not after several."""
    card = stage()
    card.firmware.process.send_signal(signal.SIGSTOP)
    time.sleep(1)
    began = time.monotonic()
    card.shims[-1].stop()
    assert time.monotonic() - began < 15
    card.firmware.process.send_signal(signal.SIGCONT)


# ---- Who dies in the middle of a handshake -------------------------------------------------------------


def rush(card, number):
    """So many clients of the mailbox at once: every other one wants the port."""
    def words(one):
        if one % 2:
            return [fw.CLI, "--runtime-dir", card.runtime_dir, "port", "list"]
        return [fw.SHIM, "--runtime-dir", card.runtime_dir, "--port", "host0", "--name", f"other{one}"]

    return [subprocess.Popen(card.host.command(words(one)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, env=fw.ENVIRONMENT) for one in range(number)]


def end_all(crowd):
    """None of them has ended badly by itself."""
    for one in crowd:
        one.kill()
    assert all(one.wait() in (0, 4, -9) for one in crowd)


def half_handshakes(card, moments, number):
    """Clients that are gone before, or right after, they have asked for the port, or have been answered."""
    path = str(card.runtime_dir / "mailbox.sock")
    for _ in range(number):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as one:
            one.connect(path)
            how_far = moments.randrange(4)
            if how_far > 0:
                one.send(datarings.hello("host0", 1, 512))
            if how_far > 1:
                time.sleep(moments.uniform(0, 0.002))
            if how_far > 2:
                one.recv(1)  # its descriptors go to nobody


def test_handshakes_that_are_cut_short(stage):
    """Clients of all kinds die at any moment of their handshakes: nobody notices, and nothing of them stays in the firmware."""
    moments, card = random.Random(seed_of_this_run()), stage()
    pid = card.firmware.process.pid
    with talk(card, 1) as (exchange, _):
        goes_on(exchange)
        before = len(processes.descriptors(pid))
        for _ in range(4):
            crowd = rush(card, 10)
            for one in moments.sample(crowd, len(crowd)):
                time.sleep(moments.uniform(0, 0.02))
                one.kill()
            end_all(crowd)
            half_handshakes(card, moments, 50)
            goes_on(exchange)
        fw.wait_until(lambda: len(processes.descriptors(pid)) <= before, "what they had is given back", 20)
        exchange.finish()
    leave_in_order(card)


@pytest.mark.slow
def test_a_port_that_all_want(stage):
    """Its shim dies and others that got it, or were about to, die as well: the next one has it, with all its buffers."""
    moments, card = random.Random(seed_of_this_run()), stage()
    with talk(card, 1) as (exchange, ways):
        for _ in range(4):
            card.shims[-1].kill()
            crowd = rush(card, 6)
            half_handshakes(card, moments, 50)
            time.sleep(moments.uniform(0, 0.3))
            shim = card.shim(*SHIM_OPTIONS)
            time.sleep(moments.uniform(0, 0.05))
            end_all(crowd)
            shim.wait_ready()
            assert resumes(ways, time.monotonic()) <= EVERY_BAR
            goes_on(exchange)
        exchange.finish()
    leave_in_order(card)


@pytest.mark.slow
def test_the_firmware_dies_in_the_middle_of_handshakes(stage):
    """Who asks is told; who wants a port goes on trying; nobody hangs."""
    moments, card = random.Random(seed_of_this_run()), stage()
    with talk(card, 1) as (exchange, ways):
        for _ in range(3):
            crowd = rush(card, 10)
            time.sleep(moments.uniform(0, 0.15))
            card.firmware.die()
            for one in crowd[1::2]:
                assert one.wait(ENDS_BY_ITSELF) in (0, 4)
            assert [one.poll() for one in crowd[::2]] == [None] * 5
            end_all(crowd)
            card.start()
            assert resumes(ways, time.monotonic()) <= EVERY_BAR
            goes_on(exchange)
        exchange.finish()
    leave_in_order(card)


# ---- Who dies with what belongs to the card ------------------------------------------------------------


def test_a_shim_dies_with_all_receive_buffers(stage):
    """It stands still until it has them all, and is killed: the next one gets as many frames, and none is lost uncounted."""
    card = stage()
    with flows.Datagrams(card.wire, card.host, HOST4, 1, 0.0002) as into:
        for _ in range(5):
            into.expect()
            into.first(20)
            short = card.firmware.drops()[("host0", "in", "host-short")]
            card.shims[-1].process.send_signal(signal.SIGSTOP)
            fw.wait_until(lambda: card.firmware.drops()[("host0", "in", "host-short")] > short,  # pylint: disable=cell-var-from-loop
                          "the card has no buffer left", 30)
            card.shims[-1].kill()
            fw.wait_until(lambda: card.link() == "down", "the port has no host", 10)
            card.shim(*SHIM_OPTIONS).wait_ready()
            assert resumes([into], time.monotonic()) <= EVERY_BAR
        lost = [row for row in card.firmware.drops() if row[0] == "host0"]
        assert set(lost) == {("host0", "in", "host-short"), ("host0", "in", "host-absent")}
    leave_in_order(card)


# ---- Another firmware than before ----------------------------------------------------------------------


def with_host_port(card, devargs, **members):
    """A policy with another upper port."""
    other = json.loads(json.dumps(card.document))
    upper = other["sluice:ports"]["port"][0]
    upper["devargs"] = devargs
    upper.update(members)
    other["sluice:stacks"]["stack"][0]["upper-port"] = upper["name"]
    if members.get("queues", 1) > 1:  # the wire of the tests has but one
        other["sluice:ports"]["port"][1].update(devargs="net_null1,no-rx=1", queues=members["queues"])
    return other


def restarted_as(card, document):
    card.firmware.die()
    right, card.document = card.document, document
    try:
        card.start()
    finally:
        card.document = right


@pytest.mark.parametrize("devargs, members, says", [
    ("net_host0", {"name": "another"}, "port host0: the firmware refused the connection: unknown port"),
    pytest.param("net_null0,no-rx=1", {}, "no host can attach to this port", marks=pytest.mark.slow),
    pytest.param("net_host0,queues=2", {"queues": 2}, "the port has more queue pairs than before", marks=pytest.mark.slow),
])
def test_a_firmware_without_the_port(stage, devargs, members, says):
    """The shim says why it cannot attach, once, keeps the device, and goes on when the policy is right again."""
    card = stage()
    index = card.host.link(DEVICE)["ifindex"]
    with talk(card, 1) as (exchange, ways):
        goes_on(exchange)
        restarted_as(card, with_host_port(card, devargs, **members))
        card.shims[-1].wait_for(says, 20)
        time.sleep(0.5)
        assert card.shims[-1].output().count(says) == 1
        assert not card.host.has_carrier(DEVICE) and card.host.link(DEVICE)["ifindex"] == index
        restarted_as(card, card.document)
        assert resumes(ways, time.monotonic()) <= EVERY_BAR
        goes_on(exchange)
        exchange.finish()
    leave_in_order(card)


@pytest.mark.slow
def test_a_firmware_with_a_smaller_mtu(stage):
    """The device has it for as long as the port. What is shorter passes, and its connection goes on when all does."""
    card = stage()
    mac = card.host.link(DEVICE)["address"]
    with talk(card, 1) as (exchange, ways):
        goes_on(exchange)
        for mtu in (1450, 1500, 1450, 1500):
            restarted_as(card, with_host_port(card, f"net_host0,mac={mac},mtu={mtu}", mtu=mtu))
            assert resumes(ways, time.monotonic()) <= EVERY_BAR
            fw.wait_until(lambda: card.host.link(DEVICE)["mtu"] == mtu, f"the MTU is {mtu}", 20)  # pylint: disable=cell-var-from-loop
            if mtu == 1500:
                goes_on(exchange)
        exchange.finish()
    leave_in_order(card)
