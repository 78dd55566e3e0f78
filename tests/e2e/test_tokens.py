# SPDX-License-Identifier: BSD-3-Clause
"""Tokens: a command whose client was cut off before it heard the answer is asked again, and done once."""
import struct

import firmware as fw
import mailboxclient

RULE_LIST, BEGIN, CHUNK, COMMIT, READ, RESUME, OID_SET, OPEN, CALL = 0x10, 0x20, 0x21, 0x23, 0x25, 0x27, 0x32, 0x41, 0x42
OK, REUSED, UNDER_WAY = 0, 56, 55
ADD = 1
TOKEN = 0x1234567890ABCDEF


def name(text):
    return text.encode().ljust(32, b"\0")


def cut_off(running, give, happened):
    """Gives a command over a connection that is closed when it has happened, its answer unheard."""
    client = mailboxclient.Client(running.runtime_dir)
    give(client)
    fw.wait_until(happened, "the command is executed", 20)
    client.close()


def ask_again(client, *words, **more):
    """Until the first one has come to its end."""
    return fw.wait_until(lambda: next((answer for answer in [client.call(*words, **more)] if answer[0] != UNDER_WAY), None),
                         "the answer of the first one", 20)


def a_rule(running):
    """One like the first of `fw`, of another name."""
    with mailboxclient.Client(running.runtime_dir) as client:
        _, _, data = client.call(RULE_LIST, payload=name("fw"), room=4096)
    return name("fw") + name("once-only") + bytes(data[32 + 64 : 32 + 160])


def test_a_rule_is_added_once(idle):
    rule = a_rule(idle)

    def add(client):
        _, handle, _ = client.call(OPEN, payload=name("filter"))
        client.give(CALL, handle, ADD, payload=rule, room=200, token=TOKEN)

    cut_off(idle, add, lambda: idle.generation() == 2)
    with mailboxclient.Client(idle.runtime_dir) as client:
        _, handle, _ = client.call(OPEN, payload=name("filter"))
        status, _, answer = ask_again(client, CALL, handle, ADD, payload=rule, room=200, token=TOKEN)
        assert (status, struct.unpack_from("<H", answer)[0], struct.unpack_from("<Q", answer, 16)[0]) == (OK, OK, 2)
        other = rule[:32] + name("another") + rule[64:]
        assert client.call(CALL, handle, ADD, payload=other, room=200, token=TOKEN)[0] == REUSED
        status, _, answer = client.call(CALL, handle, ADD, payload=rule, room=200, token=TOKEN + 1)
        assert struct.unpack_from("<H", answer)[0] != OK, "without its token it is another command, for a name that is there"
    assert idle.generation() == 2
    assert [row["name"] for row in idle.json("rule", "list") if row["name"] == "once-only"] == ["once-only"]


def test_a_commit_is_made_once(idle):
    with mailboxclient.Client(idle.runtime_dir) as client:
        image = bytes(client.call(READ, room=1 << 20)[2])

    def commit(client):
        client.call(BEGIN, len(image))
        client.call(CHUNK, 0, payload=image)
        client.give(COMMIT, 1, token=TOKEN)

    cut_off(idle, commit, lambda: idle.generation() == 2)
    with mailboxclient.Client(idle.runtime_dir) as client:
        assert ask_again(client, COMMIT, 1, token=TOKEN)[:2] == (OK, 2)
    assert idle.generation() == 2


def test_an_oid_is_set_once(idle):
    """What another one has set meanwhile is not set back."""
    def value():
        return idle.json("oid", "get", "fw", "GEN_CURRENT_PACKET_FILTER")

    payload = name("fw") + struct.pack("<III", 0x0001010E, 0, 5)
    before = value()
    cut_off(idle, lambda client: client.give(OID_SET, payload=payload, token=TOKEN), lambda: value() != before)
    idle.ctl("oid", "set", "fw", "GEN_CURRENT_PACKET_FILTER", "1")
    other = value()
    with mailboxclient.Client(idle.runtime_dir) as client:
        assert ask_again(client, OID_SET, payload=payload, token=TOKEN)[0] == OK
    assert value() == other
