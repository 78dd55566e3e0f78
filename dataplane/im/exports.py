#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Print a linker's dynamic list of what drivers may call: every function that the driver headers declare.

usage: exports.py HEADER... > driver.list
"""
import re
import sys

# Inline functions of worker.h use this variable.
VARIABLES = ["im_this_worker"]


def declared(text):
    """Names of functions that the header declares and does not define itself."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r"^#.*?(?<!\\)$", "", text, flags=re.M | re.S)
    return re.findall(r"^[A-Za-z_][\w \t*]*?\b(im_\w+)\([^;{}()]*(?:\([^()]*\)[^;{}()]*)*\);", text, flags=re.M)


def main():
    names = set(VARIABLES)
    for path in sys.argv[1:]:
        with open(path) as header:
            names.update(declared(header.read()))
    print("{")
    for name in sorted(names):
        print(f"\t{name};")
    print("};")


main()
