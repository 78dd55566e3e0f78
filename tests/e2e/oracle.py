# SPDX-License-Identifier: BSD-3-Clause
"""
An independent judge of policies: what docs/policy.md says about a document and a frame, and nothing else.

It works on the JSON document, rule by rule, in the plainest way, and shares no code with the firmware.
"""
import ipaddress
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace

import frames

# a frame may be longer than its port's MTU by an Ethernet header and two tags
FRAME_OVERHEAD = 22
DEFAULT_PRIORITY, DEFAULT_MTU = 1000, 1500
FLAGS = {"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32, "ece": 64, "cwr": 128}
PORT_PROTOCOLS = {"tcp": frames.TCP, "udp": frames.UDP, "sluice:sctp": frames.SCTP}


@dataclass
class Verdict:
    passes: bool
    where: str = None  # instance or port that dropped it
    reason: str = None
    hits: list = field(default_factory=list)  # (instance, rule name)
    defaulted: list = field(default_factory=list)  # (instance, direction): judged by the default action


@dataclass
class Expected:
    """What a list of frames comes to."""

    out: list = field(default_factory=list)  # frames that pass, in order
    numbers: list = field(default_factory=list)  # their places in the list
    hits: Counter = field(default_factory=Counter)  # packets by (instance, rule name)
    hit_bytes: Counter = field(default_factory=Counter)
    defaults: Counter = field(default_factory=Counter)  # packets by (instance, direction)
    default_bytes: Counter = field(default_factory=Counter)
    drops: Counter = field(default_factory=Counter)  # by (where, direction, reason)


def _mac(text):
    return bytes.fromhex(text.replace(":", "").replace("-", ""))


def _mac_test(eth, side, value_of):
    if f"{side}-mac-address" not in eth:
        return []
    want = _mac(eth[f"{side}-mac-address"])
    mask = _mac(eth.get(f"{side}-mac-address-mask", "ff:ff:ff:ff:ff:ff"))
    return [lambda f: all(have & m == w & m for have, w, m in zip(value_of(f), want, mask))]


def _eth_tests(eth):
    tests = _mac_test(eth, "source", lambda f: f.source_mac)
    tests += _mac_test(eth, "destination", lambda f: f.destination_mac)
    if "ethertype" in eth:
        kind = eth["ethertype"] if isinstance(eth["ethertype"], int) else int(eth["ethertype"], 16)
        tests.append(lambda f: f.ethertype == kind)
    return tests


def _network_test(text, value_of):
    network = ipaddress.ip_network(text)
    return lambda f: value_of(f) is not None and ipaddress.ip_address(value_of(f)) in network


def _ip_tests(family, ip):
    tests = [lambda f: f.family == family]
    if "protocol" in ip:
        tests.append(lambda f: f.protocol == ip["protocol"])
    if f"source-ipv{family}-network" in ip:
        tests.append(_network_test(ip[f"source-ipv{family}-network"], lambda f: f.source))
    if f"destination-ipv{family}-network" in ip:
        tests.append(_network_test(ip[f"destination-ipv{family}-network"], lambda f: f.destination))
    return tests


def _port_range(spec):
    if "operator" in spec:
        ends = {"eq": (spec["port"], spec["port"]), "lte": (0, spec["port"]), "gte": (spec["port"], 65535)}
        return ends[spec["operator"]]
    return spec["lower-port"], spec["upper-port"]


def _range_test(spec, value_of):
    low, high = _port_range(spec)
    return lambda f: value_of(f) is not None and low <= value_of(f) <= high


def _flags(text):
    return sum({FLAGS[word] for word in text.split()})


def _transport_tests(name, l4):
    tests = [lambda f: f.protocol == PORT_PROTOCOLS[name]]
    if "source-port" in l4:
        tests.append(_range_test(l4["source-port"], lambda f: f.source_port))
    if "destination-port" in l4:
        tests.append(_range_test(l4["destination-port"], lambda f: f.destination_port))
    if "flags" in l4:
        flags = _flags(l4["flags"])
        mask = _flags(l4.get("sluice:flags-mask", l4["flags"]))
        tests.append(lambda f: f.tcp_flags is not None and f.tcp_flags & mask == flags)
    return tests


def _icmp_tests(icmp, family):
    protocol = frames.ICMP if family == 4 else frames.ICMPV6
    tests = [lambda f: f.family == family and f.protocol == protocol]
    if "type" in icmp:
        tests.append(lambda f: f.icmp_type == icmp["type"])
    if "code" in icmp:
        tests.append(lambda f: f.icmp_code == icmp["code"])
    return tests


def _matches_tests(matches):
    tests = _eth_tests(matches.get("eth", {}))
    if "sluice:vlan-id" in matches:
        tests.append(lambda f: f.vlan == matches["sluice:vlan-id"])
    for family in (4, 6):
        if f"ipv{family}" in matches:
            tests += _ip_tests(family, matches[f"ipv{family}"])
    for name in PORT_PROTOCOLS:
        if name in matches:
            tests += _transport_tests(name, matches[name])
    if "icmp" in matches:
        tests += _icmp_tests(matches["icmp"], 6 if "ipv6" in matches else 4)
    return tests


class Rule:
    """One ace."""

    def __init__(self, ace):
        self.name = ace["name"]
        self.priority = ace.get("sluice:priority", DEFAULT_PRIORITY)
        self.direction = ace["sluice:direction"]
        self.action = ace["actions"]["forwarding"].split(":")[-1]
        self.tests = _matches_tests(ace.get("matches", {}))

    def matches(self, fields):
        return all(test(fields) for test in self.tests)


class Filter:
    """A driver that takes rules."""

    def __init__(self, name, default_action, rules):
        self.name = name
        self.default = {"in": "accept", "out": "accept", **default_action}
        # sorted() is stable: equal priorities stay in order of entry
        self.rules = sorted(rules, key=lambda rule: rule.priority)

    def judge(self, direction, frame, verdict):
        """The reason for a drop, or None; adds hits to the verdict."""
        try:
            fields = frames.parse(frame)
        except frames.Malformed as malformed:
            return malformed.args[0]
        for rule in self.rules:
            if rule.direction != direction or not rule.matches(fields):
                continue
            verdict.hits.append((self.name, rule.name))
            if rule.action != "count":
                return None if rule.action == "accept" else "rule"
        verdict.defaulted.append((self.name, direction))
        return None if self.default[direction] == "accept" else "default"


class Passthru:
    def __init__(self, name):
        self.name = name

    def judge(self, direction, frame, verdict):
        return None


def with_rules(document, change):
    """The document that runs after `apply` of a change, which may hold rules alone."""
    return {**document, **change}


def acls_of(document):
    return {acl["name"]: acl for acl in document.get("ietf-access-control-list:acls", {}).get("acl", [])}


class Oracle:
    """Judges the frames of one stack of a document with ports and stacks (default: the first stack)."""

    def __init__(self, document, stack=None):
        stacks = document["sluice:stacks"]["stack"]
        self.stack = next(s for s in stacks if stack in (None, s["name"]))
        self.ports = {port["name"]: port for port in document["sluice:ports"]["port"]}
        acls = acls_of(document)
        self.drivers = [self._driver(driver, acls) for driver in self.stack["driver"]]

    @staticmethod
    def _driver(driver, acls):
        name = driver.get("name", driver["type"])
        if driver["type"] == "passthru":
            return Passthru(name)
        aces = acls.get(name, {}).get("aces", {}).get("ace", [])
        return Filter(name, driver.get("default-action", {}), [Rule(ace) for ace in aces])

    def output_port(self, direction):
        return self.stack["lower-port" if direction == "out" else "upper-port"]

    def judge(self, direction, frame):
        """`out` visits the drivers in the order of the list, `in` the other way round."""
        verdict = Verdict(True)
        for driver in self.drivers if direction == "out" else reversed(self.drivers):
            reason = driver.judge(direction, frame, verdict)
            if reason:
                return replace(verdict, passes=False, where=driver.name, reason=reason)
        port = self.output_port(direction)
        if len(frame) > self.ports[port].get("mtu", DEFAULT_MTU) + FRAME_OVERHEAD:
            return replace(verdict, passes=False, where=port, reason="frame-too-long")
        return verdict

    def expect(self, direction, frame_list, expected=None):
        """Sums up the verdicts over a list; adds to `expected` where one is given."""
        expected = expected or Expected()
        for number, frame in enumerate(frame_list):
            verdict = self.judge(direction, frame)
            for hit in verdict.hits:
                expected.hits[hit] += 1
                expected.hit_bytes[hit] += len(frame)
            for default in verdict.defaulted:
                expected.defaults[default] += 1
                expected.default_bytes[default] += len(frame)
            if verdict.passes:
                expected.out.append(frame)
                expected.numbers.append(number)
            else:
                expected.drops[(verdict.where, direction, verdict.reason)] += 1
        return expected


def rule_names(document):
    """All (instance, rule name) of a document."""
    named = defaultdict(list)
    for name, acl in acls_of(document).items():
        named[name] = [ace["name"] for ace in acl.get("aces", {}).get("ace", [])]
    return [(instance, rule) for instance, rules in named.items() for rule in rules]
