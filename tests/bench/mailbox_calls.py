# SPDX-License-Identifier: BSD-3-Clause
"""How long a command over the mailbox takes, and how many rules a second go in over it: one by one, and as a policy."""
import json
import statistics
import subprocess
import sys
import tempfile
import time

import workload
from rings import CARD_CPU, HOST_CPU, PEERS
from running import Run, machine

COMMANDS, RULES, POLICY_RULES = 20_000, 1000, 60_000


def document(rules):
    devices = {"host0": "net_null0,no-rx=1", "wire0": "net_null1,no-rx=1"}
    ports = [{"name": name, "devargs": device} for name, device in devices.items()]
    stack = {"name": "main", "upper-port": "host0", "lower-port": "wire0", "driver": [{"name": "fw", "type": "filter"}]}
    return {"sluice:ports": {"port": ports}, "sluice:stacks": {"stack": [stack]},
            "ietf-access-control-list:acls": {"acl": [{"name": "fw", "aces": {"ace": rules}}]}}


def run(words):
    """On the CPU of the control thread: the worker has the other one."""
    command = ["taskset", "-c", str(CARD_CPU), *map(str, words)]
    begun = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode != 0:
        sys.exit(f"bench: {words[0]}: {done.stderr}")
    return done.stdout, time.monotonic() - begun


def once(build, folder):
    for name, rules in (("boot", []), ("large", workload.rules(POLICY_RULES))):
        with open(f"{folder}/{name}.json", "w") as out:
            json.dump(document(rules), out)
    firmware = Run([build / "fw" / "sluice-fw", "--config", f"{folder}/boot.json", "--runtime-dir", folder,
                    "--workers", 1, "--mbufs", 8192, "--", "--lcores", f"0@{CARD_CPU},1@{HOST_CPU}", "--no-pci",
                    "--no-huge", "-m", 512], folder)
    firmware.wait_for("sluice-fw: ready")
    text, _ = run([build / PEERS / "mailbox_calls", folder, COMMANDS, RULES])
    _, seconds = run([build / "host-shim" / "cli" / "sluicectl", "--runtime-dir", folder, "apply",
                      f"{folder}/large.json"])
    firmware.stop()
    if firmware.process.returncode != 0:
        sys.exit(f"bench: sluice-fw ended with {firmware.process.returncode}:\n{firmware.text()}")
    result = json.loads(text)
    return {"a command that asks (`INFO`), p50": (result["command"]["p50"], "µs"),
            "p99": (result["command"]["p99"], "µs"),
            f"one rule more, up to {RULES}, in force when the call returns, p50": (result["rule"]["p50"], "µs"),
            "p99 ": (result["rule"]["p99"], "µs"),
            "rules a second, one by one": (result["rules-per-second"], "/s"),
            f"rules a second, {POLICY_RULES} by one `sluicectl apply`, the reading of its document included":
                (POLICY_RULES / seconds, "/s")}


def measure_all(options):
    results = []
    for number in range(options.runs):
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            results.append(once(options.build, folder))
        print(f"mailbox, run {number + 1}: {results[-1]}", file=sys.stderr)
    lines = ["| what | median |", "|---|---:|"]
    for name, (_, unit) in results[0].items():
        value = statistics.median(result[name][0] for result in results)
        digits = 1 if unit == "µs" else 0
        lines.append(f"| {name.strip()} | {value:,.{digits}f} {unit} |")
    lines += ["", f"Machine: {machine()}. Control thread and client on one core, a worker on the other; median of "
              f"{options.runs} runs of {COMMANDS} commands."]
    return "\n".join(lines) + "\n"
