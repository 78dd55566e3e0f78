# SPDX-License-Identifier: BSD-3-Clause
"""What is wrong is refused: non-zero status, words that name the place and show an example, and nothing changes."""
import copy
import json
import os
import re

import firmware as fw
import policies
import pytest

DROP_ALL = policies.ace("r", "in", "drop")


def changed(change):
    """A good document after change(document)."""
    document = policies.null_document({"fw": [DROP_ALL]})
    change(document)
    return document


def stack_of(document):
    return document["sluice:stacks"]["stack"][0]


def port_of(document):
    return document["sluice:ports"]["port"][0]


def rule(matches=None, **members):
    """Two rules, of which the second one is bad."""
    return [DROP_ALL, {**policies.ace("bad", "in", "drop", matches), **members}]


def line_of(text, needle):
    """Number of the line that holds needle, which must be one."""
    lines = [number for number, line in enumerate(text.split("\n"), 1) if needle in line]
    assert len(lines) == 1, f"{needle!r} stands in lines {lines}"
    return lines[0]


def check_words(done, words):
    assert done.returncode != 0, f"accepted: {done.stdout}"
    assert done.returncode > 0, f"ended by signal {-done.returncode}: {done.stderr}"
    said = done.stderr + done.stdout
    missing = [word for word in words if word.lower() not in said.lower()]
    assert not missing, f"{missing} not in:\n{said}"


def boot(config, runtime_dir, eal=fw.EAL, **options):
    """Runs a firmware that is expected to end by itself."""
    return fw.run(fw.command_line(config, runtime_dir, eal, **options), seconds=60)


# name -> (document, text in the line of the fault or None, words)
BAD_DOCUMENTS = {
    "unknown-driver": (changed(lambda d: stack_of(d)["driver"][0].update(type="firewall9000")), "firewall9000",
                       ["/sluice:stacks/stack[0]/driver[0]/type: unknown driver", "filter passthru"]),
    "driver-without-type": (changed(lambda d: stack_of(d)["driver"][0].pop("type")), None,
                            ['driver[0]: member "type" is missing']),
    "unknown-port": (changed(lambda d: stack_of(d).update({"upper-port": "nowhere"})), "nowhere",
                     ["/sluice:stacks/stack[0]/upper-port: unknown port"]),
    "port-used-twice": (changed(lambda d: stack_of(d).update({"upper-port": "wire0"})), None,
                        ["/sluice:stacks/stack[0]", "port is used by two"]),
    "duplicate-port": (changed(lambda d: d["sluice:ports"]["port"].append(policies.port("host0", "net_null7"))),
                       None, ["/sluice:ports/port[2]/name: name is used twice"]),
    "duplicate-driver": (changed(lambda d: stack_of(d)["driver"].append(policies.filter_driver("fw"))), None,
                         ["driver[1]/name: name is used twice"]),
    "driver-named-as-port": (changed(lambda d: (stack_of(d)["driver"][0].update(name="host0"),
                                                d.update(policies.acls(host0=[DROP_ALL])))), None, ["used twice"]),
    "duplicate-rule": (changed(lambda d: d.update(policies.acls(fw=[DROP_ALL, DROP_ALL]))), None,
                       ["ace[1]/name: name is used twice"]),
    "acl-for-nobody": (changed(lambda d: d.update(policies.acls(nobody=[DROP_ALL]))), "nobody", ["/acl[0]", "nobody"]),
    "acl-for-passthru": (policies.null_document({"tap": [DROP_ALL]}, [policies.passthru_driver("tap")]), None,
                         ["takes no rules"]),
    "queues-0": (changed(lambda d: port_of(d).update(queues=0)), "queues", ["/sluice:ports/port[0]/queues", "16"]),
    "mtu-67": (changed(lambda d: port_of(d).update(mtu=67)), "mtu", ["/sluice:ports/port[0]/mtu", "68"]),
    "name-with-blank": (changed(lambda d: port_of(d).update(name="host 0")), "host 0", ["port[0]/name"]),
    "name-too-long": (changed(lambda d: port_of(d).update(name="x" * 32)), "x" * 32, ["port[0]/name"]),
    "unknown-member": (changed(lambda d: port_of(d).update(speed="fast")), "speed", ["speed"]),
    "number-for-text": (changed(lambda d: port_of(d).update(devargs=5)), ": 5",
                        ["/sluice:ports/port[0]/devargs: expected a string"]),
}

