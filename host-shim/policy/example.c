/* SPDX-License-Identifier: BSD-3-Clause */
/* An example of each member of a document, for error messages. */
#include "policy/place.h"

#include <string.h>

#define DRIVER	"\"driver\": [ { \"name\": \"fw\", \"type\": \"filter\" } ]"
#define STACK	"\"stack\": [ { \"name\": \"main\", \"upper-port\": \"host0\", \"lower-port\": \"wire0\", " DRIVER " } ]"
#define PORT	"\"port\": [ { \"name\": \"wire0\", \"devargs\": \"net_null0\" } ]"
#define ACTIONS "\"actions\": { \"forwarding\": \"drop\" }"
#define ACE	"\"ace\": [ { \"name\": \"no-ssh\", \"sluice:direction\": \"in\", " ACTIONS " } ]"
#define ACL	"\"acl\": [ { \"name\": \"fw\", \"aces\": { " ACE " } } ]"
#define RANGE	"{ \"operator\": \"eq\", \"port\": 22 }"

/* A name that is used in two places has its parent beside it; the first entry that fits is taken. */
static const struct {
	const char *parent, *member, *example;
} examples[] = {
	{NULL, "", "{ \"ietf-access-control-list:acls\": { " ACL " } }"}, /* the document itself */
	{NULL, "sluice:ports", "\"sluice:ports\": { " PORT " }"},
	{"sluice:ports", "port", PORT},
	{NULL, "devargs", "\"devargs\": \"net_pcap0,rx_pcap=in.pcap,tx_pcap=out.pcap\""},
	{NULL, "queues", "\"queues\": 1"},
	{NULL, "mtu", "\"mtu\": 1500"},
	{NULL, "rx-pps", "\"rx-pps\": 5000"},
	{NULL, "sluice:stacks", "\"sluice:stacks\": { " STACK " }"},
	{NULL, "stack", STACK},
	{"stack", "upper-port", "\"upper-port\": \"host0\""},
	{"stack", "lower-port", "\"lower-port\": \"wire0\""},
	{NULL, "driver", DRIVER},
	{"driver", "type", "\"type\": \"filter\""},
	{NULL, "default-action", "\"default-action\": { \"in\": \"drop\", \"out\": \"accept\" }"},
	{NULL, "in", "\"in\": \"drop\""},
	{NULL, "out", "\"out\": \"accept\""},
	{NULL, "ietf-access-control-list:acls", "\"ietf-access-control-list:acls\": { " ACL " }"},
	{NULL, "acl", ACL},
	{NULL, "aces", "\"aces\": { " ACE " }"},
	{NULL, "ace", ACE},
	{NULL, "sluice:priority", "\"sluice:priority\": 100"},
	{NULL, "sluice:direction", "\"sluice:direction\": \"in\""},
	{NULL, "actions", ACTIONS},
	{NULL, "forwarding", "\"forwarding\": \"drop\""},
	{NULL, "matches", "\"matches\": { \"ipv4\": { \"source-ipv4-network\": \"10.0.0.0/8\" }, \"tcp\": {} }"},
	{NULL, "eth", "\"eth\": { \"ethertype\": \"0x0806\" }"},
	{NULL, "ethertype", "\"ethertype\": \"0x0806\""},
	{NULL, "source-mac-address", "\"source-mac-address\": \"02:00:00:00:00:01\""},
	{NULL, "source-mac-address-mask", "\"source-mac-address-mask\": \"ff:ff:ff:00:00:00\""},
	{NULL, "destination-mac-address", "\"destination-mac-address\": \"02:00:00:00:00:01\""},
	{NULL, "destination-mac-address-mask", "\"destination-mac-address-mask\": \"ff:ff:ff:00:00:00\""},
	{NULL, "sluice:vlan-id", "\"sluice:vlan-id\": 100"},
	{NULL, "ipv4", "\"ipv4\": { \"source-ipv4-network\": \"10.0.0.0/8\" }"},
	{NULL, "ipv6", "\"ipv6\": { \"source-ipv6-network\": \"2001:db8::/32\" }"},
	{NULL, "protocol", "\"protocol\": 47"},
	{NULL, "sluice:protocol", "\"sluice:protocol\": 47"},
	{NULL, "source-ipv4-network", "\"source-ipv4-network\": \"10.0.0.0/8\""},
	{NULL, "destination-ipv4-network", "\"destination-ipv4-network\": \"10.0.0.0/8\""},
	{NULL, "source-ipv6-network", "\"source-ipv6-network\": \"2001:db8::/32\""},
	{NULL, "destination-ipv6-network", "\"destination-ipv6-network\": \"2001:db8::/32\""},
	{NULL, "tcp", "\"tcp\": { \"destination-port\": " RANGE " }"},
	{NULL, "udp", "\"udp\": { \"destination-port\": { \"operator\": \"eq\", \"port\": 53 } }"},
	{NULL, "sluice:sctp", "\"sluice:sctp\": { \"destination-port\": { \"operator\": \"eq\", \"port\": 3868 } }"},
	{NULL, "icmp", "\"icmp\": { \"type\": 8, \"code\": 0 }"},
	{"icmp", "type", "\"type\": 8"},
	{"icmp", "code", "\"code\": 0"},
	{NULL, "source-port", "\"source-port\": { \"lower-port\": 1, \"upper-port\": 1023 }"},
	{NULL, "destination-port", "\"destination-port\": " RANGE},
	{NULL, "operator", "\"operator\": \"eq\""},
	{NULL, "port", "\"port\": 22"},
	{NULL, "lower-port", "\"lower-port\": 1"},
	{NULL, "upper-port", "\"upper-port\": 1023"},
	{NULL, "flags", "\"flags\": \"syn\""},
	{NULL, "sluice:flags-mask", "\"sluice:flags-mask\": \"syn ack\""},
	{"port", "name", "\"name\": \"wire0\""},
	{"stack", "name", "\"name\": \"main\""},
	{"ace", "name", "\"name\": \"no-ssh\""},
	{NULL, "name", "\"name\": \"fw\""},
};

/* The name of the member @p back members above the innermost; items of lists have none. */
static const char *member_above(const struct place *place, unsigned back)
{
	for (unsigned i = place->depth; i > 0; i--)
		if (place->steps[i - 1].member != NULL && back-- == 0)
			return place->steps[i - 1].member;
	return "";
}

const char *place_example(const struct place *place)
{
	const char *member = member_above(place, 0), *parent = member_above(place, 1);

	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		if (strcmp(examples[i].member, member) == 0 &&
		    (examples[i].parent == NULL || strcmp(examples[i].parent, parent) == 0))
			return examples[i].example;
	return NULL;
}
