# SPDX-License-Identifier: BSD-3-Clause
"""Roles by group: operators change, tenants look, and others are turned away."""
import os

import firmware as fw
import policies
import pytest

OPERATORS, TENANTS, OTHERS = 70001, 70003, 70009
NOBODY = 65534


@pytest.fixture
def running(firmware):
    rules = {"fw": [policies.ace("all", "out", "count")]}
    one = firmware(policies.null_document(rules), operator_group=OPERATORS, tenant_group=TENANTS)
    os.chmod(one.runtime_dir, 0o755)
    return one


def as_member(running, group, *words):
    return fw.run([fw.CLI, "--runtime-dir", running.runtime_dir, *words], user=NOBODY, group=NOBODY, extra_groups=[group])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be others")
def test_groups(running):
    assert as_member(running, TENANTS, "rule", "list").returncode == 0
    refused = as_member(running, TENANTS, "rule", "flush", "fw")
    assert refused.returncode == 5 and "not permitted for this role" in refused.stderr
    stranger = as_member(running, OTHERS, "rule", "list")
    assert stranger.returncode == 5 and "not permitted" in stranger.stderr
    assert as_member(running, OPERATORS, "rule", "flush", "fw").returncode == 0
    assert running.json("info")["generation"] == 2


def test_a_group_that_is_not_there(binaries, tmp_path):
    done = fw.run([fw.FIRMWARE, "--operator-group", "no-such-group"])
    assert done.returncode == 2
    assert "--operator-group 'no-such-group': there is no such group" in done.stderr
