#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Records host.pcap (what a host sends) and wire.pcap (what the wire sends) with real programs: two network
# namespaces of this script's own, joined by a veth pair, so that no packet leaves them. Needs root.
# usage: record.sh [folder]        (default: where this script stands)
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
folder=$(realpath "${1:-$here}")
host=sluice-host-$$ wire=sluice-wire-$$
scratch=$(mktemp -d)
pids=()

clean_up() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
    ip netns del "$host" 2>/dev/null || true
    ip netns del "$wire" 2>/dev/null || true
    rm -rf "$scratch"
}
trap clean_up EXIT

on_host() { ip netns exec "$host" "$@"; }
on_wire() { ip netns exec "$wire" "$@"; }

side() { # namespace, number of the side
    ip -n "$1" link set lo up
    ip -n "$1" link set eth0 address "02:00:00:00:00:0$2" gso_max_segs 1
    ip netns exec "$1" ethtool -K eth0 tx off rx off gso off gro off tso off >/dev/null 2>&1 || true
    ip -n "$1" addr add "10.77.0.$2/24" dev eth0
    ip -n "$1" addr add "fd77::$2/64" dev eth0 nodad
    ip -n "$1" link set eth0 up
}

topology() {
    ip netns add "$host"
    ip netns add "$wire"
    ip link add eth0 netns "$host" type veth peer name eth0 netns "$wire"
    side "$host" 1
    side "$wire" 2
}

# Answers every query with "no such name".
dns_server='
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("10.77.0.2", 53))
while True:
    query, client = server.recvfrom(2048)
    server.sendto(query[:2] + b"\x81\x83" + query[4:], client)
'

# Pings with an 802.1Q tag, id 100, without asking the kernel for a VLAN device: `vlan ping` and `vlan answer`.
vlan='
import socket, struct, sys
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
link.bind(("eth0", 0))

def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff

def frame(sender, receiver, kind, number):
    icmp = struct.pack(">BBHHH", kind, 0, 0, 100, number) + bytes(range(32))
    icmp = icmp[:2] + struct.pack(">H", checksum(icmp)) + icmp[4:]
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(icmp), number, 0, 64, 1, 0)
    ip += bytes([10, 78, 0, sender, 10, 78, 0, receiver])
    ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
    ends = bytes([2, 0, 0, 0, 0, receiver, 2, 0, 0, 0, 0, sender])
    return ends + struct.pack(">HHH", 0x8100, 100, 0x0800) + ip + icmp

if sys.argv[1] == "ping":
    for number in range(1, 3):
        link.send(frame(1, 2, 8, number))
while sys.argv[1] == "answer":
    # the kernel takes the tag off what it hands up
    request, address = link.recvfrom(2048)
    if address[2] != socket.PACKET_OUTGOING and request[26:34] == bytes([10, 78, 0, 1, 10, 78, 0, 2]):
        link.send(frame(2, 1, 0, struct.unpack(">H", request[40:42])[0]))
'

servers() {
    seq 300 >"$scratch/index.html"
    on_wire python3 -m http.server 80 -d "$scratch" >/dev/null 2>&1 & pids+=($!)
    on_host python3 -m http.server 8080 -d "$scratch" --bind :: >/dev/null 2>&1 & pids+=($!)
    on_wire python3 -c "$dns_server" >/dev/null 2>&1 & pids+=($!)
    on_wire python3 -c "$vlan" answer >/dev/null 2>&1 & pids+=($!)
    sleep 1
}

captures() {
    on_host tcpdump -i eth0 -Q out -U -w "$scratch/host.pcap" >/dev/null 2>&1 & pids+=($!)
    on_host tcpdump -i eth0 -Q in -U -w "$scratch/wire.pcap" >/dev/null 2>&1 & pids+=($!)
    sleep 1
}

# One turn of everything, so that the kinds of traffic lie close together over the whole capture.
one_round() {
    on_host ping -q -c 3 -i 0.05 10.77.0.2
    on_host curl -s -m 3 http://10.77.0.2/index.html
    on_host dig +tries=1 +time=1 @10.77.0.2 "name$1.example"
    on_host nc -z -w 1 10.77.0.2 22
    on_host ping -q -c 2 -i 0.05 fd77::2
    on_wire nc -z -w 1 10.77.0.1 22
    on_host python3 -c "$vlan" ping
    on_wire curl -s -m 3 'http://[fd77::1]:8080/index.html'
    on_host ping -q -c 1 -s 4000 10.77.0.2
    on_wire ping -q -c 2 -i 0.05 10.77.0.1
    on_host nc -z -w 1 fd77::2 23
}

topology
servers
captures
for round in $(seq 34); do
    one_round "$round" >/dev/null 2>&1 || true
    # the neighbours are asked for again now and then
    if [ $((round % 5)) = 0 ]; then ip -n "$host" neigh flush dev eth0 2>/dev/null || true; fi
done
sleep 1
cp "$scratch/host.pcap" "$scratch/wire.pcap" "$folder/"