ACES = "/ietf-access-control-list:acls/acl[0]/aces/ace[1]"
V4, TCP = {"source-ipv4-network": "10.0.0.0/8"}, {"destination-port": {"operator": "eq", "port": 22}}
# name -> (rules, text in the line of the fault or None, words)
BAD_RULES = {
    "both-families": (rule({"ipv4": V4, "ipv6": {}}), None, [ACES + "/matches/ipv6", "no packet can match"]),
    "ports-without-protocol": (rule({"ipv4": {**V4, "protocol": 47}, "tcp": TCP}), None, [ACES, "protocols 47 and 6"]),
    "two-protocols": (rule({"tcp": {}, "udp": {}}), None, [ACES + "/matches/udp", "no packet can match"]),
    "icmp-and-protocol-6": (rule({"ipv4": {"protocol": 6}, "icmp": {"type": 8}}), None, [ACES]),
    "flags-outside-mask": (rule({"tcp": {"flags": "syn", "sluice:flags-mask": "ack"}}), None, [ACES, "flags", "mask"]),
    "unknown-flag": (rule({"tcp": {"flags": "sin"}}), "sin\"", [ACES + "/matches/tcp/flags", "syn"]),
    "arp-with-ipv4": (rule({"eth": {"ethertype": "0x0806"}, "ipv4": V4}), None, [ACES, "ethertype"]),
    "ethertype-under-0x0600": (rule({"eth": {"ethertype": 1535}}), "1535", [ACES + "/matches/eth/ethertype", "1536"]),
    "range-upside-down": (rule({"udp": {"source-port": {"lower-port": 9, "upper-port": 8}}}), None, [ACES, "range"]),
    "port-65536": (rule({"udp": {"source-port": {"operator": "eq", "port": 65536}}}), "65536", [ACES, "65535"]),
    "host-bits": (rule({"ipv4": {"source-ipv4-network": "10.0.0.1/8"}}), "10.0.0.1/8",
                  [ACES + "/matches/ipv4/source-ipv4-network", "prefix"]),
    "prefix-33": (rule({"ipv4": {"source-ipv4-network": "10.0.0.0/33"}}), "10.0.0.0/33", [ACES]),
    "v6-host-bits": (rule({"ipv6": {"destination-ipv6-network": "2001:db8::1/64"}}), "2001:db8::1/64", [ACES]),
    "not-an-address": (rule({"ipv4": {"source-ipv4-network": "10.0.0"}}), "10.0.0\"", [ACES]),
    "vlan-4096": (rule({"sluice:vlan-id": 4096}), "4096", [ACES + "/matches/sluice:vlan-id", "4095"]),
    "mac-outside-mask": (rule({"eth": {"source-mac-address": "02:00:00:00:00:01",
                                       "source-mac-address-mask": "ff:00:00:00:00:00"}}), None, [ACES, "mask"]),
    "unknown-match": (rule({"ipv4": {"ttl": 1}}), "ttl", [ACES, "ttl"]),
    "no-direction": ([DROP_ALL, {"name": "bad", "actions": {"forwarding": "drop"}}], None, [ACES, "direction"]),
    "no-action": ([DROP_ALL, {"name": "bad", "sluice:direction": "in"}], None, [ACES, "actions"]),
    "unknown-action": (rule(actions={"forwarding": "reject"}), "reject", [ACES + "/actions/forwarding", "drop"]),
    "priority-too-big": (rule(**{"sluice:priority": 4294967296}), "4294967296", [ACES + "/sluice:priority"]),
    "empty-name": (rule(name=""), None, [ACES + "/name"]),
}

# name -> (text, line and column of the fault, words)
BAD_TEXTS = {
    "empty": ("", None, []),
    "cut": ('{\n  "sluice:ports": {', None, []),
    "comma": ('{\n  "sluice:ports": {},\n}\n', (3, None), []),
    "a-list": ("[]\n", None, ["object"]),
    "member-twice": ('{\n  "sluice:ports": { "port": [] },\n  "sluice:ports": { "port": [] }\n}\n', None,
                     ["sluice:ports"]),
    "not-utf-8": ('{ "x": "\udcff" }\n', None, []),
    "nul-byte": ('{ "x": "\\u0000" }\n', None, []),
    "deep": ("[" * 100_000 + "]" * 100_000, None, []),
    "no-ports": ("{}\n", None, []),
}


def dumped(document):
    return json.dumps(document, indent=1)


def with_rules(rules):
    return policies.null_document({"fw": rules})


def write_text(path, text):
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return path


