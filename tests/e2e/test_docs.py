# SPDX-License-Identifier: BSD-3-Clause
"""The documents are true: their commands run, their examples are accepted, their links lead somewhere."""
import json
import re
import shlex

import firmware as fw
import hostside
import netns
import pytest

DOCUMENTS = [path for path in [fw.REPO / "README.md", *sorted((fw.REPO / "docs").glob("*.md"))] if path.exists()]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)")


def blocks(language):
    return [(path, body) for path in DOCUMENTS for kind, body in BLOCK.findall(path.read_text()) if kind == language]


def typed_commands():
    """Each line after `$ ` in a console block, continued lines joined: (document, command line)."""
    joined = [(path, body.replace("\\\n", " ")) for path, body in blocks("console")]
    return [(path, line[2:]) for path, body in joined for line in body.split("\n") if line.startswith("$ ")]


def words_of(line, program):
    """A program's words up to a pipe, a redirection or the end; None where another program is called."""
    words = shlex.split(line, comments=True)
    if not words or words[0].split("/")[-1] != program:
        return None
    end = next((at for at, word in enumerate(words) if word in ("|", ">", "<", "&", "&&", ";")), len(words))
    return words[1:end]


def lines_for(program):
    return sorted({(path.name, line) for path, line in typed_commands() if words_of(line, program) is not None})


@pytest.fixture(scope="module")
def help_of(binaries):
    def show(words):
        return fw.run([fw.CLI, *words, "--help"])

    return show


@pytest.mark.parametrize("document, line", lines_for("sluicectl"))
def test_cli_commands_exist(help_of, document, line):
    """With --help each command line is understood: its command and its options exist."""
    done = help_of(words_of(line, "sluicectl"))
    assert done.returncode == 0, f"{document}: {line}: {done.stderr}"


def example_rules():
    """The one-liners of policy.md, without the one that shows the syntax."""
    body = next(body for path, body in blocks("") if path.name == "policy.md" and "rule add" in body)
    return [line for line in body.strip().split("\n") if "[" not in line]


@pytest.mark.parametrize("line", example_rules())
def test_one_liners_are_accepted(idle, line):
    idle.ctl(*words_of(line, "sluicectl"))
    assert len(idle.hits()) == 3


@pytest.mark.parametrize("number", range(len([b for p, b in blocks("json") if p.name == "policy.md"])))
def test_documents_are_accepted(idle, number):
    """The JSON examples are documents; with the running ports and stacks their rules apply."""
    document = json.loads([body for path, body in blocks("json") if path.name == "policy.md"][number])
    idle.apply({key: value for key, value in document.items() if key.endswith(":acls")})


@pytest.mark.parametrize("option", ["--config", "--runtime-dir", "--workers", "--mbufs", "--max-rules"])
def test_firmware_options_exist(binaries, option):
    assert option in fw.run([fw.FIRMWARE, "--help"]).stdout


@pytest.mark.parametrize("document, line", lines_for("sluice-fw"))
def test_firmware_commands_exist(binaries, document, line):
    """The options before -- are ones that --help knows."""
    known = fw.run([fw.FIRMWARE, "--help"]).stdout
    own = words_of(line, "sluice-fw")
    own = own[: own.index("--")] if "--" in own else own
    unknown = [word for word in own if word.startswith("--") and word.split("=")[0] not in known]
    assert not unknown, f"{document}: {line}"


@pytest.mark.parametrize("option", ["--port", "--name", "--runtime-dir", "--queues", "--offloads", "--persist"])
def test_shim_options_exist(binaries, option):
    """Those that the guide names."""
    assert option in (fw.REPO / "docs" / "guide.md").read_text()
    assert option in fw.run([fw.SHIM, "--help"]).stdout


def test_a_host_uses_the_card_as_the_guide_says(binaries, tmp_path):
    """The policy is accepted, and every command does what it should, in namespaces of their own."""
    text = (fw.REPO / "docs" / "guide.md").read_text().split("## A host that uses the card")[1].split("\n## ")[0]
    (_, policy), (_, console) = BLOCK.findall(text)
    lines = [shlex.split(line[2:]) for line in console.strip().split("\n")]
    options = next(line for line in lines if line[0] == "sluice-shim")[1:]
    card = hostside.Card(json.loads(policy), tmp_path)
    try:
        netns.veth(card.wire, "wire", card.inside, "eth0")
        card.wire.address("wire", "192.0.2.2/24")
        card.start()
        card.shim(*options).wait_ready()
        for line in lines:
            if line[0] == "sluicectl":
                card.firmware.ctl(*line[1:])
            elif line[0] in ("ip", "ping"):
                card.host.run(*line)
        assert card.host.link("sluice0")["address"] == "02:00:00:00:51:01"
        assert card.firmware.sent("wire0") >= 3 and len(card.firmware.hits()) == 1
    finally:
        card.close()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files(path):
    targets = [target for target in LINK.findall(path.read_text()) if "://" not in target]
    missing = [target for target in targets if not (path.parent / target).exists()]
    assert not missing


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_json_blocks_are_json(path):
    for owner, body in blocks("json"):
        if owner == path:
            json.loads(body)


def test_demo_policies_fit_each_other():
    """The demo's changes name the drivers that it boots with."""
    demo = fw.REPO / "docs" / "demo"
    boot, *changes = [json.loads((demo / f"{name}.json").read_text()) for name in ("boot", "open", "tight")]
    drivers = {driver["name"] for driver in boot["sluice:stacks"]["stack"][0]["driver"]}
    for change in changes:
        assert {acl["name"] for acl in change["ietf-access-control-list:acls"]["acl"]} <= drivers


def test_demo_policies_apply(idle):
    """Each of them is accepted by a firmware that has a filter `fw`."""
    for name in ("boot", "open", "tight"):
        document = json.loads((fw.REPO / "docs" / "demo" / f"{name}.json").read_text())
        acls = {key: value for key, value in document.items() if key.endswith(":acls")}
        idle.apply(acls)
        assert len(idle.hits()) == len(acls["ietf-access-control-list:acls"]["acl"][0]["aces"]["ace"])
