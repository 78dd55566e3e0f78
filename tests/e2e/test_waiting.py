# SPDX-License-Identifier: BSD-3-Clause
"""sluicectl and what takes long: it waits with progress, or leaves it to itself, and another run of it goes on from there."""
import json
import os
import pty
import re
import select
import signal
import subprocess
import time

import firmware as fw
import gadgets
import pytest


class Hanging:
    """A driver whose entry returns when it is let go, and the words that load it."""

    def __init__(self, running, folder):
        self.running, self.gate = running, folder / "gate"
        self.words = ["driver", "load", gadgets.build(folder, f'-DENTRY_WAITS_FOR="{self.gate}"')]

    def operation(self):
        """The id of the load that is under way."""
        def find():
            rows = [row for row in self.running.json("operation", "list") if row["command"] == "DRIVER_LOAD"]
            return rows[-1]["id"] if rows and rows[-1]["state"] == "running" else None

        return fw.wait_until(find, "the driver is being loaded", 20)

    def let_go(self):
        self.gate.touch()


@pytest.fixture
def hanging(idle, tmp_path):
    one = Hanging(idle, tmp_path)
    yield one
    one.let_go()


def drivers(running):
    return [row["name"] for row in running.json("driver", "list")]


def start_on_terminal(running, *words):
    """A client whose errors go to a terminal, and our end of that."""
    ours, theirs = pty.openpty()
    client = subprocess.Popen([str(fw.CLI), "--runtime-dir", str(running.runtime_dir), *[str(word) for word in words]],
                              stdout=subprocess.PIPE, stderr=theirs, text=True, env=fw.ENVIRONMENT)
    os.close(theirs)
    return client, ours


def read_until(terminal, pattern, seconds=20):
    """What the terminal got up to and with the pattern; with None up to the end of who wrote."""
    text, deadline = "", time.monotonic() + seconds
    while pattern is None or not re.search(pattern, text):
        assert select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0], f"no {pattern} in {text!r}"
        try:
            text += os.read(terminal, 4096).decode()
        except OSError:  # all ends of the other side are closed
            assert pattern is None, f"no {pattern} in {text!r}"
            return text
    return text


def test_the_background(idle, hanging):
    """The id is told and the command ends; the wait for it is another command's."""
    begun = idle.json(*hanging.words, "--background")
    operation = hanging.operation()
    assert begun == {"operation": operation}
    waiting = gadgets.start(idle, "--json", "operation", "wait", operation)
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(1.5)
    hanging.let_go()
    out, err = waiting.communicate(timeout=20)
    assert (waiting.returncode, err) == (0, "")
    row = json.loads(out)
    assert (row["id"], row["state"], row["status"], row["name"]) == (operation, "done", "OK", "gadget")
    assert "gadget" in drivers(idle)
    text = idle.ctl("stack", "insert", "main", "passthru", "later", "--background")
    later = re.fullmatch(r"operation (\d+) goes on: see sluicectl operation wait \1\n", text)[1]
    idle.ctl("operation", "wait", later)
    assert "later" in [row["instance"] for row in idle.json("stack", "show")]


def test_completion_knows_the_ids(idle):
    """TAB at the id proposes those that there are."""
    begun = idle.json("stack", "insert", "main", "passthru", "one", "--background")
    done = fw.run([fw.CLI, "__complete", "--runtime-dir", idle.runtime_dir, "operation", "wait", ""])
    assert done.stdout.split() == [str(begun["operation"])]


def test_an_end_that_is_refused(idle):
    """Who waits learns it as who gave the command would have, in its exit code also."""
    begun = idle.json("driver", "unload", "filter", "--background")
    failed = idle.try_ctl("operation", "wait", begun["operation"])
    direct = idle.try_ctl("driver", "unload", "filter")
    assert failed.returncode == direct.returncode == 1
    for done in (failed, direct):
        assert "driver is in use: it is fw in stack main" in done.stderr
    error = json.loads(idle.try_ctl("--json", "operation", "wait", begun["operation"]).stderr)["error"]
    assert (error["status"], error["reason"]) == ("DRIVER_IN_USE", "refused")
    missing = idle.try_ctl("operation", "wait", 1)
    assert missing.returncode == 3 and "operation 1: no such object" in missing.stderr


