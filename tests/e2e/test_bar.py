# SPDX-License-Identifier: BSD-3-Clause
"""A card in memory: the firmware serves a file, which a host finds as the BAR of a PCI device. No socket is used."""
import contextlib
import json
import mmap
import os
import random
import signal
import struct
import subprocess
import threading

import firmware as fw
import hostside
import policies
import pytest
import traffic
from hostside import DEVICE, HOST4, WIRE4

SIZE = 16 << 20
ABSENT = "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"


@pytest.fixture
def bar(tmp_path):
    path = tmp_path / "memory"
    with open(path, "wb") as file:
        file.truncate(SIZE)
    return path


@pytest.fixture
def device(tmp_path, bar):
    """The directory of a device's resources."""
    folder = tmp_path / "0000:01:00.0"
    folder.mkdir()
    for name, text in (("vendor", "0x1af4\n"), ("device", "0x1110\n"), ("enable", "1\n"),
                       ("resource", ABSENT * 2 + f"0xfe000000 0x{0xFE000000 + SIZE - 1:x} 0x14220c\n" + ABSENT * 4)):
        (folder / name).write_text(text)
    (folder / "resource2").symlink_to(bar)
    return folder


def try_ctl(device, *words, **options):
    return fw.run([fw.CLI, "--device", device, *words], **options)


def ctl(device, *words):
    done = try_ctl(device, *words)
    assert done.returncode == 0, f"sluicectl {' '.join(map(str, words))}: {done.stderr}"
    return done.stdout


def as_json(device, *words):
    return json.loads(ctl(device, "--json", *words))


def test_commands_go_through_memory(firmware, bar, device):
    """Reading, and a change of the policy: what they did is seen over the socket too."""
    running = firmware(policies.null_document({"fw": [policies.ace("all", "out", "count")]}), bar=bar)
    assert as_json(device, "info")["pid"] == running.process.pid
    generation = running.generation()
    ctl(device, "rule", "add", "out", "tcp", "to", "any", "port", "25", "deny")
    assert running.generation() == generation + 1
    assert as_json(device, "rule", "list") == running.json("rule", "list")
    document = running.show_config()
    assert json.loads(ctl(device, "show", "config")) == document
    for _ in range(20):
        assert as_json(device, "info")["generation"] == generation + 1
    done = try_ctl(device, "rule", "add", "nonsense")
    assert done.returncode != 0
    report = running.stop()
    assert "leak" not in report


def test_a_firmware_that_is_not_there(firmware, bar, device):
    """Before it starts, and after it has ended or died, a host is told; and the next one serves the same memory."""
    done = try_ctl(device, "info")
    assert done.returncode != 0 and f"no Sluice firmware serves {device}/resource2" in done.stderr
    running = firmware(policies.null_document({}), bar=bar)
    ctl(device, "info")
    running.stop()
    assert "no Sluice firmware serves" in try_ctl(device, "info").stderr
    running = firmware(policies.null_document({}), bar=bar)
    ctl(device, "info")
    running.die()
    done = try_ctl(device, "--timeout", "0.2", "info")
    assert done.returncode != 0 and "does not answer" in done.stderr
    running.kill()
    running = firmware(policies.null_document({}), bar=bar)
    ctl(device, "info")


@pytest.mark.parametrize("size, said", [(0, "has 0 bytes"), (1 << 21, "has 2097152 bytes"), (None, "cannot open"),
                                        (5 << 20, "not a power of two")])
def test_memory_that_will_not_do(binaries, tmp_path, size, said):
    config, path = tmp_path / "boot.json", tmp_path / "short"
    config.write_text(json.dumps(policies.null_document({})))
    if size is not None:
        path.touch()
        os.truncate(path, size)
    done = fw.run(fw.command_line(config, tmp_path / "run", bar=path))
    assert done.returncode == 1 and said in done.stderr and str(path) in done.stderr


