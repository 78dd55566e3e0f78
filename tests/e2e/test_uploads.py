# SPDX-License-Identifier: BSD-3-Clause
"""Uploads that outlive their clients: who dies in the middle leaves what it sent to the next one, for as long as the lease is."""
import os
import signal
import struct

import firmware as fw
import mailboxclient
import pytest

BEGIN, CHUNK, VALIDATE, COMMIT, READ, STATUS, RESUME = 0x20, 0x21, 0x22, 0x23, 0x25, 0x26, 0x27
OK, GENERATION_MISMATCH, UNKNOWN, TAKEN = 0, 20, 53, 54


@pytest.fixture
def image(idle):
    """The policy in force, as it may be uploaded again."""
    with mailboxclient.Client(idle.runtime_dir) as client:
        status, length, data = client.call(READ, room=1 << 20)
        assert (status, len(data)) == (OK, length)
    return bytes(data)


def die_in_the_middle(running, image, lease_ms):
    """A client of its own process sends half, and is killed; gives the id of the upload and what was sent."""
    half = len(image) // 2
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            client = mailboxclient.Client(running.runtime_dir)
            _, upload, _ = client.call(BEGIN, len(image), lease_ms)
            client.call(CHUNK, 0, payload=image[:half])
            os.write(writer, struct.pack("<Q", upload))
            signal.pause()
        finally:
            os._exit(1)
    os.close(writer)
    upload = struct.unpack("<Q", os.read(reader, 8))[0]
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(reader)
    return upload, half


def describe(client, upload):
    status, received, data = client.call(STATUS, upload, room=24)
    return status, received, bool(data and data[20])


def test_another_client_goes_on(idle, image):
    upload, half = die_in_the_middle(idle, image, 600000)
    with mailboxclient.Client(idle.runtime_dir) as client:
        fw.wait_until(lambda: describe(client, upload) == (OK, half, False), "the dead client's upload is free", 10)
        assert client.call(RESUME, upload)[:2] == (OK, half)
        assert client.call(CHUNK, half, payload=image[half:])[0] == OK
        assert client.call(VALIDATE)[0] == OK
        assert client.call(COMMIT, 77)[0] == GENERATION_MISMATCH
    upload, half = die_in_the_middle(idle, image, 600000)
    with mailboxclient.Client(idle.runtime_dir) as client, mailboxclient.Client(idle.runtime_dir) as late:
        fw.wait_until(lambda: client.call(RESUME, upload)[0] == OK, "the dead client's upload is to be had", 10)
        assert late.call(RESUME, upload)[0] == TAKEN
        assert client.call(CHUNK, half, payload=image[half:])[0] == OK
        assert client.call(COMMIT, 1)[:2] == (OK, 2)
        assert late.call(RESUME, upload)[0] == UNKNOWN
    assert idle.generation() == 2
    assert idle.json("info")["uploads"] == 0


def test_a_lease_that_runs_out(idle, image):
    """Nobody comes: it is freed, counted and told. Without a lease nothing stays at all."""
    upload, _ = die_in_the_middle(idle, image, 200)
    fw.wait_until(lambda: idle.json("info")["uploads-expired"] == 1, "the lease runs out", 10)
    told = [event for event in idle.json("events") if event["event"] == "upload-expired"]
    assert [(event["subject"], event["value"]) for event in told] == [(f"user {os.getuid()}", upload)]
    upload, _ = die_in_the_middle(idle, image, 0)
    with mailboxclient.Client(idle.runtime_dir) as client:
        fw.wait_until(lambda: describe(client, upload)[0] == UNKNOWN, "it goes with its client", 10)
    info = idle.json("info")
    assert (info["uploads"], info["uploads-expired"]) == (0, 1)