def test_a_policy_in_the_background(idle, tmp_path):
    """The upload is the operation's: sluicectl has gone when it comes into force."""
    before = idle.generation()
    path = tmp_path / "policy.json"
    path.write_text(idle.ctl("show", "config"))
    begun = idle.json("apply", path, "--background")
    row = json.loads(idle.ctl("--json", "operation", "wait", begun["operation"]))
    assert (row["command"], row["result"], idle.generation()) == ("POLICY_COMMIT", before + 1, before + 1)
    for words in (["apply", path, "--dry-run", "--background"], ["reset", "--level", "device", "--reason", "x", "--background"]):
        assert idle.try_ctl(*words).returncode == 2
    assert idle.generation() == before + 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt(idle, hanging, number):
    """It ends the wait, says what goes on and how to look at it again; and the driver is loaded after all."""
    client = gadgets.start(idle, *hanging.words)
    operation = hanging.operation()
    client.send_signal(number)
    out, err = client.communicate(timeout=20)
    assert (client.returncode, out) == (-number, "")
    assert f"interrupted: operation {operation} goes on" in err
    again = re.search(r"example: sluicectl (.*)", err)[1].split()
    assert again == ["--runtime-dir", str(idle.runtime_dir), "operation", "wait", str(operation)]
    assert idle.json("operation", "show", operation)["state"] == "running"
    hanging.let_go()
    assert fw.run([fw.CLI, *again]).returncode == 0
    assert "gadget" in drivers(idle)


def test_an_interrupt_for_programs(idle, hanging):
    client = gadgets.start(idle, "--json", *hanging.words)
    operation = hanging.operation()
    client.send_signal(signal.SIGINT)
    error = json.loads(client.communicate(timeout=20)[1])["error"]
    assert (error["operation"], error["reason"], error["exit-code"]) == (operation, "temporary", 6)


def test_a_time_limit(idle, hanging):
    """Where --timeout is given it is for the end as well, and what is not done by then goes on."""
    late = idle.try_ctl("--timeout", "2", *hanging.words)
    operation = hanging.operation()
    assert late.returncode == 6 and f"not done within 2 s: operation {operation} goes on" in late.stderr
    hanging.let_go()
    idle.ctl("operation", "wait", operation)


def test_one_that_waits_is_cancelled(idle, hanging):
    """It ends at once though what is before it hangs; what has begun goes on, and its end is not undone."""
    load = idle.json(*hanging.words, "--background")["operation"]
    hanging.operation()
    insert = idle.json("stack", "insert", "main", "passthru", "never", "--background")["operation"]
    assert idle.json("operation", "show", insert)["state"] == "waiting"
    waiting = gadgets.start(idle, "operation", "wait", insert)
    assert idle.ctl("operation", "cancel", insert) == f"cancelled operation {insert}\n"
    _, err = waiting.communicate(timeout=20)
    assert waiting.returncode == 1 and f"operation {insert}: cancelled" in err
    for words in (["operation", "cancel", load], ["operation", "cancel", insert]):
        late = idle.try_ctl(*words)
        assert late.returncode == 1 and "too late to cancel it" in late.stderr
    hanging.let_go()
    assert idle.json("operation", "wait", load)["status"] == "OK"
    row = idle.json("operation", "show", insert)
    assert (row["state"], row["status"], row["step"]) == ("done", "CANCELLED", None)
    assert "never" not in [row["instance"] for row in idle.json("stack", "show")]
    assert idle.try_ctl("operation", "cancel", 1).returncode == 3


