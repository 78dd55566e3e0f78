# SPDX-License-Identifier: BSD-3-Clause
"""What ./dev says to wrong words, before it installs or builds anything: a checkout of its own, without tools."""
import os
import subprocess

import firmware as fw
import pytest

USAGE = "usage: ./dev VERB"


class Checkout:
    """A copy of ./dev, whose programs for installing and building only write down that they were called."""

    def __init__(self, folder):
        self.folder, self.tools, self.calls = folder / "checkout", folder / "tools", folder / "calls"
        (self.folder / "docs" / "demo").mkdir(parents=True)
        (self.folder / "build" / "guest").mkdir(parents=True)
        (self.folder / "build" / "guest" / "vmlinuz").touch()
        self.tools.mkdir()
        (self.folder / "dev").write_bytes((fw.REPO / "dev").read_bytes())
        (self.folder / "dev").chmod(0o755)
        for name in ("meson", "ninja", "apt-get", "sudo"):
            self._program(self.tools / name, f'echo {name} >>"{self.calls}"')
        self._program(self.tools / "dpkg-query", "echo install ok installed")
        self._program(self.folder / "docs" / "demo" / "guest.sh", 'printf "<%s>" "$@"')

    @staticmethod
    def _program(path, text):
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def dev(self, *words, folder):
        environment = {**os.environ, "PATH": f"{self.tools}:{os.environ['PATH']}"}
        return subprocess.run([self.folder / "dev", *words], cwd=folder, env=environment, capture_output=True, text=True,
                              timeout=60, stdin=subprocess.DEVNULL)

    def called(self):
        return self.calls.read_text().split() if self.calls.exists() else []


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


def refused(checkout, folder, *words):
    """What it says to its standard error."""
    done = checkout.dev(*words, folder=folder)
    assert done.returncode == 1 and not done.stdout and not checkout.called(), done
    return done.stderr


def test_a_verb_that_there_is_not(checkout, tmp_path):
    said = refused(checkout, tmp_path, "biuld")
    assert USAGE in said and "there is no verb 'biuld'" in said


@pytest.mark.parametrize("words", [["guest", "--help"], ["guest", "-h"], ["--help"], []])
def test_help(checkout, tmp_path, words):
    done = checkout.dev(*words, folder=tmp_path)
    assert done.returncode == 0 and USAGE in done.stdout and not checkout.called()


@pytest.mark.parametrize("words, says", [([], "sluice-fw --bar serves\n"), (["-m", "512"], "serves, not '-m'\n")])
def test_a_guest_without_a_file(checkout, tmp_path, words, says):
    said = refused(checkout, tmp_path, "guest", *words)
    assert USAGE in said and says in said


@pytest.mark.parametrize("name", ["card", "folder/card", "folder", "/no/such/folder/card"])
def test_a_guest_whose_file_is_not_there(checkout, tmp_path, name):
    """It is named as a whole, with commands that make one."""
    if name == "folder":
        (tmp_path / name).mkdir()
    said = refused(checkout, tmp_path, "guest", name)
    assert f"there is no file '{tmp_path / name}'" in said
    assert "truncate -s 16M /dev/shm/card\n" in said and "sluice-fw --config host.json --bar /dev/shm/card\n" in said


@pytest.mark.parametrize("size", [0, 5 << 20])
def test_a_guest_whose_file_has_no_size_for_a_card(checkout, tmp_path, size):
    with open(tmp_path / "card", "wb") as file:
        file.truncate(size)
    said = refused(checkout, tmp_path, "guest", "card")
    assert f"'{tmp_path / 'card'}' has {size} bytes" in said and "truncate -s 16M" in said


def test_a_guest_gets_the_callers_file(checkout, tmp_path):
    """A relative path counts from where ./dev was called. The arguments behind it are left as they are."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    with open(folder / "card", "wb") as file:
        file.truncate(1 << 20)
    for name in ("card", folder / "card"):
        done = checkout.dev("guest", name, "-m", "1 g", folder=folder)
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith(f"<{folder / 'card'}><-m><1 g>"), done.stdout
    assert "ninja" in checkout.called()
