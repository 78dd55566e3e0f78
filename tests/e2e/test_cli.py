# SPDX-License-Identifier: BSD-3-Clause
"""sluicectl: people and programs get the same cells, documents round-trip, counters stay with their rules' names."""
import json
import re
import subprocess

import crafted
import firmware as fw
import jsonschema
import pcapfile
import policies
import pytest

SCHEMA = fw.REPO / "docs" / "policy.schema.json"
COMPLETION = fw.REPO / "host-shim" / "cli" / "sluicectl.bash"
FRAMES = [crafted.ipv4(17, crafted.udp()), crafted.ipv6(6, crafted.tcp()), crafted.eth(0x0806, bytes(28))]


@pytest.fixture(scope="module")
def running(binaries, tmp_path_factory):
    """A firmware through which some packets have gone, so that there are counters and drops to show."""
    folder = tmp_path_factory.mktemp("cli")
    pcapfile.write(folder / "in.pcap", FRAMES * 10)
    host = policies.port("host0", f"net_pcap0,rx_pcap={folder}/in.pcap,tx_pcap={folder}/out.pcap")
    rules = {"fw": [policies.ace("no-udp", "out", "drop", {"udp": {}}, 10), policies.ace("all", "out", "count")]}
    document = policies.document(host, policies.port("wire0", "net_null0,no-rx=1"),
                                 [policies.filter_driver("fw"), policies.passthru_driver("tap")], rules)
    one = fw.Firmware(document, folder, max_rules=100).wait_ready()
    one.wait_rx("host0", 30)
    fw.wait_until(lambda: one.sent("wire0") == 20, "20 packets come out", 10)
    yield one
    one.stop()


LISTS = ["port list", "port stats", "driver list", "stack show", "rule list", "drops", "oid list fw", "oid list host0"]
# these change from one call to the next
MOVING = re.compile(r"cycles|share|uptime|polls|commands|clients|busy")


def cells(row):
    """A row's values as words that people see; what they see otherwise (units, empty cells) is left out."""
    steady = {name: value for name, value in row.items() if not MOVING.search(name)}
    return [str(value) for value in steady.values() if isinstance(value, (str, int)) and not isinstance(value, bool)
            and value != "" and not (isinstance(value, int) and value > 9999)]


@pytest.mark.parametrize("command", LISTS)
def test_text_and_json_agree(running, command):
    """As many rows in both, and each cell of the JSON stands in the text's line of that row."""
    rows = running.json(*command.split())
    lines = running.ctl(*command.split()).rstrip("\n").split("\n")[1:]
    assert rows, "nothing to compare"
    assert len(lines) == len(rows)
    for row, line in zip(rows, lines):
        missing = [cell for cell in cells(row) if cell not in line]
        assert not missing, f"{missing} of {row} not in: {line}"


@pytest.mark.parametrize("command", LISTS)
def test_rows_have_the_same_members(running, command):
    """Programs find every member in every row."""
    rows = running.json(*command.split())
    assert {tuple(row) for row in rows} == {tuple(rows[0])}


def test_info_text_and_json_agree(running):
    record, text = running.json("info"), running.ctl("info")
    assert len(text.strip().split("\n")) == len(record)
    for name in ("pid", "generation", "rule-budget", "boot-id", "version"):
        assert str(record[name]) in text
    assert record["pid"] == running.process.pid and record["rule-budget"] == 100


def test_stats_in_both_forms(running):
    assert "host0" in running.ctl("stats")
    assert "host0" in json.dumps(running.json("stats"))


def test_oid_values(running):
    """A link's MTU, and a value that is set and read back."""
    frame_size = running.json("oid", "get", "wire0", "GEN_MAXIMUM_FRAME_SIZE")
    assert "1500" in json.dumps(frame_size)
    assert "1500" in running.ctl("oid", "get", "wire0", "GEN_MAXIMUM_FRAME_SIZE")
    running.ctl("oid", "set", "tap", "GEN_CURRENT_PACKET_FILTER", "5")
    assert "5" in running.ctl("oid", "get", "tap", "GEN_CURRENT_PACKET_FILTER")


def test_show_config_is_what_apply_reads(running):
    """show config | apply changes nothing but the generation."""
    document, hits, generation = running.show_config(), running.hits(), running.generation()
    running.apply(document)
    assert (running.show_config(), running.hits()) == (document, hits)
    assert running.generation() == generation + 1


