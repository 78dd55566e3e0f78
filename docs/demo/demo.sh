#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The main job, on traffic that real programs sent: filter it, change the rules while it flows, and have an independent
# program check that exactly the right packets came out. Arguments go to the EAL. Called by ./dev demo.
set -euo pipefail
cd "$(dirname "$0")/../.."
. docs/demo/lib.sh

mkdir -p build/demo
rm -f build/demo/*.pcap

say 'The firmware boots: a recorded capture comes in on the host-side port, another on the wire-side port'
start docs/demo/boot.json "$@"
ctl info
ctl stack show
sleep 3

say 'The boot policy lets ARP and neighbour discovery through alone. A policy goes in over the mailbox, while packets flow'
ctl apply docs/demo/open.json
sleep 6
ctl rule list
ctl drops

say 'Once more: no VLAN 100, no connections from the wire, echo requests to 10.77.0.0/24 only'
ctl apply docs/demo/tight.json
sleep 6
ctl rule list
ctl port stats
ctl drops

say 'The rest of the capture, then the firmware drains, unloads and counts its buffers'
packets() { "$BUILD/host-shim/cli/sluicectl" --runtime-dir "$RUN" --json port stats | grep -o '"rx-packets": *[0-9]*'; }
before=
while after=$(packets) && [ "$before" != "$after" ]; do
	before=$after
	sleep 0.5
done
ctl stats
stop

say 'An independent program reads both captures and what came out of the ports'
policies=(docs/demo/boot.json docs/demo/open.json docs/demo/tight.json)
/usr/bin/python3 docs/demo/check.py out docs/demo/host.pcap build/demo/to-wire.pcap "${policies[@]}"
/usr/bin/python3 docs/demo/check.py in docs/demo/wire.pcap build/demo/to-host.pcap "${policies[@]}"
