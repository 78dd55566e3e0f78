# SPDX-License-Identifier: BSD-3-Clause
"""Operations: commands that may take long are answered at once, and go on without their client."""
import struct

import firmware as fw
import gadgets
import mailboxclient

INFO, READ, BEGIN, CHUNK, COMMIT, LOAD, INSERT, STATUS = 0x01, 0x25, 0x20, 0x21, 0x23, 0x50, 0x52, 0x69
OPERATION = 1
OK, UNKNOWN_DRIVER, NOT_SUPPORTED = 0, 11, 29


def begin(client, opcode, *arguments, **more):
    status, operation, _ = client.call(opcode, *arguments, flags=OPERATION, **more)
    assert status == OK
    return operation


def show(running, operation):
    return running.json("operation", "show", operation)


def wait_done(running, operation):
    return fw.wait_until(lambda: next((row for row in [show(running, operation)] if row["state"] == "done"), None),
                         "the operation is done", 30)


def name(text):
    return text.encode().ljust(32, b"\0")


def told(running, operation, *kinds):
    return [(row["event"], row["subject"]) for row in running.json("events") if row["event"] in kinds and row["value"] == operation]


def test_a_client_is_served_while_its_driver_hangs(idle, tmp_path):
    """driver_entry does not return: the client that loads it asks for other things, goes, and its operation does not."""
    gate = tmp_path / "gate"
    driver = gadgets.build(tmp_path, f'-DENTRY_WAITS_FOR="{gate}"')
    with mailboxclient.Client(idle.runtime_dir) as client:
        operation = begin(client, LOAD, payload=str(driver).encode())
        fw.wait_until(lambda: show(idle, operation)["state"] == "running", "it is under way", 20)
        for _ in range(5):
            assert client.call(INFO, room=224)[0] == OK
        record = client.call(STATUS, operation, room=336)[2]
        assert struct.unpack_from("<Q", record)[0] == operation
        row = show(idle, operation)
        assert (row["command"], row["step"], row["status"], row["ended"]) == ("DRIVER_LOAD", "loading the driver", None, None)
        assert client.call(INFO, flags=OPERATION, room=224)[0] == NOT_SUPPORTED
    assert [row["id"] for row in idle.json("operation", "list") if row["state"] == "running"] == [operation]
    gate.touch()
    row = wait_done(idle, operation)
    assert (row["status"], row["name"], row["percent"]) == ("OK", "gadget", 100)
    assert "gadget" in [row["name"] for row in idle.json("driver", "list")]
    assert told(idle, operation, "operation-progress", "operation-done") == [("operation-progress", "loading the driver"),
                                                                           ("operation-done", "OK")]


def test_a_stack_changes(idle):
    """The steps are told; what cannot be done says why."""
    with mailboxclient.Client(idle.runtime_dir) as client:
        good = begin(client, INSERT, payload=name("main") + name("late") + name("passthru") + bytes(40))
        bad = begin(client, INSERT, payload=name("main") + name("never") + name("nodriver") + bytes(40))
    row = wait_done(idle, good)
    assert (row["status"], row["name"]) == ("OK", "late")
    assert "late" in [row["instance"] for row in idle.json("stack", "show")]
    row = wait_done(idle, bad)
    assert (row["status"], row["step"]) == ("UNKNOWN_DRIVER", None)
    steps = [subject.split("% ")[-1] for _, subject in told(idle, good, "operation-progress")]
    assert list(dict.fromkeys(steps)) == ["pausing", "binding", "building rules", "restarting"]
    assert told(idle, bad, "operation-progress", "operation-done") == [("operation-done", "UNKNOWN_DRIVER")]
    missing = idle.try_ctl("operation", "show", 1)
    assert missing.returncode == 3 and "operation 1: no such object" in missing.stderr


def test_a_policy_is_committed_by_itself(idle):
    """The operation has the upload: its client may go before it is in force."""
    generation = idle.json("info")["generation"]
    with mailboxclient.Client(idle.runtime_dir) as client:
        image = bytes(client.call(READ, room=1 << 20)[2])
        assert client.call(BEGIN, len(image), 0)[0] == OK
        assert client.call(CHUNK, 0, payload=image)[0] == OK
        operation = begin(client, COMMIT, 0)
    row = wait_done(idle, operation)
    assert (row["status"], row["result"]) == ("OK", generation + 1)
    assert idle.json("info")["generation"] == generation + 1


def test_the_end_waits(idle, tmp_path):
    """The firmware goes down in order when what is under way has come to its end."""
    gate = tmp_path / "gate"
    driver = gadgets.build(tmp_path, f'-DENTRY_WAITS_FOR="{gate}"')
    with mailboxclient.Client(idle.runtime_dir) as client:
        operation = begin(client, LOAD, payload=str(driver).encode())
    fw.wait_until(lambda: show(idle, operation)["state"] == "running", "it is under way", 20)
    reset = idle.json("reset", "--level", "device", "--reason", "with a driver in its entry")
    assert reset["generation"] == 1
    gate.touch()
    fw.wait_until(lambda: idle.try_ctl("info").returncode == 0 and idle.json("operation", "list") == [], "it starts anew", 30)