def schema_check(document):
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(document)


def test_schema_accepts_show_config(running):
    schema_check(running.show_config())


def test_schema_accepts_the_policies_of_these_tests():
    for drivers, rules in policies.CAPTURE_POLICIES.values():
        schema_check(policies.null_document(rules, drivers))
        schema_check(policies.acls(**rules))


@pytest.mark.parametrize("bad", [
    {"sluice:ports": {"port": [{"name": "host 0", "devargs": "net_null0"}]}},
    {"sluice:ports": {"port": [{"name": "host0", "devargs": "net_null0", "queues": 17}]}},
    policies.acls(fw=[policies.ace("r", "sideways", "drop")]),
    policies.acls(fw=[policies.ace("r", "in", "reject")]),
    policies.acls(fw=[policies.ace("r", "in", "drop", {"sluice:vlan-id": 4096})]),
], ids=["name", "queues", "direction", "action", "vlan"])
def test_schema_refuses(bad):
    with pytest.raises(jsonschema.ValidationError):
        schema_check(bad)


def numbers(running):
    return {rule: packets for (_, rule), (packets, _) in running.hits().items()}


@pytest.fixture
def flowing(firmware, tmp_path):
    """1 000 UDP packets a second from the host to the wire, for a minute."""
    pcapfile.write(tmp_path / "in.pcap", [FRAMES[0]] * 60_000)
    host = policies.port("host0", f"net_pcap0,rx_pcap={tmp_path}/in.pcap,tx_pcap={tmp_path}/out.pcap", rx_pps=1000)
    document = policies.document(host, policies.port("wire0", "net_null0,no-rx=1"), [policies.filter_driver("fw")])
    return firmware(document)


def test_life_of_a_rule(flowing):
    """add counts hits, replace and apply keep the counter, delete and flush take it away, a new one starts at 0."""
    flowing.ctl("rule", "add", "name", "watch", "out", "priority", "5", "udp", "count")
    fw.wait_until(lambda: numbers(flowing)["watch"] > 50, "hits", 10)
    seen = numbers(flowing)["watch"]
    flowing.ctl("rule", "replace", "name", "watch", "out", "priority", "5", "tcp", "count")
    kept = numbers(flowing)["watch"]
    assert kept >= seen and numbers(flowing)["watch"] == kept, "kept, and TCP rules see no UDP"
    document = flowing.show_config()
    flowing.apply(document)
    assert numbers(flowing)["watch"] == kept
    flowing.ctl("rule", "add", "name", "other", "out", "udp", "count")
    fw.wait_until(lambda: numbers(flowing)["other"] > 0, "hits of the other rule", 10)
    flowing.ctl("rule", "delete", "watch")
    assert set(numbers(flowing)) == {"other"}
    flowing.ctl("rule", "add", "name", "watch", "out", "tcp", "count")
    assert numbers(flowing)["watch"] == 0
    flowing.ctl("rule", "flush")
    assert numbers(flowing) == {}


def test_deny_and_allow_take_effect(flowing):
    """A rule typed by hand stops the packets, and their absence is seen; deleting it lets them through again."""
    fw.wait_until(lambda: flowing.sent("wire0") > 0, "packets before the rule", 10)
    flowing.ctl("rule", "add", "name", "stop", "out", "udp", "to", "10.0.0.0/8", "port", "53", "deny")
    sent = flowing.sent("wire0")
    fw.wait_until(lambda: numbers(flowing)["stop"] > 200, "denied packets", 10)
    assert flowing.sent("wire0") == sent
    flowing.ctl("rule", "delete", "stop")
    fw.wait_until(lambda: flowing.sent("wire0") > sent, "packets after the rule", 10)


def test_names_are_picked_for_rules_without(idle):
    idle.ctl("rule", "add", "in", "tcp", "deny")
    idle.ctl("rule", "add", "in", "udp", "deny")
    assert len(idle.hits()) == 4


