#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Compares the marked parts of a man page with what sluicectl prints, or writes them anew.

usage: man_sections.py [--update] SLUICECTL PAGE
"""

import re
import subprocess
import sys

PART = re.compile(r'^\.\\" begin (?P<name>[^(]*) \(.*?^\.\\" end (?P=name)$', re.M | re.S)


def parts(text):
    return {match["name"]: match[0] for match in PART.finditer(text)}


def main():
    arguments = [a for a in sys.argv[1:] if a != "--update"]
    if len(arguments) != 2:
        sys.exit(__doc__)
    made = parts(subprocess.run([arguments[0], "help", "--man"], check=True, capture_output=True, text=True).stdout)
    with open(arguments[1], encoding="utf-8") as file:
        page = file.read()
    if not made:
        sys.exit("sluicectl help --man prints no marked parts")
    missing = made.keys() ^ parts(page).keys()
    if missing:
        sys.exit(f"parts that only one side has: {', '.join(sorted(missing))}")
    if "--update" in sys.argv:
        with open(arguments[1], "w", encoding="utf-8") as file:
            file.write(PART.sub(lambda match: made[match["name"]], page))
        return
    stale = [name for name, text in parts(page).items() if text != made[name]]
    if stale:
        sys.exit(f"{arguments[1]} differs from the tables in: {', '.join(stale)}\n"
                 f"example: {sys.argv[0]} --update {arguments[0]} {arguments[1]}")


main()