def test_memory_without_room(binaries, tmp_path):
    """A file of holes on a file system that cannot fill them: refused, where a page would have been a fault later."""
    config, folder = tmp_path / "boot.json", tmp_path / "small"
    config.write_text(json.dumps(policies.null_document({})))
    folder.mkdir()
    mount = f"mount -t tmpfs -o size={SIZE // 2} none {folder} && truncate -s {SIZE} {folder}/memory && exec \"$@\""
    done = fw.run(["unshare", "--mount", "sh", "-c", mount, "sh",
                   *fw.command_line(config, tmp_path / "run", bar=folder / "memory")])
    assert done.returncode == 1 and f"cannot map the BAR '{folder}/memory': No space left" in done.stderr


def test_memory_has_one_firmware(firmware, tmp_path, bar, device):
    first = firmware(policies.null_document({}), bar=bar)
    done = fw.run(fw.command_line(first.config, tmp_path / "run", bar=bar))
    assert done.returncode == 1 and f"the BAR '{bar}' is in use by another firmware" in done.stderr
    assert as_json(device, "info")["pid"] == first.process.pid


def test_a_hostile_host(firmware, bar, device):
    """Whatever is written where the host may write: the firmware goes on, and a right host is served after it."""
    running = firmware(policies.null_document({}), bar=bar)
    with open(bar, "r+b", buffering=0) as file:
        for number, word in enumerate((0xFF, 0x00, 0x5A)):
            file.seek(4096 + 64)
            file.write(bytes([word]) * 64)
            for page in (3, 4):  # doorbell, commands
                file.seek(page * 4096)
                file.write(bytes([word]) * 4096)
            file.seek(4096)
            file.write(struct.pack("<I", 1000 + number))
            answered = 1000 + number

            def is_answered():
                file.seek(1040)
                return struct.unpack("<I", file.read(4))[0] == answered  # pylint: disable=cell-var-from-loop

            fw.wait_until(is_answered, "it is looked at", 10)
            assert as_json(device, "info")["pid"] == running.process.pid
            file.seek(4096)
            file.write(struct.pack("<I", 500 + number))


class Scribbler:
    """A host that writes into all of the memory, also where only the card should, for as long as it is entered."""

    def __init__(self, bar, seed):
        self.random, self.going = random.Random(seed), True
        self.thread = threading.Thread(target=self._write, args=(bar,))

    def _write(self, bar):
        with open(bar, "r+b") as file, mmap.mmap(file.fileno(), SIZE) as memory:
            while self.going:
                length = self.random.choice((4, 64, 4096, 1 << 16, 1 << 20))
                at = self.random.choice((0, self.random.randrange(0, SIZE - length, 4)))
                byte = self.random.choice((0x00, 0xFF, None))
                memory[at:at + length] = self.random.randbytes(length) if byte is None else bytes([byte]) * length

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.going = False
        self.thread.join()


@pytest.mark.slow
def test_a_host_that_writes_everywhere(binaries, tmp_path, bar, device):
    """While frames pass, and while firmware starts: it goes on, and ends in order with all buffers back."""
    card = hostside.over_veth(tmp_path)
    card.options["bar"] = bar
    try:
        card.start()
        card.shim("--device", device).wait_ready()
        card.dress()
        card.host.ping(WIRE4)
        with Scribbler(bar, 1):
            card.host.run("ping", "-f", "-q", "-w", "3", WIRE4, check=False)
            assert card.firmware.json("info")["pid"] == card.firmware.process.pid
            for _ in range(3):
                card.firmware.process.terminate()
                assert card.firmware.process.wait(60) == 0, card.firmware.output()
                card.start()
        card.firmware.process.terminate()
        assert card.firmware.process.wait(60) == 0, card.firmware.output()
        card.start()
        fw.wait_until(lambda: card.host.can_ping(WIRE4), "frames pass again", 60)
    finally:
        card.close()


def losses(running):
    """(file, its bytes) of each memory that the firmware says it has lost."""
    return [(row["subject"], row["value"]) for row in running.json("events") if row["event"] == "bar-lost"]


