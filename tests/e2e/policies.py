# SPDX-License-Identifier: BSD-3-Clause
"""Short ways to write policy documents, and the policies that the captures are judged by."""


def ace(name, direction, action, matches=None, priority=None):
    """One rule. `action` is accept, drop or count."""
    rule = {"name": name, "sluice:direction": direction}
    if priority is not None:
        rule["sluice:priority"] = priority
    if matches:
        rule["matches"] = matches
    rule["actions"] = {"forwarding": "sluice:count" if action == "count" else action}
    return rule


def acls(**rules):
    """The acls member, from instance name to list of aces."""
    return {"ietf-access-control-list:acls": {"acl": [{"name": n, "aces": {"ace": r}} for n, r in rules.items()]}}


def port(name, devargs, **members):
    return {"name": name, "devargs": devargs, **{key.replace("_", "-"): value for key, value in members.items()}}


def filter_driver(name, into="accept", out="accept"):
    return {"name": name, "type": "filter", "default-action": {"in": into, "out": out}}


def passthru_driver(name):
    return {"name": name, "type": "passthru"}


def document(upper, lower, drivers, rules=None):
    """A whole document with one stack `main` between two ports."""
    stack = {"name": "main", "upper-port": upper["name"], "lower-port": lower["name"], "driver": drivers}
    return {"sluice:ports": {"port": [upper, lower]}, "sluice:stacks": {"stack": [stack]}, **acls(**(rules or {}))}


def null_document(rules=None, drivers=None):
    """Two ports on which nothing comes in, and a filter `fw`, unless other drivers are given."""
    ports = [port("host0", "net_null0,no-rx=1"), port("wire0", "net_null1,no-rx=1")]
    return document(*ports, drivers or [filter_driver("fw")], rules)


def both(name, action, matches=None, priority=None):
    """The same rule for either direction."""
    return [ace(f"{name}-{way}", way, action, matches, priority) for way in ("in", "out")]


def _v4_prefixes():
    return [
        *both("net-10", "drop", {"ipv4": {"source-ipv4-network": "10.0.0.0/8"}}, 10),
        *both("host-192", "drop", {"ipv4": {"destination-ipv4-network": "192.168.0.1/32"}}, 20),
        *both("but-this", "accept", {"ipv4": {"source-ipv4-network": "10.0.0.0/24"}}, 5),
        *both("multicast", "count", {"ipv4": {"destination-ipv4-network": "224.0.0.0/4"}}, 6),
        *both("upper-half", "drop", {"ipv4": {"source-ipv4-network": "128.0.0.0/1",
                                              "destination-ipv4-network": "224.0.0.0/4"}}, 30),
        *both("any-v4", "count", {"ipv4": {"source-ipv4-network": "0.0.0.0/0"}}),
        *both("fragments-of-udp", "count", {"ipv4": {"protocol": 17}}),
    ]


def _v6_prefixes():
    return [
        *both("link-local", "drop", {"ipv6": {"source-ipv6-network": "fe80::/10"}}, 10),
        *both("multicast", "count", {"ipv6": {"destination-ipv6-network": "ff00::/8"}}, 1),
        *both("documentation", "drop", {"ipv6": {"destination-ipv6-network": "2001:db8::/33"}}, 20),
        *both("one-host", "drop", {"ipv6": {"source-ipv6-network": "::1/128"}}, 20),
        *both("any-v6", "count", {"ipv6": {}}),
        *both("no-next", "count", {"ipv6": {"protocol": 59}}),
        *both("esp", "count", {"ipv6": {"protocol": 50}}, 1),
        *both("all", "count"),
    ]


def _vlan():
    return [
        *both("tag-100", "drop", {"sluice:vlan-id": 100}, 10),
        *both("tag-0", "count", {"sluice:vlan-id": 0}),
        *both("tag-1-v4", "drop", {"sluice:vlan-id": 1, "ipv4": {}}, 20),
        *both("tag-6-v4", "drop", {"sluice:vlan-id": 6, "ipv4": {}}, 20),
        *both("tag-10", "count", {"sluice:vlan-id": 10}),
        *both("arp", "count", {"eth": {"ethertype": "0x0806"}}),
        *both("tag-4095", "drop", {"sluice:vlan-id": 4095}),
    ]


def _ports():
    def span(low, high):
        return {"lower-port": low, "upper-port": high}

    def port_is(operator, number):
        return {"operator": operator, "port": number}

    return [
        *both("dns", "count", {"udp": {"destination-port": port_is("eq", 53)}}, 1),
        *both("bgp", "drop", {"tcp": {"destination-port": port_is("eq", 179)}}, 10),
        *both("from-bgp", "drop", {"tcp": {"source-port": port_is("eq", 179)}}, 10),
        *both("low-udp", "drop", {"udp": {"source-port": port_is("lte", 1023), "destination-port": span(0, 500)}}, 20),
        *both("high-udp", "count", {"udp": {"destination-port": port_is("gte", 49152)}}),
        *both("radius", "drop", {"udp": {"destination-port": span(1812, 1813)}, "ipv4": {}}),
        *both("sctp", "drop", {"sluice:sctp": {"destination-port": span(1, 65535)}}),
        *both("any-sctp", "count", {"sluice:sctp": {}}, 1),
        *both("tcp-edge", "count", {"tcp": {"source-port": span(0, 65535)}}, 1),
    ]


