# SPDX-License-Identifier: BSD-3-Clause
"""Drivers come and go while the firmware runs."""
import json
import shutil

import firmware as fw
import gadgets
import policies
import pytest


@pytest.fixture(scope="module")
def shared_object(tmp_path_factory):
    return gadgets.build(tmp_path_factory.mktemp("drivers"))


@pytest.fixture
def busy(firmware):
    """Packets go through a filter without end, in both directions."""
    ports = [policies.port("host0", "net_null0,size=64", rx_pps=20_000),
             policies.port("wire0", "net_null1,size=64", rx_pps=20_000)]
    return firmware(policies.document(*ports, [policies.filter_driver("fw")]))


def drivers(running):
    return {row["name"]: row for row in running.json("driver", "list")}


def check_traffic(running):
    """Packets go on in both directions."""
    before = {name: running.sent(name) for name in ("host0", "wire0")}
    fw.wait_until(lambda: all(running.sent(name) > before[name] + 200 for name in before), "packets go on", 10)


def test_a_driver_is_loaded_used_and_unloaded_under_traffic(busy, shared_object):
    assert busy.ctl("driver", "load", shared_object) == "loaded driver gadget\n"
    row = drivers(busy)["gadget"]
    assert (row["kind"], row["source"], row["instances"]) == ("intermediate", "shared-object", 0)
    for _ in range(3):
        busy.ctl("stack", "insert", "main", "gadget", "g", "--bottom")
        check_traffic(busy)
        assert busy.json("driver", "unload", "--uninstall", "gadget") == {"driver": "gadget"}
        assert "gadget" not in drivers(busy)
        check_traffic(busy)
        assert busy.json("driver", "load", shared_object) == {"driver": "gadget"}
    busy.ctl("driver", "unload", "gadget")
    assert busy.json("drops") == []


def test_a_driver_has_a_name_that_commands_can_say(busy, tmp_path):
    refused = busy.try_ctl("driver", "load", gadgets.build(tmp_path, '-DNAME="foo bar"'))
    assert refused.returncode != 0
    assert "'foo bar' as its driver's name, which is not 1 to 31 of [A-Za-z0-9_.-]" in refused.stderr
    assert "foo bar" not in drivers(busy)
    check_traffic(busy)


def test_a_driver_in_use_stays(busy, shared_object):
    gadgets.load(busy, shared_object)
    refused = busy.try_ctl("driver", "unload", "gadget")
    assert refused.returncode == 1
    assert "gadget: driver is in use: it is g in stack main" in refused.stderr
    assert "driver unload --uninstall gadget" in refused.stderr
    assert json.loads(busy.try_ctl("--json", "driver", "unload", "filter").stderr)["error"]["status"] == "DRIVER_IN_USE"
    assert busy.try_ctl("driver", "unload", "wire-edge", "--uninstall").returncode == 3
    check_traffic(busy)


def test_unload_waits_for_an_open_handle(busy, shared_object):
    """The instances go at once; the driver when its last client closes. Meanwhile everybody else is served."""
    gadgets.load(busy, shared_object)
    holder = gadgets.start_call(busy, gadgets.SLEEP, (5000).to_bytes(4, "little"))
    fw.wait_until(lambda: gadgets.handles(busy)["gadget"] == 1, "the handle is open")
    unload = gadgets.start(busy, "--timeout", 60, "driver", "unload", "--uninstall", "gadget")
    fw.wait_until(lambda: [row["instance"] for row in busy.json("stack", "show")] == ["fw"], "the instance is gone")
    check_traffic(busy)
    busy.ctl("rule", "add", "in", "name", "meanwhile", "tcp", "count")
    busy.ctl("stack", "insert", "main", "passthru", "meanwhile")
    refused = busy.try_ctl("stack", "insert", "main", "gadget", "g2")
    assert refused.returncode == 1 and "it is being unloaded" in refused.stderr
    assert holder.poll() is None and unload.poll() is None, "the unload did not wait for the handle"
    _, err = holder.communicate(timeout=60)
    assert holder.returncode == 0, err
    out, err = unload.communicate(timeout=60)
    assert unload.returncode == 0, err
    assert out == "unloaded driver gadget\n"
    busy.ctl("driver", "load", shared_object)


def test_a_pended_call_does_not_keep_a_driver(busy, shared_object):
    """At uninstall the call ends with the instance, so that its client closes, and the driver goes."""
    gadgets.load(busy, shared_object)
    holder = gadgets.start_call(busy, gadgets.PEND)
    fw.wait_until(lambda: gadgets.counts(busy)["pended"] == 1, "the call pends")
    busy.ctl("driver", "unload", "--uninstall", "gadget")
    _, err = holder.communicate(timeout=60)
    assert holder.returncode == 1 and "is gone" in err
    assert "gadget" not in drivers(busy)


def test_builtin_drivers_go_and_come(busy):
    busy.ctl("stack", "insert", "main", "passthru", "tap")
    busy.ctl("driver", "unload", "--uninstall", "filter")
    check_traffic(busy)
    assert {name for name, row in drivers(busy).items() if row["kind"] == "intermediate"} == {"passthru"}
    refused = busy.try_ctl("rule", "add", "in", "tcp", "deny")
    assert refused.returncode == 3 and "no driver takes rules" in refused.stderr
    assert busy.ctl("driver", "load", "filter") == "loaded driver filter\n"
    busy.ctl("stack", "insert", "main", "filter", "fw")
    busy.ctl("rule", "add", "in", "tcp", "deny")
    check_traffic(busy)


def test_only_files_that_nobody_else_can_change_are_loaded(idle, shared_object, tmp_path):
    own = tmp_path / "own"
    own.mkdir(mode=0o755)
    copy = own / "copy.so"
    shutil.copy(shared_object, copy)

    def refuse(text, code=3):
        refused = idle.try_ctl("driver", "load", copy)
        assert refused.returncode == code, refused.stderr
        assert text in refused.stderr

    copy.chmod(0o666)
    refuse(f"{copy} can be written by others")
    copy.chmod(0o644)
    own.chmod(0o777)
    refuse(f"{own} can be written by others")
    own.chmod(0o755)
    idle.ctl("driver", "load", copy)
    refuse("a driver of this name is loaded", code=1)


def test_what_is_no_driver_is_refused(idle, tmp_path):
    text = tmp_path / "text.so"
    text.write_text("not a driver\n")
    text.chmod(0o644)
    for words, part in (([text], "no driver that this firmware can load"),
                        ([tmp_path / "missing.so"], "missing.so: No such file"),
                        ([tmp_path], "is not a file"),
                        (["nobody"], "'nobody' is not built in")):
        refused = idle.try_ctl("driver", "load", *words)
        assert refused.returncode == 3, refused.stderr
        assert part in refused.stderr and "example:" in refused.stderr
    assert "gadget" not in drivers(idle)
