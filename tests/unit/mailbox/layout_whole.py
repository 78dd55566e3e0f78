# SPDX-License-Identifier: BSD-3-Clause
"""layout_whole.py ABI_DIR LAYOUT: every record of the headers has its place in the table of layouts."""
import pathlib
import re
import sys

headers, layout = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).read_text(encoding="utf-8")
declared = {name for header in headers.glob("*.h") for name in re.findall(r"^struct (\w+)\s*\{", header.read_text(encoding="utf-8"), re.M)}
written = set(re.findall(r"\bR\((sluice_\w+),", layout))
assert len(declared) > 30, f"only {len(declared)} records were found in {headers}"
if declared != written:
    sys.exit(f"without a layout: {sorted(declared - written)}; without a record: {sorted(written - declared)}")