def check_place(done, path, line):
    """The message begins with FILE:LINE:COLUMN, and an example follows."""
    place = rf"{re.escape(str(path))}:{line if line else '[0-9]+'}:[0-9]+: "
    assert re.search(place, done.stderr), f"no {place} in:\n{done.stderr}"


@pytest.mark.parametrize("case", BAD_DOCUMENTS)
def test_boot_refuses_document(binaries, tmp_path, case):
    """The firmware does not start, and says where in the document the fault is."""
    document, needle, words = BAD_DOCUMENTS[case]
    path = write_text(tmp_path / "policy.json", dumped(document))
    done = boot(path, tmp_path / "run")
    check_words(done, [*words, "example"])
    check_place(done, path, needle and line_of(path.read_text(), needle))


@pytest.mark.parametrize("case", BAD_RULES)
def test_boot_refuses_rule(binaries, tmp_path, case):
    """The same for rules."""
    rules, needle, words = BAD_RULES[case]
    path = write_text(tmp_path / "policy.json", dumped(with_rules(rules)))
    done = boot(path, tmp_path / "run")
    check_words(done, words)
    check_place(done, path, needle and line_of(path.read_text(), needle))


@pytest.mark.parametrize("case", BAD_TEXTS)
def test_boot_refuses_text(binaries, tmp_path, case):
    """What is no document at all is told apart by line and column, too."""
    text, place, words = BAD_TEXTS[case]
    path = write_text(tmp_path / "policy.json", text)
    done = boot(path, tmp_path / "run")
    check_words(done, ["policy.json", *words])
    if place:
        check_place(done, path, place[0])


@pytest.fixture(scope="module")
def running(binaries, tmp_path_factory):
    """One firmware that refuses everything this file has."""
    one = fw.Firmware(policies.null_document({"fw": [policies.ace("keep", "in", "drop")]}),
                      tmp_path_factory.mktemp("bad"), max_rules=10).wait_ready()
    yield one
    one.stop()


def check_refused(running, words, *command, stdin=None):
    """Refused with these words; document, generation and counters are what they were."""
    before = running.show_config(), running.generation(), running.hits()
    done = running.try_ctl(*command, stdin=stdin)
    check_words(done, words)
    assert (running.show_config(), running.generation(), running.hits()) == before
    return done


@pytest.mark.parametrize("case", BAD_RULES)
def test_apply_refuses_rule(running, tmp_path, case):
    """apply names file, line, column and member, and leaves the running policy alone."""
    rules, needle, words = BAD_RULES[case]
    path = write_text(tmp_path / "rules.json", dumped(policies.acls(fw=rules)))
    done = check_refused(running, words, "apply", path)
    check_place(done, path, needle and line_of(path.read_text(), needle))


@pytest.mark.parametrize("case", [name for name in BAD_TEXTS if name != "no-ports"])
def test_apply_refuses_text(running, tmp_path, case):
    text, _, words = BAD_TEXTS[case]
    check_refused(running, ["rules.json", *words], "apply", write_text(tmp_path / "rules.json", text))


# name -> (change of the running document, words)
TOPOLOGY = {
    "port-added": (lambda d: d["sluice:ports"]["port"].append(policies.port("more", "net_null7")), ["restart"]),
    "port-mtu": (lambda d: port_of(d).update(mtu=9000), ["restart"]),
    "driver-added": (lambda d: stack_of(d)["driver"].append(policies.passthru_driver("tap")), ["restart"]),
    "unknown-driver": (lambda d: stack_of(d)["driver"][0].update(type="firewall9000"), []),
}


@pytest.mark.parametrize("case", TOPOLOGY)
def test_apply_refuses_other_topology(running, tmp_path, case):
    """Ports and stacks change with a restart only, and the message says so."""
    change, words = TOPOLOGY[case]
    document = copy.deepcopy(running.show_config())
    change(document)
    path = write_text(tmp_path / "other.json", dumped(document))
    done = check_refused(running, words, "apply", path)
    check_place(done, path, None)


