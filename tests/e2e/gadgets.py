# SPDX-License-Identifier: BSD-3-Clause
"""The test driver `gadget` (drivers/gadget.c): built as a shared object, loaded, and called through its control device."""
import os
import struct
import subprocess

import firmware as fw

SOURCE = fw.REPO / "tests" / "e2e" / "drivers" / "gadget.c"
ECHO, PEND, SLEEP, COUNTS = 1, 2, 3, 4


def build(folder, *options):
    """The shared object, in a folder that only we can write, as the firmware demands."""
    target = folder / "gadget.so"
    flags = subprocess.run(["pkg-config", "--cflags", "libdpdk"], check=True, capture_output=True, text=True).stdout
    command = [os.environ.get("CC", "cc"), "-std=gnu17", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE",
               "-DIM_SHARED", "-fPIC", "-shared", *flags.split(), f"-I{fw.REPO}/host-shim", f"-I{fw.REPO}/dataplane",
               *options, "-o", str(target), str(SOURCE)]
    subprocess.run(command, check=True)
    target.chmod(0o644)
    return target


def load(running, shared_object, stack="main", name="g", place="--top"):
    """Loads the driver and puts an instance of it into a stack."""
    running.ctl("driver", "load", shared_object)
    running.ctl("stack", "insert", stack, "gadget", name, place)


def start(running, *words):
    """A client that has not ended yet."""
    return subprocess.Popen([str(fw.CLI), "--runtime-dir", str(running.runtime_dir), *[str(word) for word in words]],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=fw.ENVIRONMENT)


def start_call(running, code, data=b"", timeout=60):
    return start(running, "--timeout", timeout, "device", "call", "gadget", code, data.hex())


def call(running, code, data=b""):
    """The bytes that the device answers."""
    return bytes.fromhex(running.json("device", "call", "gadget", code, data.hex())["hex"])


def counts(running):
    names = ("opened", "closed", "pended", "cancelled", "removed")
    return dict(zip(names, struct.unpack("<5I", call(running, COUNTS))))


def handles(running):
    return {row["name"]: row["handles"] for row in running.json("device", "list")}