# one-liner -> what show config has for it
ONE_LINERS = {
    "in priority 100 tcp from 10.0.0.0/8 to any port 22 deny": {
        "ipv4": {"source-ipv4-network": "10.0.0.0/8"}, "tcp": {"destination-port": {"operator": "eq", "port": 22}}},
    "out tcp from any to 2001:db8::/32 port 8000-8999 allow": {
        "ipv6": {"destination-ipv6-network": "2001:db8::/32"},
        "tcp": {"destination-port": {"lower-port": 8000, "upper-port": 8999}}},
    "in icmp type 8 count": {"icmp": {"type": 8}},
    "in icmpv6 type 128 count": {"icmp": {"type": 128}, "ipv6": {}},
    "in vlan 100 mac from 02:00:00:00:00:00/ff:00:00:00:00:00 deny": {
        "sluice:vlan-id": 100, "eth": {"source-mac-address": "02:00:00:00:00:00",
                                       "source-mac-address-mask": "ff:00:00:00:00:00"}},
    "in tcp flags syn/syn,ack from any port 1-1023 deny": {
        "tcp": {"flags": "syn", "sluice:flags-mask": "syn ack",
                "source-port": {"lower-port": 1, "upper-port": 1023}}},
    "out ethertype arp allow": {"eth": {"ethertype": "0x0806"}},
}


def normal(value):
    """Words of flags in any order, EtherTypes as numbers, an IPv4 object that is implied anyway."""
    if isinstance(value, dict):
        return {key: normal(item) for key, item in value.items() if not (key == "ipv4" and item == {})}
    if isinstance(value, str) and re.fullmatch("0x[0-9a-fA-F]+", value):
        return int(value, 16)
    return " ".join(sorted(value.split())) if isinstance(value, str) else value


@pytest.mark.parametrize("line", ONE_LINERS)
def test_one_liner_means_this_document(idle, line):
    """What is typed and what is written in JSON are the same rule."""
    idle.ctl("rule", "flush")
    idle.ctl("rule", "add", *line.split())
    ace = idle.show_config()["ietf-access-control-list:acls"]["acl"][0]["aces"]["ace"][0]
    assert normal(ace["matches"]) == normal(ONE_LINERS[line])
    assert ace["sluice:direction"] == line.split()[0]


def test_dry_run_and_expected_generation(idle, tmp_path):
    """--dry-run changes nothing; a generation that has passed is refused."""
    path = tmp_path / "rules.json"
    path.write_text(json.dumps(policies.acls(fw=[policies.ace("new", "in", "drop")])))
    before = idle.show_config(), idle.generation()
    idle.ctl("apply", "--dry-run", path)
    assert idle.try_ctl("apply", "--expect-generation", before[1] + 1, path).returncode != 0
    assert (idle.show_config(), idle.generation()) == before
    idle.ctl("apply", "--expect-generation", before[1], path)
    assert idle.generation() == before[1] + 1


def test_errors_are_json_for_programs(idle):
    done = idle.try_ctl("--json", "rule", "delete", "nobody")
    error = json.loads(done.stderr)["error"]
    assert done.returncode == error["exit-code"] and "nobody" in error["message"]


def complete(words, runtime_dir="/nonexistent"):
    """What the bash completion proposes for the last of the words."""
    script = f"""
        source {COMPLETION}
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${{#COMP_LINE}}
        function_name=$(complete -p sluicectl | sed 's/.*-F \\([^ ]*\\).*/\\1/')
        $function_name sluicectl "${{@: -1}}" "${{@: -2:1}}"
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    environment = {**fw.ENVIRONMENT, "PATH": f"{fw.CLI.parent}:{fw.ENVIRONMENT['PATH']}",
                   "SLUICE_RUNTIME_DIR": str(runtime_dir)}
    done = subprocess.run(["bash", "-c", script, "bash", *words], capture_output=True, text=True, env=environment)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return [word.strip() for word in done.stdout.split("\n") if word.strip()]


@pytest.mark.parametrize("words, wanted", [
    (["sluicectl", ""], {"info", "port", "rule", "apply", "show", "drops"}),
    (["sluicectl", "po"], {"port"}),
    (["sluicectl", "rule", ""], {"add", "delete", "list", "flush", "replace"}),
    (["sluicectl", "rule", "add", "in", "priority", "5", "tc"], {"tcp"}),
    (["sluicectl", "--js"], {"--json"}),
], ids=["commands", "prefix", "second-word", "rule-words", "options"])
def test_completion_of_words(binaries, words, wanted):
    assert wanted <= set(complete(words))


def test_completion_of_running_names(running):
    """Names of rules and drivers come from the firmware."""
    assert "no-udp" in complete(["sluicectl", "rule", "delete", ""], running.runtime_dir)
    assert "fw" in complete(["sluicectl", "rule", "list", ""], running.runtime_dir)
