# SPDX-License-Identifier: BSD-3-Clause
"""A card, a host and command-line programs at work, each of which can be killed at any moment, and comes again."""
import contextlib
import json
import subprocess
import tempfile
import time
from pathlib import Path

import firmware as fw
import hostside
import policies
import processes

SHIM_OPTIONS = ("--persist", "--offloads", "csum,tso4,tso6")
BIG_POLICY_RULES = 2000
CLIENT_SECONDS = 0.15       # in which a command is begun and done
ENDS_BY_ITSELF = 20         # seconds that a command may take whose firmware dies
NO_PROGRESS = 100           # seconds until the watchdog tells who hangs


def big_policy():
    def matches(number):
        return {"ipv4": {"source-ipv4-network": f"10.{number >> 8 & 255}.{number & 255}.0/24"},
                "udp": {"destination-port": {"operator": "eq", "port": number + 1}}}

    return policies.acls(fw=[policies.ace(f"big-{number}", "in", "drop", matches(number))
                             for number in range(BIG_POLICY_RULES)])


class Client:
    """A command-line program at its work."""

    def __init__(self, card, words):
        self.words, self.out = words, tempfile.TemporaryFile("w+")  # pylint: disable=consider-using-with
        self.process = subprocess.Popen([str(word) for word in (fw.CLI, "--runtime-dir", card.runtime_dir, *words)],
                                        stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.out, env=fw.ENVIRONMENT)

    def output(self):
        self.out.seek(0)
        return self.out.read()

    def end(self, seconds=ENDS_BY_ITSELF):
        """Waits for it: it must not hang, whatever became of the firmware."""
        status = self.process.wait(seconds)
        said = self.output()
        self.out.close()
        assert not fw.sanitizer_report(said), said
        assert status in (0, 1, 4, 6, -9), f"sluicectl {self.words} ended with {status}: {said}"


class Scene:
    """A card, a host and a wire, of which any process dies and comes again."""

    def __init__(self, card, folder, moments, shim_options=SHIM_OPTIONS):
        self.card, self.moments, self.clients, self.rules = card, moments, [], 0
        self.shim_options = shim_options
        self.held = {}  # by process: the first time
        self.big = Path(folder) / "big.json"
        self.big.write_text(json.dumps(big_policy()))
        self.small = Path(folder) / "small.json"
        self.small.write_text(json.dumps(policies.acls(fw=[])))

    def suspects(self):
        named = [("sluice-fw", self.card.firmware), ("sluice-shim", self.card.shims[-1])]
        named += [(f"sluicectl {one.words}", one) for one in self.clients]
        for name, one in named:
            with contextlib.suppress(OSError, ValueError):
                yield name, one.process, one.output()

    def client(self):
        """Some command that is in the middle of its work."""
        self.rules += 1
        words = self.moments.choice([
            ("apply", self.big), ("apply", self.small), ("stats", "--watch", "0.02"), ("port", "stats"), ("drops",),
            ("show", "config"),
            ("rule", "add", "on", "fw", "name", f"added-{self.rules}", "out", "tcp", "to", "any", "port", "7", "count"),
        ])
        one = Client(self.card, words)
        self.clients.append(one)
        if self.moments.random() < 0.5:
            processes.wait_for_mailbox(one.process)
        else:
            time.sleep(self.moments.uniform(0, CLIENT_SECONDS))
        return one

    def process(self, who):
        return {"firmware": self.card.firmware, "shim": self.card.shims[-1],
                "client": self.clients[-1] if self.clients else None}[who].process

    def reap(self, who):
        if who == "firmware":
            self.card.firmware.die()
        elif who == "shim":
            said = self.card.shims[-1].output()
            self.card.shims[-1].kill()
            assert not fw.sanitizer_report(said), said

    def kill(self, victims):
        """All of them, each within a few ms of the one before."""
        for who in victims:
            self.process(who).kill()
            time.sleep(self.moments.uniform(0, 0.005))
        for who in victims:
            self.reap(who)

    def begin(self, who):
        if who == "firmware":
            self.card.launch()
        elif who == "shim":
            self.card.shim(*self.shim_options)

    def restart(self, victims):
        """In any order; now and then one dies again before it is ready. Gives how often."""
        again = 0
        for who in self.moments.sample(victims, len(victims)):
            self.begin(who)
            if who != "client" and self.moments.random() < 0.25:
                time.sleep(self.moments.uniform(0, 0.4 if who == "firmware" else 0.05))
                self.kill([who])
                self.begin(who)
                again += 1
        return again

    def wait_ready(self):
        """Gives when both have said that they are."""
        for one, word in ((self.card.firmware, fw.READY), (self.card.shims[-1], hostside.SHIM_READY)):
            fw.wait_until(lambda: word in one.output() or one.process.poll() is not None,  # pylint: disable=cell-var-from-loop
                          word, NO_PROGRESS + 20, 0.002)
            assert one.process.poll() is None, f"ended with {one.process.poll()}:\n{one.output()}"
        return time.monotonic()

    def end_clients(self):
        for one in self.clients:
            if "--watch" in one.words:
                one.process.kill()
            one.end()
        self.clients.clear()

    def check_holds(self):
        """Whoever has not died holds what it held when its first turn was over."""
        for one in (self.card.firmware, self.card.shims[-1]):
            pid = one.process.pid
            first = self.held.setdefault(pid, processes.holds(pid))
            fw.wait_until(lambda: all(now <= then for now, then in zip(processes.holds(pid), first)),  # pylint: disable=cell-var-from-loop
                          f"{one.process.args[-1]} holds no more than {first}", 20)

    def check_policy(self):
        """It is one of those that were applied, as a whole, and rules that were added."""
        rules = [row["name"] for row in self.card.firmware.json("rule", "list") if row["rule"] is not None]
        assert len([name for name in rules if name.startswith("big-")]) in (0, BIG_POLICY_RULES)
