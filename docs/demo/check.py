#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Checks what came out of a firmware whose policy changed while a capture went through it.

usage: check.py {out|in} INPUT.pcap OUTPUT.pcap BOOT.json [CHANGE.json ...]

The output must be, byte for byte and in order, what the independent judge of tests/e2e lets pass, where the first
frames are judged by BOOT, then some by the first CHANGE, and so on; each policy takes over between two frames. And no
policy may be superfluous: without it the same output must have no explanation. Ends with 0 where that holds.
"""
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "e2e"))
import oracle  # noqa: E402
import pcapfile  # noqa: E402


def documents(boot, changes):
    """The whole document in force in each phase."""
    running = [json.loads(Path(boot).read_text())]
    for change in changes:
        running.append(oracle.with_rules(running[-1], json.loads(Path(change).read_text())))
    return running


def next_states(states, number, frame, passes, output):
    """
    One frame on. A state is (phase, frames that have come out); its value is the list of frame numbers at which the
    phases after the first began, on one way to get there.
    """
    after = {}
    for (phase, count), began in states.items():
        for later in range(phase, len(passes)):
            starts = began + [number] * (later - phase)
            if not passes[later][number]:
                after.setdefault((later, count), starts)
            elif count < len(output) and output[count] == frame:
                after.setdefault((later, count + 1), starts)
    return after


def find_phases(passes, frames, output):
    """Where each phase after the first began, or (None, number of the first frame that nothing explains)."""
    states = {(0, 0): []}
    for number, frame in enumerate(frames):
        states = next_states(states, number, frame, passes, output)
        if not states:
            return None, number
    return states.get((len(passes) - 1, len(output))), len(frames)


def superfluous(passes, frames, output):
    """A phase without which the output is explained as well, or None."""
    for phase in range(len(passes)):
        others = passes[:phase] + passes[phase + 1 :]
        if others and find_phases(others, frames, output)[0] is not None:
            return phase
    return None


def main(direction, input_path, output_path, boot, *changes):
    frames, output = pcapfile.read(input_path), pcapfile.read(output_path)
    judges = [oracle.Oracle(document) for document in documents(boot, changes)]
    passes = [[judge.judge(direction, frame).passes for frame in frames] for judge in judges]
    began, stuck = find_phases(passes, frames, output)
    counts = f"{direction}: {len(frames)} frames in, {len(output)} out"
    if began is None:
        print(f"check: FAILED, {counts}; no order of the policies explains the output (frame {stuck + 1} and before)")
        return 1
    names = [Path(path).stem for path in (boot, *changes)]
    unseen = superfluous(passes, frames, output)
    if unseen is not None:
        print(f"check: FAILED, {counts}; nothing in the output shows that {names[unseen]} was ever in force")
        return 1
    edges = [0, *began, len(frames)]
    spans = [f"{name} judged {end - start}" for name, start, end in zip(names, edges, edges[1:])]
    print(f"check: ok, {counts}, byte for byte as the judge says: {', '.join(spans)}")
    return 0


if __name__ == "__main__":
    if len(sys.argv) < 5 or sys.argv[1] not in ("in", "out"):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
