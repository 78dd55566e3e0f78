# SPDX-License-Identifier: BSD-3-Clause
# What both demos share: a firmware of their own in a private directory, gone when they end.
BUILD=${SLUICE_BUILD:-build/gcc}
RUN=$(mktemp -d "${TMPDIR:-/tmp}/sluice-demo.XXXXXX")
FIRMWARE=

say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }

ctl() {
	printf '\033[2m$ sluicectl %s\033[0m\n' "$*"
	"$BUILD/host-shim/cli/sluicectl" --runtime-dir "$RUN" "$@"
}

start() {
	local config=$1
	shift
	printf '\033[2m$ sluice-fw --config %s\033[0m\n' "$config${*:+ -- $*}"
	"$BUILD/fw/sluice-fw" --config "$config" --runtime-dir "$RUN" -- "$@" >"$RUN/log" 2>&1 &
	FIRMWARE=$!
	until grep -q 'sluice-fw: ready' "$RUN/log"; do
		kill -0 "$FIRMWARE" 2>/dev/null || { cat "$RUN/log" >&2; exit 1; }
		sleep 0.05
	done
}

stop() {
	local firmware=$FIRMWARE status=0
	FIRMWARE=
	kill -TERM "$firmware"
	wait "$firmware" || status=$?
	tail -n 1 "$RUN/log"
	return "$status"
}

finish() {
	[ -n "$FIRMWARE" ] && kill -TERM "$FIRMWARE" 2>/dev/null && wait "$FIRMWARE"
	rm -rf "$RUN"
}
trap finish EXIT