def _icmp():
    return [
        *both("echo", "drop", {"icmp": {"type": 8, "code": 0}}, 10),
        *both("any-icmp", "count", {"icmp": {}}, 1),
        *both("unreachable", "drop", {"icmp": {"type": 3}, "ipv4": {}}, 10),
        *both("code-0", "count", {"icmp": {"code": 0}}, 2),
        *both("any-icmpv6", "count", {"ipv6": {}, "icmp": {}}, 1),
        *both("router", "drop", {"ipv6": {}, "icmp": {"type": 134}}, 10),
        *both("rpl", "drop", {"ipv6": {"source-ipv6-network": "::/8"}, "icmp": {"type": 155, "code": 1}}, 10),
        *both("proto-58", "count", {"ipv6": {"protocol": 58}}),
        *both("proto-1", "count", {"ipv4": {"protocol": 1}}),
    ]


def _flags():
    return [
        *both("syn", "drop", {"tcp": {"flags": "syn", "sluice:flags-mask": "syn ack"}}, 10),
        *both("syn-ack", "count", {"tcp": {"flags": "syn ack"}}, 5),
        *both("null", "drop", {"tcp": {"flags": "", "sluice:flags-mask": "cwr ece urg ack psh rst syn fin"}}, 10),
        *both("ece", "count", {"tcp": {"flags": "ece"}}, 5),
        *both("psh-ack", "drop", {"tcp": {"flags": "psh ack", "sluice:flags-mask": "fin syn rst psh ack urg"},
                                  "ipv4": {}}, 20),
        *both("fin", "count", {"tcp": {"flags": "fin"}}),
    ]


def _ethernet():
    group = {"destination-mac-address": "01:00:00:00:00:00", "destination-mac-address-mask": "01:00:00:00:00:00"}
    return [
        *both("group", "count", {"eth": group}, 1),
        *both("broadcast", "drop", {"eth": {"destination-mac-address": "ff:ff:ff:ff:ff:ff"}}, 10),
        *both("ipv4-multicast", "drop", {"eth": {"destination-mac-address": "01:00:5e:00:00:00",
                                                 "destination-mac-address-mask": "ff:ff:ff:80:00:00"}}, 20),
        *both("local-sender", "count", {"eth": {"source-mac-address": "02:00:00:00:00:00",
                                                "source-mac-address-mask": "02:00:00:00:00:00"}}, 2),
        *both("lldp", "drop", {"eth": {"ethertype": 0x88CC}}, 20),
        *both("mpls", "drop", {"eth": {"ethertype": "0x8847"}}, 20),
        *both("type-ip", "count", {"eth": {"ethertype": 0x0800}}),
        *both("type-ipv6-tcp", "count", {"eth": {"ethertype": 0x86DD}, "tcp": {}}),
    ]


def _mixed():
    return [
        ace("seen", "in", "count", priority=0),
        ace("seen-out", "out", "count", priority=0),
        ace("late", "in", "drop", {"udp": {}}, 4294967295),
        ace("first-entered", "in", "accept", {"udp": {"destination-port": {"operator": "lte", "port": 1000}}}, 50),
        ace("second-entered", "in", "drop", {"udp": {"destination-port": {"operator": "lte", "port": 2000}}}, 50),
        ace("tagged-tcp", "out", "count", {"sluice:vlan-id": 1, "tcp": {}}),
        ace("isis", "out", "drop", {"eth": {"destination-mac-address": "01:80:c2:00:00:14"}}),
        ace("gre", "out", "drop", {"ipv4": {"protocol": 47}}),
        ace("routed", "in", "drop", {"ipv6": {"source-ipv6-network": "2000::/3", "destination-ipv6-network": "::/0"},
                                     "tcp": {"destination-port": {"lower-port": 1, "upper-port": 1023}}}, 40),
        ace("by-default-priority", "out", "accept", {"tcp": {}}),
        ace("never-reached", "out", "count", {"tcp": {}}, 1001),
    ]


def _allow_some():
    return [
        *both("web", "accept", {"tcp": {"destination-port": {"operator": "eq", "port": 80}}}, 10),
        *both("dns", "accept", {"udp": {"source-port": {"operator": "eq", "port": 53}}}, 10),
        *both("arp", "accept", {"eth": {"ethertype": "0x0806"}}, 10),
        ace("nd", "in", "accept", {"ipv6": {}, "icmp": {}}, 10),
        ace("ospf", "out", "accept", {"ipv4": {"protocol": 89}}, 10),
    ]


def _two_filters():
    return {
        "outer": [*both("no-tcp", "drop", {"tcp": {}}), *both("all", "count", priority=1)],
        "inner": [*both("no-udp-low", "drop", {"udp": {"destination-port": {"operator": "lte", "port": 1024}}}),
                  *both("all", "count", priority=1)],
    }


def _tap():
    return [filter_driver("fw"), passthru_driver("tap")]


# name -> (drivers, rules by instance)
CAPTURE_POLICIES = {
    "v4-prefixes": (_tap(), {"fw": _v4_prefixes()}),
    "v6-prefixes": ([filter_driver("fw")], {"fw": _v6_prefixes()}),
    "vlan": ([passthru_driver("tap"), filter_driver("fw")], {"fw": _vlan()}),
    "ports": ([filter_driver("fw")], {"fw": _ports()}),
    "icmp": ([filter_driver("fw")], {"fw": _icmp()}),
    "tcp-flags": ([filter_driver("fw")], {"fw": _flags()}),
    "ethernet": ([filter_driver("fw")], {"fw": _ethernet()}),
    "mixed": ([filter_driver("fw", into="accept", out="drop")], {"fw": _mixed()}),
    "default-drop": ([filter_driver("fw", "drop", "drop")], {"fw": _allow_some()}),
    "two-filters": ([filter_driver("outer"), passthru_driver("tap"), filter_driver("inner", into="drop")],
                    {**_two_filters(), "inner": _two_filters()["inner"] + _allow_some()}),
    "no-rules": ([filter_driver("fw")], {}),
    "passthru": ([passthru_driver("tap")], {}),
}
