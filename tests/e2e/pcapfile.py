# SPDX-License-Identifier: BSD-3-Clause
"""Reads classic pcap (both byte orders, micro- and nanoseconds) and pcapng; writes classic pcap."""
import struct
from pathlib import Path

ETHERNET = 1
# libpcap refuses a larger snapshot length for Ethernet
SNAPLEN = 262144
_CLASSIC = {b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\xa1\xb2\x3c\x4d": ">"}
_SECTION, _INTERFACE, _SIMPLE, _ENHANCED = 0x0A0D0D0A, 1, 3, 6


class NotEthernet(ValueError):
    """The file's link type is another one."""


def _check_link(path, link):
    # above the lower 16 bits stand flags, such as the length of a frame check sequence
    if link & 0xFFFF != ETHERNET:
        raise NotEthernet(f"{path}: link type {link & 0xFFFF}, not Ethernet")


def _read_classic(path, data, order):
    _check_link(path, struct.unpack_from(order + "I", data, 20)[0])
    at = 24
    while at + 16 <= len(data):
        captured = struct.unpack_from(order + "I", data, at + 8)[0]
        at += 16
        if at + captured > len(data):
            break
        yield data[at : at + captured]
        at += captured


def _section_order(body):
    return "<" if body[:4] == b"\x4d\x3c\x2b\x1a" else ">"


def _read_pcapng(path, data):
    at, order, snaplens = 0, "<", []
    while at + 12 <= len(data):
        kind = struct.unpack_from(order + "I", data, at)[0]
        if kind == _SECTION:
            order, snaplens = _section_order(data[at + 8 :]), []
        length = struct.unpack_from(order + "I", data, at + 4)[0]
        body = data[at + 8 : at + length - 4]
        at += length
        if kind == _INTERFACE:
            link, _, snaplen = struct.unpack_from(order + "HHI", body)
            _check_link(path, link)
            snaplens.append(snaplen or SNAPLEN)
        elif kind == _ENHANCED:
            captured = struct.unpack_from(order + "I", body, 12)[0]
            yield body[20 : 20 + captured]
        elif kind == _SIMPLE:
            original = struct.unpack_from(order + "I", body)[0]
            yield body[4 : 4 + min(original, snaplens[0])]


def read(path):
    """The frames of a capture, as captured, in a list. Raises NotEthernet; ValueError where it is no capture."""
    data = Path(path).read_bytes()
    order = _CLASSIC.get(data[:4])
    if order:
        return list(_read_classic(path, data, order))
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        return list(_read_pcapng(path, data))
    raise ValueError(f"{path}: not a capture")


def write(path, frames):
    """Writes frames as a classic pcap, a microsecond apart."""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, SNAPLEN, ETHERNET))
        for number, frame in enumerate(frames):
            stamp = divmod(number, 1_000_000)
            out.write(struct.pack("<IIII", *stamp, len(frame), len(frame)) + frame)
