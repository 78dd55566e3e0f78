#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The man page of a program tells of the options that --help lists, each with its argument, and of no others.

usage: man_options.py PROGRAM PAGE
"""
import re
import subprocess
import sys

program, page = sys.argv[1:]
told = subprocess.run([program, "--help"], check=True, capture_output=True, text=True).stdout
listed = {name: argument or "" for name, argument in re.findall(r"^  --([a-z-]+)(?: ([A-Z]+))?\s{2,}", told, re.M)}
with open(page, encoding="utf-8") as file:
    text = file.read()
described = {name: argument or "" for name, argument in re.findall(r"^\.It Fl \\-([a-z-]+)(?: Ar ([A-Z]+))?$", text, re.M)}
shown = set(re.findall(r"^\.(?:Op )?Fl \\-([a-z-]+)", text, re.M))
if len(listed) < 5:
    sys.exit(f"{program} --help lists almost no options:\n{told}")
if listed != described:
    sys.exit(f"{page} describes {described}, --help lists {listed}")
if shown != listed.keys():
    sys.exit(f"{page}: the synopsis has {sorted(shown)}, --help lists {sorted(listed)}")
