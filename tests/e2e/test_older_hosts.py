# SPDX-License-Identifier: BSD-3-Clause
"""Hosts that are older than the card: they get the records that they know."""
import struct

import mailboxclient
import pytest

PORT_LIST, OK, BAD_LENGTH = 0x02, 0, 2
LIST, NEWEST = 32, 2  # bytes before the records, and the minor of this card


def records(running, minor, room=1 << 20):
    """The status of a list of the ports, its header (count, record_size, next, total) and the records."""
    with mailboxclient.Client(running.runtime_dir, minor) as client:
        status, _, answer = client.call(PORT_LIST, room=room)
    if status != OK:
        return status, None, []
    count, size, following, total = struct.unpack_from("<4I", answer)
    assert len(answer) == LIST + count * size
    return status, (count, size, following, total), [answer[LIST + i * size : LIST + (i + 1) * size] for i in range(count)]


@pytest.mark.parametrize("minor, size", [(0, 688), (1, 688), (NEWEST, 736), (NEWEST + 7, 736)])
def test_ports(idle, minor, size):
    """The first two minors take no other size. What they know of each port is what `sluicectl` says."""
    status, header, ports = records(idle, minor)
    assert (status, header) == (OK, (2, size, 0, 2))
    rows = idle.json("port", "list")
    assert [port[:32].rstrip(b"\0").decode() for port in ports] == [row["name"] for row in rows]
    assert [port[576:608].rstrip(b"\0").decode() for port in ports] == [row["stack"] for row in rows]
    assert [port[610:616].hex(":") for port in ports] == [row["mac"] for row in rows]


@pytest.mark.parametrize("minor, size", [(1, 688), (NEWEST, 736)])
def test_pages(idle, minor, size):
    """A page holds as many as there is room for in the size that this host gets."""
    assert records(idle, minor, LIST + size - 1)[0] == BAD_LENGTH
    status, header, ports = records(idle, minor, LIST + 2 * size - 1)
    assert (status, header, len(ports)) == (OK, (1, size, 1, 2), 1)