def test_an_apply_is_cancelled_while_it_builds(idle, tmp_path):
    """A driver's build hangs: the policy never comes into force, and the next one does."""
    gate, path = tmp_path / "gate", tmp_path / "policy.json"
    gadgets.load(idle, gadgets.build(tmp_path, f'-DBUILD_WAITS_WHILE="{gate}"'))
    path.write_text(idle.ctl("show", "config"))
    before, changes = idle.generation(), idle.json("info")["changes-applied"]
    gate.touch()
    operation = idle.json("apply", path, "--background")["operation"]
    fw.wait_until(lambda: idle.json("operation", "show", operation)["step"] == "building rules", "it builds", 20)
    cancelling = gadgets.start(idle, "--json", "operation", "cancel", operation)
    with pytest.raises(subprocess.TimeoutExpired):
        cancelling.wait(1)
    gate.unlink()
    out, err = cancelling.communicate(timeout=20)
    assert (cancelling.returncode, err) == (0, "")
    row = json.loads(out)
    assert (row["id"], row["state"], row["status"]) == (operation, "done", "CANCELLED")
    assert (idle.generation(), idle.json("info")["changes-applied"]) == (before, changes)
    idle.ctl("apply", path)
    assert idle.generation() == before + 1


def test_progress_on_a_terminal(idle, hanging):
    """One line, once it takes longer than a moment; it is gone when the command ends."""
    client, terminal = start_on_terminal(idle, *hanging.words)
    operation = hanging.operation()
    text = read_until(terminal, rf"operation {operation}: loading the driver, \d+ s")
    hanging.let_go()
    text += read_until(terminal, None)
    os.close(terminal)
    out, _ = client.communicate(timeout=20)
    assert (client.returncode, out) == (0, "loaded driver gadget\n")
    assert "\n" not in text and max(len(line) for line in text.split("\r")) <= 79
    assert text.endswith("\r" + " " * 79 + "\r")


def test_nothing_on_a_terminal_for_what_is_short(idle):
    client, terminal = start_on_terminal(idle, "stack", "insert", "main", "passthru", "short")
    assert read_until(terminal, None) == ""
    os.close(terminal)
    assert client.wait(20) == 0
    client.stdout.close()


def test_no_progress_without_a_terminal(idle, hanging):
    client = gadgets.start(idle, *hanging.words)
    hanging.operation()
    with pytest.raises(subprocess.TimeoutExpired):
        client.wait(1.5)
    hanging.let_go()
    out, err = client.communicate(timeout=20)
    assert (client.returncode, out, err) == (0, "loaded driver gadget\n", "")


def test_many_at_once(idle, tmp_path):
    """More commands of one user than its operations are kept: each hears how its own ended."""
    path, before = tmp_path / "policy.json", idle.generation()
    path.write_text(idle.ctl("show", "config"))
    loop = 'for i in 1 2 3 4 5 6; do "$@" || exit; done'
    command = ["sh", "-c", loop, "sh", str(fw.CLI), "--runtime-dir", str(idle.runtime_dir), "apply", str(path)]
    clients = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=fw.ENVIRONMENT)
               for _ in range(12)]
    for client in clients:
        out, err = client.communicate(timeout=60)
        assert (client.returncode, err, len(out.splitlines())) == (0, "", 6)
    assert idle.generation() == before + 12 * 6


def test_more_than_a_user_may_have(idle, hanging):
    """Eight are under way: the next is refused in the background, and otherwise waits as a plain command, which an
    interrupt ends."""
    idle.json(*hanging.words, "--background")
    hanging.operation()
    begun = [idle.json("stack", "insert", "main", "passthru", f"p{i}", "--background")["operation"] for i in range(7)]
    refused = idle.try_ctl("stack", "insert", "main", "passthru", "p7", "--background")
    assert refused.returncode == 6 and "all operations that this user may have are under way" in refused.stderr
    plain = gadgets.start(idle, "stack", "insert", "main", "passthru", "p8")
    interrupted = gadgets.start(idle, "stack", "insert", "main", "passthru", "p9")
    with pytest.raises(subprocess.TimeoutExpired):
        plain.wait(1)
    interrupted.send_signal(signal.SIGINT)
    assert interrupted.communicate(timeout=20) == ("", "") and interrupted.returncode == -signal.SIGINT
    hanging.let_go()
    assert plain.communicate(timeout=20)[1] == "" and plain.returncode == 0
    for operation in begun:
        idle.ctl("operation", "wait", operation)
    names = {row["instance"] for row in idle.json("stack", "show")}
    assert {f"p{i}" for i in (*range(7), 8)} <= names and "p7" not in names
