# SPDX-License-Identifier: BSD-3-Clause
"""The captures that stand beside the repository, as one list of frames that remembers where each comes from."""
from pathlib import Path

import crafted
import pcapfile

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "captures"


def load():
    """(frames, origins): origins[i] names the capture and the number (from 1) of frames[i]. Empty without captures."""
    frames, origins = [], []
    for path in sorted(FOLDER.glob("*.pcap*")):
        for number, frame in enumerate(pcapfile.read(path), 1):
            frames.append(frame)
            origins.append(f"{path.name} frame {number}")
    return frames, origins


def traffic():
    """The captures and the frames made by hand, as load() gives them."""
    frames, origins = load()
    made = crafted.frames()
    return frames + made, origins + [f"crafted frame {number}" for number in range(1, len(made) + 1)]
