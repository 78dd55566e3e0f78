#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# docs/abi.md must be what the tables say now.
"$1" | diff -u "$2" - && exit 0
echo "docs/abi.md is not what the tables say; make it anew: build/gcc/docs/abi-tables > docs/abi.md" >&2
exit 1
