# SPDX-License-Identifier: BSD-3-Clause
"""Events: what was kept is shown, what happens is told, and who does not listen hears what it missed."""
import json
import signal
import subprocess

import firmware as fw
import gadgets
import policies
import pytest


def change_rules(running, times):
    for number in range(times):
        running.ctl("rule", "replace", "name", "no-ssh", "in", "tcp", "from", "any", "to", "any", "port",
                    str(1000 + number), "deny")


def follow(running, *words):
    command = [str(fw.CLI), "--runtime-dir", str(running.runtime_dir), "--json", *words, "events", "--follow"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=fw.ENVIRONMENT)


def read_until(client, condition):
    """The events up to the first that fits."""
    events = []
    for line in client.stdout:
        events.append(json.loads(line))
        if condition(events[-1]):
            return events
    raise AssertionError(f"the events ended: {client.stderr.read()}")


def test_what_happened_is_shown(idle):
    change_rules(idle, 2)
    events = idle.json("events")
    assert [row["number"] for row in events] == list(range(1, len(events) + 1))
    assert all(row["lost-before"] == 0 for row in events)
    assert [row["value"] for row in events if row["event"] == "policy"] == [1, 2, 3]
    assert idle.generation() == 3
    text = idle.ctl("events")
    assert text.splitlines()[0].split() == ["number", "time", "event", "subject", "value", "lost-before", "text"]


def test_drivers_that_come_and_go_are_told_as_it_happens(idle, tmp_path):
    shared_object = gadgets.build(tmp_path)
    client = follow(idle)
    try:
        read_until(client, lambda event: event["event"] == "policy")
        idle.ctl("driver", "load", shared_object)
        assert read_until(client, lambda event: event["event"] == "driver-loaded")[-1]["subject"] == "gadget"
        idle.ctl("driver", "unload", "gadget")
        assert read_until(client, lambda event: event["event"] == "driver-unloaded")[-1]["subject"] == "gadget"
    finally:
        client.kill()
        client.communicate()


def test_more_than_the_log_keeps(idle):
    """Who comes late gets the last 256; who slept gets what its ring held, and the count of what is gone."""
    client = follow(idle)
    try:
        read_until(client, lambda event: event["value"] == 1)
        client.send_signal(signal.SIGSTOP)
        change_rules(idle, 400)
        client.send_signal(signal.SIGCONT)
        events = read_until(client, lambda event: event["value"] == 401)
    finally:
        client.kill()
        client.communicate()
    kept = idle.json("events")
    assert len(kept) == 256 and kept[-1]["value"] == 401
    lost = sum(event["lost-before"] for event in events)
    assert lost > 0
    assert len(events) + lost == 400
    gaps = [later["number"] - earlier["number"] - 1 for earlier, later in zip(events, events[1:])]
    assert gaps == [event["lost-before"] for event in events[1:]]


def test_follow_ends_with_the_firmware(idle):
    client = follow(idle)
    read_until(client, lambda event: event["event"] == "policy")
    idle.stop()
    _, err = client.communicate(timeout=30)
    assert client.returncode == 4
    assert json.loads(err)["error"]["exit-code"] == 4


@pytest.mark.parametrize("words", [("events", "now"), ("info", "--follow")])
def test_bad_usage(idle, words):
    assert idle.try_ctl(*words).returncode == 2


def test_a_link_that_goes_is_told(firmware):
    """A TAP device whose carrier the kernel takes away is a link that is down."""
    host = policies.port("host0", "net_null0,no-rx=1")
    wire = policies.port("wire0", "net_tap0,iface=slev0")
    running = firmware(policies.document(host, wire, [policies.filter_driver("fw")], {}))
    subprocess.run(["ip", "link", "set", "slev0", "down"], check=True)
    link = fw.wait_until(lambda: [row for row in running.json("events") if row["event"] == "link"], "link event", 10)
    assert (link[0]["subject"], link[0]["value"], link[0]["text"]) == ("wire0", 0, "down")
