# SPDX-License-Identifier: BSD-3-Clause
"""The arrows between the rooms of the house: who includes whom, read from the sources."""
import re
import subprocess

import firmware as fw
import pytest

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]', re.M)
ROOTS = [fw.REPO / "host-shim", fw.REPO / "dataplane", fw.REPO / "ctrlplane", fw.REPO / "fw"]
# room -> rooms that it may include besides itself; a room is a folder and all below it that has no room of its own
ROOMS = {
    "host-shim/abi": [],
    # the policy's meaning: one library that host and card share, so that both refuse the same
    "host-shim/policy": ["host-shim/abi"],
    # what both sides do where the other one takes shared memory away
    "host-shim/memory": [],
    "host-shim": ["host-shim/abi", "host-shim/policy", "host-shim/memory"],
    "dataplane/im": ["host-shim/abi"],
    "dataplane/flow": ["host-shim/abi", "dataplane/im"],
    "dataplane/classify": ["host-shim/abi", "dataplane/im"],
    "dataplane/drivers": ["host-shim/abi", "dataplane/im", "dataplane/flow", "dataplane/classify"],
    "dataplane/edge": ["host-shim/abi", "dataplane/im"],
    # a driver of DPDK's: of the core it knows the marks of levels, im/level.h
    "dataplane/hostport": ["host-shim/abi", "dataplane/im"],
    "dataplane": ["host-shim/abi", "dataplane/im", "dataplane/flow", "dataplane/classify", "dataplane/drivers",
                  "dataplane/edge", "dataplane/hostport"],
    "ctrlplane": ["host-shim/abi", "host-shim/policy", "host-shim/memory", "dataplane", "dataplane/im", "dataplane/flow",
                  "dataplane/classify", "dataplane/drivers", "dataplane/edge", "dataplane/hostport"],
    "fw": ["host-shim/abi", "host-shim/policy", "host-shim", "ctrlplane", "dataplane", "dataplane/im", "dataplane/flow",
           "dataplane/classify", "dataplane/drivers", "dataplane/edge", "dataplane/hostport"],
}
NO_DPDK = ("host-shim/abi", "host-shim/policy", "host-shim/memory", "host-shim")


def room_of(path):
    """The innermost room; each driver's folder is a room of its own."""
    parts = path.relative_to(fw.REPO).parts[:-1]
    if parts[:2] == ("dataplane", "drivers") and len(parts) > 2:
        return "/".join(parts[:3])
    return next((room for room in ("/".join(parts[:n]) for n in range(len(parts), 0, -1)) if room in ROOMS), None)


def allowed(room):
    return ROOMS["dataplane/drivers" if room.startswith("dataplane/drivers/") else room]


def sources():
    return [path for root in ROOTS for path in sorted(root.rglob("*.[ch]"))]


def resolve(includer, name):
    places = [includer.parent, *ROOTS]
    return next((place.joinpath(name).resolve() for place in places if place.joinpath(name).is_file()), None)


def edges():
    """(includer, its room, what it includes, the room of that) for every header of ours."""
    for path in sources():
        for _, name in INCLUDE.findall(path.read_text()):
            target = resolve(path, name)
            if target:
                yield path, room_of(path), target, room_of(target)


def test_arrows_go_down_only():
    """No file includes a header of a room that its own may not see."""
    seen, wrong = 0, []
    for path, room, target, target_room in edges():
        seen += 1
        if target_room != room and target_room not in allowed(room):
            wrong.append(f"{path.relative_to(fw.REPO)} includes {target.relative_to(fw.REPO)}")
    assert seen > 50, "includes were not found where they were looked for"
    assert not wrong, "\n".join(wrong)


def test_host_side_knows_no_dpdk():
    """Neither host-shim's sources nor the CLI's libraries are DPDK's."""
    wrong = [f"{path.relative_to(fw.REPO)} includes <{name}>" for path in sources() if room_of(path) in NO_DPDK
             for _, name in INCLUDE.findall(path.read_text()) if name.startswith("rte_")]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("program", [fw.CLI, fw.SHIM], ids=lambda program: program.name)
def test_host_programs_are_linked_without_dpdk(binaries, program):
    libraries = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    assert "libc.so" in libraries and "librte_" not in libraries


@pytest.mark.parametrize("source, target", [
    ("host-shim/cli/x.c", "dataplane/im/im.h"),
    ("dataplane/worker.c", "ctrlplane/x.h"),
    ("dataplane/im/x.c", "dataplane/drivers/filter/filter.h"),
    ("dataplane/drivers/filter/x.c", "dataplane/drivers/passthru/x.h"),
    ("dataplane/edge/x.c", "dataplane/classify/x.h"),
])
def test_the_check_can_fail(source, target):
    """Arrows that must not be are seen as such."""
    rooms = room_of(fw.REPO / source), room_of(fw.REPO / target)
    assert rooms[0] != rooms[1] and rooms[1] not in allowed(rooms[0])