# name -> (words of the rule, words of the answer)
BAD_ONE_LINERS = {
    "no-direction": ("tcp deny", ["in", "out"]),
    "no-action": ("in tcp", ["allow", "deny"]),
    "unknown-word": ("in tcq deny", ["tcq"]),
    "port-without-protocol": ("in from any port 22 deny", ["port"]),
    "host-bits": ("in from 10.0.0.1/8 deny", ["10.0.0"]),
    "prefix-33": ("in from 10.0.0.0/33 deny", ["10.0.0.0/33"]),
    "two-families": ("in from 10.0.0.0/8 to 2001:db8::/32 deny", []),
    "range-upside-down": ("in tcp from any port 9-8 deny", ["port", "range"]),
    "port-65536": ("in tcp from any port 65536 deny", ["65536"]),
    "flags-without-tcp": ("in udp flags syn deny", ["tcp"]),
    "flags-outside-mask": ("in tcp flags syn/ack deny", ["mask"]),
    "vlan-4096": ("in vlan 4096 deny", ["4096"]),
    "arp-with-ip": ("in ethertype arp from 10.0.0.0/8 deny", ["ethertype"]),
    "words-behind": ("in deny now", ["now"]),
    "bad-name": ("name a/b in deny", ["a/b"]),
    "unknown-driver": ("on nobody in deny", ["nobody"]),
    "name-taken": ("name keep in deny", ["keep"]),
    "nothing": ("", []),
}


@pytest.mark.parametrize("case", BAD_ONE_LINERS)
def test_rule_add_refuses(running, case):
    """The word that is wrong is named, with an example of a right one."""
    words, answer = BAD_ONE_LINERS[case]
    check_refused(running, [*answer, "sluicectl"], "rule", "add", *words.split())


BAD_COMMANDS = {
    "unknown-command": (["rule", "ad"], ["rule add"]),
    "no-command": ([], ["sluicectl"]),
    "delete-unknown": (["rule", "delete", "nobody"], ["nobody"]),
    "replace-unknown": (["rule", "replace", "name", "nobody", "in", "deny"], ["nobody"]),
    "list-unknown": (["rule", "list", "nobody"], ["nobody"]),
    "flush-unknown": (["rule", "flush", "nobody"], ["nobody"]),
    "apply-missing-file": (["apply", "/nonexistent/policy.json"], ["/nonexistent/policy.json", "No such file"]),
    "apply-directory": (["apply", "/tmp"], ["/tmp", "directory"]),
    "unknown-option": (["info", "--jsn"], ["--jsn"]),
    "oid-of-nobody": (["oid", "get", "nobody", "GEN_LINK_SPEED"], ["nobody"]),
    "unknown-oid": (["oid", "get", "fw", "GEN_NONSENSE"], ["GEN_NONSENSE"]),
    "oid-not-settable": (["oid", "set", "fw", "GEN_LINK_SPEED", "1"], ["GEN_LINK_SPEED"]),
}


@pytest.mark.parametrize("case", BAD_COMMANDS)
def test_command_refused(running, case):
    command, words = BAD_COMMANDS[case]
    check_refused(running, words, *command)


@pytest.mark.parametrize("case", ["apply", "rule-add"])
def test_over_budget_while_running(running, tmp_path, case):
    """With room for 10 rules the 11th is refused, by whichever way it comes."""
    kept = running.show_config()
    eleven = [policies.ace(f"r{n}", "in", "drop") for n in range(11)]
    words = ["more rules than the budget allows"]
    try:
        if case == "apply":
            path = write_text(tmp_path / "eleven.json", dumped(policies.acls(fw=eleven)))
            check_refused(running, words, "apply", path)
            running.apply(policies.acls(fw=eleven[:10]))
        else:
            running.apply(policies.acls(fw=eleven[:10]))
            check_refused(running, words, "rule", "add", "in", "deny")
    finally:
        running.apply(kept)


def test_over_budget_at_boot(binaries, tmp_path):
    rules = [policies.ace(f"r{n}", "in", "drop") for n in range(11)]
    path = write_text(tmp_path / "policy.json", dumped(with_rules(rules)))
    check_words(boot(path, tmp_path / "run", max_rules=10), ["policy.json", "/acl: more rules than the budget allows"])


def devargs_document(devargs):
    return changed(lambda d: port_of(d).update(devargs=devargs))


BAD_PORTS = {
    "missing-pcap": ("net_pcap0,rx_pcap=/nonexistent/in.pcap,tx_pcap=/nonexistent/out.pcap", ["host0"]),
    "no-such-device": ("net_nonsense0", ["host0", "net_nonsense0"]),
    "nonsense": ("=,=,", ["host0"]),
    "bad-argument": ("net_null0,colour=blue", ["host0", "net_null0,colour=blue"]),
    "empty": ("", ["devargs"]),
    "too-long": ("net_null0," + "x" * 600, ["devargs"]),
}