@pytest.mark.parametrize("left", [0, 4096, SIZE // 2, SIZE - 1])
def test_memory_that_is_cut(firmware, bar, device, left):
    """Firmware and host's program see it, wherever the cut is: the one serves others, the other ends and says why."""
    running = firmware(policies.null_document({}), bar=bar)
    words = [str(fw.CLI), "--device", str(device), "--json", "events", "--follow"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=fw.ENVIRONMENT) as client:
        client.stdout.readline()
        os.truncate(bar, left)
        said = client.communicate(timeout=30)[1]
    assert client.returncode > 0 and "the firmware went away" in said and not fw.sanitizer_report(said), said

    fw.wait_until(lambda: losses(running), "the loss is told", 20)
    assert losses(running) == [("memory", left)]
    assert running.json("info")["clients"] == 1
    done = try_ctl(device, "info")
    assert done.returncode > 0 and f"{device}/resource2 is shorter than" in done.stderr
    os.truncate(bar, SIZE)
    running.stop()
    firmware(policies.null_document({}), bar=bar)
    ctl(device, "info")


def test_memory_that_is_emptied(firmware, bar, device):
    """It is as long as before when the firmware looks: it is halted meanwhile. What was laid out in it is gone."""
    running = firmware(policies.null_document({}), bar=bar)
    ctl(device, "info")
    os.kill(running.process.pid, signal.SIGSTOP)
    try:
        os.truncate(bar, 0)
        os.truncate(bar, SIZE)
    finally:
        os.kill(running.process.pid, signal.SIGCONT)
    fw.wait_until(lambda: losses(running), "the loss is told", 20)
    assert losses(running) == [("memory", SIZE)]
    assert "no Sluice firmware serves" in try_ctl(device, "info").stderr
    assert running.json("info")["clients"] == 1, "others are served"
    running.stop()
    firmware(policies.null_document({}), bar=bar)
    ctl(device, "info")


@contextlib.contextmanager
def flood(card):
    """Pings from both ends, as many as there is room for. They end by themselves should nobody end them."""
    pings = []
    try:
        for where, to in ((card.host, WIRE4), (card.wire, HOST4)):
            words = where.command(["ping", "-f", "-q", "-w", "110", to])
            pings.append(subprocess.Popen(words, stdout=subprocess.DEVNULL))  # pylint: disable=consider-using-with
        yield
    finally:
        for one in pings:
            one.kill()
            one.wait()


def test_memory_that_is_cut_under_traffic(binaries, tmp_path, bar, device):
    """Worker and shim are in their rings when these go. The network device stays, and another firmware takes it up."""
    card = hostside.over_veth(tmp_path)
    card.options["bar"] = bar
    try:
        card.start()
        shim = card.shim("--device", device).wait_ready()
        card.dress()
        for left in (0, SIZE // 2):
            with flood(card):
                fw.wait_until(lambda: card.firmware.received("wire0") > 100, "frames pass", 60)
                os.truncate(bar, left)
                fw.wait_until(lambda: not card.host.has_carrier(DEVICE), "the carrier goes", 20)
                fw.wait_until(lambda: card.link() == "down", "the host's port is down", 20)
            os.truncate(bar, SIZE)
            card.firmware.process.terminate()
            assert card.firmware.process.wait(60) == 0, card.firmware.output()
            card.start()
            fw.wait_until(lambda: card.host.can_ping(WIRE4), "frames pass again", 60)
        assert shim.process.poll() is None
    finally:
        card.close()


def test_a_network_device(binaries, tmp_path, bar, device):
    """sluice-shim over the data rings of a port in that memory: frames pass both ways, and a restarted card is found again."""
    card = hostside.over_veth(tmp_path)
    card.options["bar"] = bar
    try:
        card.start()
        card.shim("--device", device).wait_ready()
        card.dress()
        card.host.ping(WIRE4)
        card.wire.ping(HOST4)
        with traffic.Server(card.wire, WIRE4) as server:
            traffic.send(card.host, server.address, 1 << 20)
        with traffic.Server(card.host, HOST4) as server:
            traffic.send(card.wire, server.address, 1 << 20)
        assert "is in use by another program" in try_ctl(device, "info").stderr
        card.firmware.process.terminate()
        assert card.firmware.process.wait(60) == 0, card.firmware.output()
        fw.wait_until(lambda: not card.host.has_carrier(DEVICE), "the carrier goes", 20)
        card.start()
        fw.wait_until(lambda: card.host.can_ping(WIRE4), "frames pass again", 60)
    finally:
        card.close()
