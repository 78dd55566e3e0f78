# SPDX-License-Identifier: BSD-3-Clause
"""The demo: its checker accepts what the policies explain and nothing else, and a real run in fast motion passes it."""
import json
import subprocess
import sys

import firmware as fw
import oracle
import pcapfile
import pytest

DEMO = fw.REPO / "docs" / "demo"
NAMES = ("boot", "open", "tight")
PATHS = [DEMO / f"{name}.json" for name in NAMES]
CAPTURES = {"out": DEMO / "host.pcap", "in": DEMO / "wire.pcap"}
sys.path.insert(0, str(DEMO))
import check  # noqa: E402


def right_output(way, first, second):
    """What comes out when the policies change after so many frames."""
    frames = pcapfile.read(CAPTURES[way])
    judges = [oracle.Oracle(document) for document in check.documents(PATHS[0], PATHS[1:])]
    phases = [0 if at < first else 1 if at < second else 2 for at in range(len(frames))]
    return [frame for frame, phase in zip(frames, phases) if judges[phase].judge(way, frame).passes]


def swapped(frames):
    at = next(at for at in range(100, len(frames)) if frames[at] != frames[at + 1])
    return frames[:at] + [frames[at + 1], frames[at]] + frames[at + 2 :]


WRONG = {
    "one-missing": lambda frames: frames[:200] + frames[201:],
    "one-twice": lambda frames: frames[:200] + [frames[199]] + frames[200:],
    "two-swapped": swapped,
    "one-changed": lambda frames: frames[:200] + [frames[200][:-1] + bytes([frames[200][-1] ^ 1])] + frames[201:],
    "end-missing": lambda frames: frames[:-1],
    "nothing": lambda frames: [],
}


def verdict(way, output, tmp_path):
    pcapfile.write(tmp_path / "out.pcap", output)
    return check.main(way, CAPTURES[way], tmp_path / "out.pcap", *PATHS)


@pytest.mark.parametrize("way", CAPTURES)
@pytest.mark.parametrize("changes", [(300, 650), (40, 41 + 40), (800, 900)])
def test_checker_accepts(tmp_path, way, changes):
    assert verdict(way, right_output(way, *changes), tmp_path) == 0


@pytest.mark.parametrize("way", CAPTURES)
@pytest.mark.parametrize("kind", WRONG)
def test_checker_refuses(tmp_path, way, kind):
    assert verdict(way, WRONG[kind](right_output(way, 300, 650)), tmp_path) == 1


@pytest.mark.parametrize("changes", [(10**6, 10**6), (300, 300), (0, 300)], ids=["boot-only", "no-open", "no-boot"])
def test_checker_refuses_a_policy_that_never_ruled(tmp_path, changes):
    assert verdict("out", right_output("out", *changes), tmp_path) == 1


def test_demo_in_fast_motion(firmware, tmp_path):
    """Both captures at once, two changes under way; the checker explains both outputs."""
    boot = json.loads(PATHS[0].read_text())
    for port, way, back in zip(boot["sluice:ports"]["port"], ("out", "in"), ("to-host", "to-wire")):
        driver = port["devargs"].split(",")[0]
        port.update({"devargs": f"{driver},rx_pcap={CAPTURES[way]},tx_pcap={tmp_path}/{back}.pcap", "rx-pps": 250})
    running = firmware(boot)
    for path, packets in zip(PATHS[1:], (300, 600)):
        running.wait_rx("host0", packets)
        running.ctl("apply", path)
    running.wait_rx("host0", len(pcapfile.read(CAPTURES["out"])))
    running.wait_rx("wire0", len(pcapfile.read(CAPTURES["in"])))
    running.stop()
    assert check.main("out", CAPTURES["out"], tmp_path / "to-wire.pcap", *PATHS) == 0
    assert check.main("in", CAPTURES["in"], tmp_path / "to-host.pcap", *PATHS) == 0


@pytest.mark.slow
@pytest.mark.parametrize("script, says", [("demo.sh", "check: ok, in:"), ("null.sh", "are back")])
def test_demo_as_a_user_sees_it(binaries, script, says):
    """What ./dev demo runs, without hugepages: it ends well, and says so in its last lines."""
    environment = {**fw.ENVIRONMENT, "SLUICE_BUILD": str(fw.BUILD)}
    done = subprocess.run([DEMO / script, "--no-huge"], capture_output=True, text=True, timeout=180, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert any(says in line for line in done.stdout.splitlines()[-2:]), done.stdout
    assert not fw.sanitizer_report(done.stdout + done.stderr), done.stdout + done.stderr