@pytest.mark.parametrize("case", BAD_PORTS)
def test_port_that_cannot_be_created(binaries, tmp_path, case):
    devargs, words = BAD_PORTS[case]
    path = write_text(tmp_path / "policy.json", dumped(devargs_document(devargs)))
    check_words(boot(path, tmp_path / "run"), words)


BAD_FILES = {
    "missing": ("/nonexistent/policy.json", ["/nonexistent/policy.json", "No such file"]),
    "directory": ("/tmp", ["/tmp", "directory"]),
    "device": ("/dev/null", ["/dev/null"]),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_boot_without_a_readable_config(binaries, tmp_path, case):
    config, words = BAD_FILES[case]
    check_words(boot(config, tmp_path / "run"), words)


def test_boot_without_the_right_to_read_the_config(binaries, tmp_path):
    """As an ordinary user, for whom file modes count."""
    path = write_text(tmp_path / "policy.json", dumped(policies.null_document()))
    path.chmod(0)
    if os.geteuid() == 0:
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]
    else:
        command = []
    done = fw.run([*command, *fw.command_line(path, tmp_path / "run")])
    check_words(done, [path.name, "Permission denied"])


def good_config(tmp_path):
    return write_text(tmp_path / "good.json", dumped(policies.null_document()))


# in a mount namespace of its own every count of free hugepages is 0, whatever the machine has
NO_HUGEPAGES = """
for count in /sys/kernel/mm/hugepages/*/free_hugepages /sys/devices/system/node/node*/hugepages/*/free_hugepages; do
    mount --bind "$0" "$count"
done
exec "$@"
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to hide the machine's hugepages")
def test_boot_without_hugepages(binaries, tmp_path):
    """Without --no-huge and without hugepages the message says how to get some, or to do without."""
    zero = write_text(tmp_path / "zero", "0\n")
    command = fw.command_line(good_config(tmp_path), tmp_path / "run", eal=())
    done = fw.run(["unshare", "--mount", "bash", "-c", NO_HUGEPAGES, zero, *command])
    check_words(done, ["hugepages", "nr_hugepages", "--no-huge"])


MEMORY = {
    "mbufs-beyond-its-range": (dict(mbufs=100_000_000), fw.EAL, ["mbufs", "16777216"]),
    "mbufs-absurd": (dict(mbufs=16_777_216), fw.EAL, ["16777216 mbufs", "--mbufs"]),
    "mbufs-beyond-the-machine": (dict(mbufs=16_777_216), ("--no-huge",), ["16777216 mbufs", "--mbufs 8192"]),
    "secondary-process": (dict(), ("--no-huge", "--proc-type=secondary"), ["--proc-type", "--lcores"]),
    "help-of-the-eal": (dict(), ("--no-huge", "--help"), ["--help", "--lcores"]),
    "memory-tiny": (dict(mbufs=100_000), ("--no-huge", "-m", "16"), ["memory"]),
    "mbufs-not-a-number": (dict(mbufs="many"), fw.EAL, ["mbufs", "many"]),
    "workers-0": (dict(workers=0), fw.EAL, ["workers"]),
    "unknown-option": (dict(frobnicate=1), fw.EAL, ["frobnicate"]),
}


@pytest.mark.parametrize("case", MEMORY)
def test_boot_with_options_that_cannot_be(binaries, tmp_path, case):
    options, eal, words = MEMORY[case]
    check_words(boot(good_config(tmp_path), tmp_path / "run", eal, **options), words)


def test_two_firmwares_in_one_runtime_directory(running, tmp_path):
    """The second one leaves, and the first one is not disturbed."""
    before = running.show_config(), running.json("info")["boot-id"]
    done = boot(good_config(tmp_path), running.runtime_dir)
    check_words(done, [str(running.runtime_dir)])
    assert (running.show_config(), running.json("info")["boot-id"]) == before


COMMANDS = ["info", "port list", "port stats", "driver list", "stack show", "rule list", "rule add in deny",
            "rule delete r", "rule flush", "show config", "stats", "drops", "oid list fw", "apply -"]


@pytest.mark.parametrize("command", COMMANDS)
def test_cli_without_a_firmware(binaries, tmp_path, command):
    """Every command says where it looked, and how a firmware is started."""
    done = fw.run([fw.CLI, "--runtime-dir", tmp_path, *command.split()], stdin=dumped(policies.acls(fw=[DROP_ALL])))
    check_words(done, [str(tmp_path), "sluice-fw"])
