# SPDX-License-Identifier: BSD-3-Clause
"""The firmware with its verifier on: what it is told, and that the product's own drivers keep the contract."""
import json

import firmware as fw
import policies
import pytest

RULES = {"fw": [policies.ace("some", "in", "drop", {"tcp": {"destination-port": {"operator": "eq", "port": 22}}}, 100),
                policies.ace("all", "out", "count")]}


def busy_document():
    """Traffic in both directions through three drivers."""
    return policies.document(policies.port("host0", "net_null0", rx_pps=20000), policies.port("wire0", "net_null1", rx_pps=20000),
                             [policies.passthru_driver("p0"), policies.filter_driver("fw"), policies.passthru_driver("p1")],
                             RULES)


def boot(tmp_path, *words):
    """Runs a firmware that is expected to end by itself."""
    config = tmp_path / "boot.json"
    config.write_text(json.dumps(busy_document()))
    return fw.run([fw.FIRMWARE, "--config", config, "--runtime-dir", tmp_path / "run", *words, "--", *fw.EAL])


@pytest.mark.parametrize("word, said", [
    ("--verifier=maybe", "--verifier 'maybe': expected one of stop fail-closed fail-open count, such as: --verifier=stop"),
    ("--verifier-schedule=never", "expected one of inline later other-core random, such as: --verifier-schedule=inline"),
    ("--verifier-seed=dice", "expected a number from 0 to 4294967295"),
    ("--verifier-fail-call=0", "expected a number from 1 to 4294967295, such as: --verifier-fail-call 1"),
    ("--verifier-fail-allocation=-1", "expected a number from 1 to 4294967295"),
])
def test_bad_word_is_refused(binaries, tmp_path, word, said):
    done = boot(tmp_path, word)
    assert done.returncode == 2
    assert said in done.stderr


def test_help_tells_the_words(binaries):
    done = fw.run([fw.FIRMWARE, "--help"])
    for word in ("--verifier[=ACTION]", "fail-closed", "fail-open", "--verifier-schedule WHEN", "other-core"):
        assert word in done.stdout


def forwards_and_stops(firmware, **options):
    """Any violation would stop it: `stop` is the default action, and its fixture demands a clean end."""
    one = firmware(busy_document(), **options)
    for port in ("host0", "wire0"):
        fw.wait_until(lambda: one.sent(port) > 2000, f"traffic out of {port}")
    one.ctl("rule", "flush", "fw")
    sent = one.sent("wire0")
    fw.wait_until(lambda: one.sent("wire0") > sent + 1000, "traffic after a change")
    assert "im-contract" not in one.output()


def test_own_drivers_keep_the_contract(firmware):
    forwards_and_stops(firmware, verifier_seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["call", "allocation"])
@pytest.mark.parametrize("nth", [1, 2, 3, 5, 8, 13])
def test_failure_at_boot_leaves_nothing(binaries, tmp_path, kind, nth):
    done = boot(tmp_path, f"--verifier-fail-{kind}={nth}")
    assert done.returncode == 1
    assert "out of resources" in done.stderr or "no memory" in done.stderr
    assert "leak" not in done.stderr
    assert "im-contract" not in done.stderr
