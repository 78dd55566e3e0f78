# SPDX-License-Identifier: BSD-3-Clause
"""One running sluice-fw with a runtime directory of its own, and sluicectl to talk to it."""
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("SLUICE_BUILD", REPO / "build" / "asan")).resolve()
FIRMWARE = BUILD / "fw" / "sluice-fw"
CLI = BUILD / "host-shim" / "cli" / "sluicectl"
SHIM = BUILD / "host-shim" / "shim" / "sluice-shim"
READY = "sluice-fw: ready"
# a worker and the pools of a test need little; hugepages are not asked for
EAL = ("--no-huge", "-m", "512")
REPORTS = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "UndefinedBehaviorSanitizer", "runtime error:")
ENVIRONMENT = {
    **os.environ,
    "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:halt_on_error=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "LC_ALL": "C.UTF-8",
}


def wait_until(condition, what, seconds=60, pause=0.02):
    """Polls until condition() is true and returns its value; fails naming what did not happen."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(pause)


def sanitizer_report(text):
    """The text from the first sanitizer report on; empty where there is none."""
    starts = [text.find(word) for word in REPORTS if word in text]
    return text[max(0, min(starts) - 200) :] if starts else ""


def run(command, seconds=60, stdin=None, **options):
    """Runs a program to its end; a sanitizer's report in its stderr fails whoever called."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=seconds, input=stdin,
                          env=ENVIRONMENT, **options)
    assert not sanitizer_report(done.stderr), done.stderr
    return done


def command_line(config, runtime_dir, eal=EAL, **options):
    """sluice-fw's arguments; options are its long options with _ for -."""
    words = [FIRMWARE, "--config", config, "--runtime-dir", runtime_dir]
    for name, value in options.items():
        words += [f"--{name.replace('_', '-')}", str(value)]
    return [*words, "--", *eal]


class Firmware:
    """Started with a policy document, in a network namespace if one is given; `stop` demands a clean end."""

    def __init__(self, document, folder, runtime_dir=None, namespace=None, **options):
        self.runtime_dir = runtime_dir or Path(tempfile.mkdtemp(prefix="sluice-"))
        self.config = Path(folder) / f"boot-{self.runtime_dir.name}.json"
        self.config.write_text(json.dumps(document, indent=2))
        self.out_path, self.err_path = self.runtime_dir / "stdout", self.runtime_dir / "stderr"
        with open(self.out_path, "w") as out, open(self.err_path, "w") as err:
            command = [str(word) for word in command_line(self.config, self.runtime_dir, **options)]
            command = namespace.command(command) if namespace else command
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=ENVIRONMENT)

    def output(self):
        return self.out_path.read_text() + self.err_path.read_text()

    def wait_ready(self):
        wait_until(lambda: READY in self.out_path.read_text() or self.process.poll() is not None, READY)
        assert self.process.poll() is None, f"sluice-fw ended early:\n{self.output()}"
        return self

    def try_ctl(self, *words, stdin=None, seconds=60):
        """Runs sluicectl; gives the finished process whatever came of it."""
        return run([CLI, "--runtime-dir", self.runtime_dir, *words], seconds, stdin)

    def ctl(self, *words, stdin=None):
        """Runs sluicectl, which must succeed; gives what it printed."""
        done = self.try_ctl(*words, stdin=stdin)
        assert done.returncode == 0, f"sluicectl {' '.join(map(str, words))}: {done.stderr}\n{self.output()}"
        return done.stdout

    def json(self, *words):
        return json.loads(self.ctl("--json", *words))

    def apply(self, document):
        """Applies a document from standard input."""
        return self.ctl("apply", "-", stdin=json.dumps(document))

    def show_config(self):
        return json.loads(self.ctl("show", "config"))

    def port(self, name):
        """The row of a port's counters."""
        return next(row for row in self.json("port", "stats") if row["name"] == name)

    def received(self, name):
        return self.port(name)["rx-packets"]

    def sent(self, name):
        return self.port(name)["tx-packets"]

    def hits(self):
        """(packets, bytes) by (instance, rule)."""
        rows = [row for row in self.json("rule", "list") if row["rule"] is not None]
        return {(row["instance"], row["name"]): (row["packets"], row["bytes"]) for row in rows}

    def defaults(self):
        """(packets, bytes) judged by default actions, by (instance, direction)."""
        rows = [row for row in self.json("rule", "list") if row["rule"] is None]
        return {(row["instance"], row["direction"]): (row["packets"], row["bytes"]) for row in rows}

    def drops(self):
        """Packets by (where, direction, reason)."""
        counts = Counter()
        for row in self.json("drops"):
            counts[(row["where"], row["direction"], row["reason"])] += row["packets"]
        return counts

    def generation(self):
        return self.json("info")["generation"]

    def wait_rx(self, name, packets, seconds=60):
        """Waits until a port has received so many packets."""
        wait_until(lambda: self.received(name) >= packets, f"{packets} packets received by {name}", seconds)

    def stop(self):
        """SIGTERM; the firmware must drain, find its pools full and end with 0, and no sanitizer may complain."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.ended()

    def ended(self):
        """The same of one that was told to stop before."""
        try:
            status = self.process.wait(timeout=60)
            report = self.output()
        finally:
            self.kill()
        assert not sanitizer_report(report), report
        assert status == 0, f"sluice-fw ended with {status}:\n{report}"
        return report

    def die(self):
        """SIGKILL; what it leaves behind stays there."""
        self.process.kill()
        self.process.wait()
        assert not sanitizer_report(self.output()), self.output()

    def kill(self):
        """Ends what is left, without questions."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.runtime_dir, ignore_errors=True)
