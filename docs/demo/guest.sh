#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A host in a virtual machine, whose card is what `sluice-fw --bar FILE` serves on this machine: an ivshmem device with
# FILE as its memory. Its console, on this terminal, is a shell with sluicectl and sluice-shim. Arguments go to qemu.
#	guest.sh FILE [ARG ...]
# Called by ./dev guest, which fetches the kernel. `exit` switches the machine off, Ctrl-A X too.
set -euo pipefail
FILE=$(readlink -e "${1:?usage: guest.sh FILE [ARG ...]}") || { echo "guest.sh: there is no file '$1'" >&2; exit 1; }
shift
cd "$(dirname "$(readlink -f "$0")")/../.."
BUILD=${SLUICE_BUILD:-build/gcc}
KERNEL=build/guest
ADDRESS=0000:00:10.0

TEMPORARY=$(mktemp -d "${TMPDIR:-/tmp}/sluice-guest.XXXXXX")
trap 'rm -rf "$TEMPORARY"' EXIT
ROOT=$TEMPORARY/root

# A program, and the libraries that it loads: none where it is static.
take() {
	local library
	cp "$1" "$ROOT/bin/"
	for library in $(ldd "$1" 2>/dev/null | grep -o '/[^ ]*'); do
		mkdir -p "$ROOT$(dirname "$library")"
		cp -L "$library" "$ROOT$library"
	done
}

mkdir -p "$ROOT"/{bin,dev,proc,sys,tmp}
take "$(command -v busybox)"
cp "$KERNEL/tun.ko" "$ROOT/"
take "$BUILD/host-shim/cli/sluicectl"
take "$BUILD/host-shim/shim/sluice-shim"
cat >"$ROOT/init" <<END
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
insmod /tun.ko
ip link set lo up
echo "The card is at $ADDRESS: sluicectl --device $ADDRESS info"
setsid cttyhack sh
poweroff -f
END
chmod +x "$ROOT/init"
(cd "$ROOT" && find . | busybox cpio -o -H newc 2>/dev/null) | gzip -1 >"$TEMPORARY/initramfs"
# Found by its descriptor: nothing is left behind, however the machine ends.
exec 3<"$TEMPORARY/initramfs"
rm -rf "$TEMPORARY"

exec qemu-system-x86_64 "$@" -accel tcg -cpu max -M pc -m 512 -nodefaults -display none -serial mon:stdio -no-reboot \
	-kernel "$KERNEL/vmlinuz" -initrd /proc/self/fd/3 -append 'console=ttyS0 quiet panic=-1' \
	-object "memory-backend-file,id=card,mem-path=$FILE,size=$(stat -c %s "$FILE"),share=on" \
	-device "ivshmem-plain,id=slot,memdev=card,addr=${ADDRESS:8:2}"
