/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kernel says about a device, and what the card is to be told of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "follow.h"
#include "watch.h"

struct message {
	struct nlmsghdr header;
	struct ifinfomsg link;
	uint8_t attributes[256];
};

static void add(struct message *message, uint16_t type, const void *value, uint16_t length)
{
	struct rtattr *at = (struct rtattr *)(void *)((uint8_t *)message + NLMSG_ALIGN(message->header.nlmsg_len));

	at->rta_type = type;
	at->rta_len = (uint16_t)RTA_LENGTH(length);
	memcpy(RTA_DATA(at), value, length);
	message->header.nlmsg_len = NLMSG_ALIGN(message->header.nlmsg_len) + RTA_ALIGN(at->rta_len);
}

static struct message make(unsigned flags, uint32_t promiscuity)
{
	const uint8_t mac[6] = {2, 1, 2, 3, 4, 5};
	const uint32_t mtu = 1400;
	struct message message = {
		.header = {.nlmsg_type = RTM_NEWLINK, .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg))},
		.link = {.ifi_flags = flags},
	};

	add(&message, IFLA_IFNAME, "sluice7", sizeof("sluice7"));
	add(&message, IFLA_MTU, &mtu, sizeof(mtu));
	add(&message, IFLA_ADDRESS, mac, sizeof(mac));
	add(&message, IFLA_PROMISCUITY, &promiscuity, sizeof(promiscuity));
	return message;
}

static void test_a_link(void **state)
{
	struct message message = make(IFF_UP, 0);
	struct device_state device;

	(void)state;
	watch_parse_link(&message, message.header.nlmsg_len, &device);
	assert_true(device.present && device.up);
	assert_false(device.promiscuous || device.all_multicast);
	assert_int_equal(device.mtu, 1400);
	assert_string_equal(device.name, "sluice7");
	assert_int_equal(device.mac[5], 5);
	message = make(IFF_ALLMULTI, 1);
	watch_parse_link(&message, message.header.nlmsg_len, &device);
	assert_true(device.promiscuous && device.all_multicast);
	assert_false(device.up);
}

static void test_messages_that_are_none(void **state)
{
	struct message message = make(IFF_UP, 0);
	struct device_state device;

	(void)state;
	for (size_t length = 0; length < message.header.nlmsg_len; length++) {
		void *exact = malloc(length > 0 ? length : 1);

		memcpy(exact, &message, length);
		watch_parse_link(exact, length, &device);
		assert_false(device.present);
		free(exact);
	}
	message.header.nlmsg_type = NLMSG_ERROR;
	watch_parse_link(&message, message.header.nlmsg_len, &device);
	assert_false(device.present);
	message = make(IFF_UP, 0);
	((struct rtattr *)(void *)message.attributes)->rta_len = 3; /* shorter than itself */
	watch_parse_link(&message, message.header.nlmsg_len, &device);
	assert_int_equal(device.mtu, 0);
}

static void test_multicast(void **state)
{
	struct device_state device = {0};

	(void)state;
	watch_parse_multicast("7    sluice0         1     0     01005e000001\n", 7, &device);
	watch_parse_multicast("7    sluice0         1     0     3333ff12abcd\n", 7, &device);
	watch_parse_multicast("8    other           1     0     01005e000002\n", 7, &device);
	watch_parse_multicast("7    sluice0         1     0     01005e0000\n", 7, &device);
	watch_parse_multicast("7    sluice0         1     0     01005e00000x\n", 7, &device);
	watch_parse_multicast("nonsense\n", 7, &device);
	assert_int_equal(device.multicast_count, 2);
	assert_memory_equal(device.multicast[1], "\x33\x33\xff\x12\xab\xcd", 6);
	for (unsigned i = 0; i < WATCH_MULTICAST_MAX; i++)
		watch_parse_multicast("7    sluice0         1     0     01005e000001\n", 7, &device);
	assert_int_equal(device.multicast_count, WATCH_MULTICAST_MAX + 2);
}

static void test_filter(void **state)
{
	struct device_state device = {.present = true, .up = true};

	(void)state;
	assert_int_equal(follow_filter(&device, false, true), 0x0b);
	assert_int_equal(follow_filter(&device, false, false), 0x0f);
	assert_int_equal(follow_filter(&device, true, true), 0x2b);
	device.promiscuous = device.all_multicast = true;
	assert_int_equal(follow_filter(&device, false, true), 0x2f);
	device.up = false;
	assert_int_equal(follow_filter(&device, true, false), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_link),
		cmocka_unit_test(test_messages_that_are_none),
		cmocka_unit_test(test_multicast),
		cmocka_unit_test(test_filter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
