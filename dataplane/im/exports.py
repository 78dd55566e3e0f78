#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Print a linker's dynamic list of what drivers may use: every function and variable that the driver headers declare.

usage: exports.py HEADER... > driver.list
"""
import re
import sys

def declared(text):
    """Names of functions and variables that the header declares and does not define itself."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r"^#.*?(?<!\\)$", "", text, flags=re.M | re.S)
    variables = re.findall(r"^extern\s[^;()]*?\b(im_\w+)(?:\s+__attribute__\(\(.*?\)\))?;", text, flags=re.M)
    return variables + re.findall(r"^[A-Za-z_][\w \t*]*?\b(im_\w+)\([^;{}()]*(?:\([^()]*\)[^;{}()]*)*\);", text, flags=re.M)


def main():
    names = set()
    for path in sys.argv[1:]:
        with open(path) as header:
            names.update(declared(header.read()))
    print("{")
    for name in sorted(names):
        print(f"\t{name};")
    print("};")


main()
