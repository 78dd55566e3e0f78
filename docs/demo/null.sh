#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Live throughput, once a second: packets of zeros from a null port through a passthru and a filter to another null port.
# Arguments go to the EAL. Called by ./dev demo --null.
set -euo pipefail
cd "$(dirname "$0")/../.."
. docs/demo/lib.sh

say 'Null ports: packets of zeros come and go as fast as the stack takes them, for ten seconds'
start docs/demo/null.json "$@"
ctl stack show
ctl stats --watch 1 --count 10
ctl drops
stop
