/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The program sluice-shim, with a card of the test's on one side and the kernel on the other, in a network namespace of
 * its own. Root makes that; others skip.
 *
 * usage: test_shim SLUICE-SHIM
 */
#include <dirent.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "abi/status.h"
#include "shim_rig.h"

static void test_frames_both_ways(void **state)
{
	struct fixture *fixture = *state;
	struct ifreq request = {0};

	start(fixture, "");
	assert_int_equal(mtu_of_device(), 1500);
	assert_int_equal(control(SIOCGIFHWADDR, &request), 0);
	assert_memory_equal(request.ifr_hwaddr.sa_data, "\x02\0\0\0\0\x07", 6);
	for (uint8_t i = 1; i < 100; i++)
		expect_both_ways(fixture, i);
}

static void test_a_frame_that_must_be_copied_and_one_with_a_tag(void **state)
{
	const struct sluice_frame_meta meta = {.vlan = 0x2005};
	struct fixture *fixture = *state;
	uint8_t sent[1000], got[2048];

	start(fixture, "");
	make_frame(sent, sizeof(sent), 7);
	assert_true(card_give(&fixture->card, 0, sent, sizeof(sent), NULL, SLUICE_DESC_RESOURCES));
	assert_int_equal(hear_ours(fixture, got, sizeof(got)), sizeof(sent));
	assert_memory_equal(got, sent, sizeof(sent));
	assert_true(card_give(&fixture->card, 0, sent, sizeof(sent), &meta, 0));
	/* the kernel takes the tag off again for those that listen */
	assert_int_equal(hear_ours(fixture, got, sizeof(got)), sizeof(sent));
	assert_memory_equal(got, sent, sizeof(sent));
	/* one that says nonsense about itself is dropped, and the next goes through */
	assert_true(card_give(&fixture->card, 0, sent, sizeof(sent), &(struct sluice_frame_meta){.flags = 0x40}, 0));
	sent[30] = 77;
	assert_true(card_give(&fixture->card, 0, sent, sizeof(sent), NULL, 0));
	assert_int_equal(hear_ours(fixture, got, sizeof(got)), sizeof(sent));
	assert_int_equal(got[30], 77);
}

/* A datagram of the kernel's own: with csum its checksum is left to the card, and the meta says where it is. */
static void send_datagram(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(0xe0000142)};
	struct ip_mreqn device = {.imr_ifindex = (int)if_nametoindex(NAME)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &device, sizeof(device)), 0);
	assert_int_equal(sendto(fd, "datagram", 8, 0, (struct sockaddr *)&to, sizeof(to)), 8);
	close(fd);
}

static void give_address(void)
{
	struct ifreq request = {0};
	struct sockaddr_in *address = (struct sockaddr_in *)(void *)&request.ifr_addr;

	*address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000201)};
	assert_int_equal(control(SIOCSIFADDR, &request), 0);
}

static struct sluice_frame_meta meta_of_datagram(struct fixture *fixture, const char *options)
{
	struct sluice_frame_meta meta = {0};
	uint8_t frame[2048] = {0};
	uint64_t limit = now_ms() + WAIT_MS;

	start(fixture, options);
	give_address();
	send_datagram();
	while (now_ms() < limit && !(frame[12] == 8 && frame[13] == 0 && frame[23] == IPPROTO_UDP)) {
		if (card_take(&fixture->card, 0, frame, &meta) == 0)
			pause_a_little();
	}
	assert_int_equal(frame[23], IPPROTO_UDP);
	return meta;
}

static void test_checksums_are_left_to_the_card(void **state)
{
	struct sluice_frame_meta meta = meta_of_datagram(*state, "");

	assert_int_equal(meta.flags, 1);
	assert_int_equal(meta.csum_start, 34);
	assert_int_equal(meta.csum_offset, 6);
}

static void test_no_offloads(void **state)
{
	const struct sluice_frame_meta none = {0};
	struct sluice_frame_meta meta = meta_of_datagram(*state, "--offloads none");

	assert_memory_equal(&meta, &none, sizeof(none));
}

/* Features of the device: bits of ETHTOOL_GTSO and its like. */
static uint32_t feature(uint32_t command)
{
	struct ethtool_value value = {.cmd = command};
	struct ifreq request = {.ifr_data = (void *)&value};

	assert_int_equal(control(SIOCETHTOOL, &request), 0);
	return value.data;
}

/* The kernel leaves to the card what the port does, and no more, whatever comes into its stack later. */
static void test_offloads_follow_the_port(void **state)
{
	const uint32_t sums = 0x07, all = 0x0f, tcp = 0x0a;
	struct fixture *fixture = *state;

	start(fixture, "");
	assert_true(feature(ETHTOOL_GTXCSUM) && feature(ETHTOOL_GTSO));
	card_set_oid(&fixture->card, SLUICE_OID_TCP_TASK_OFFLOAD, &sums, 4);
	WAIT_UNTIL(!feature(ETHTOOL_GTSO));
	assert_true(feature(ETHTOOL_GTXCSUM));
	WAIT_UNTIL(has_said(fixture, "port host0 does less work for " NAME " now"));
	card_set_oid(&fixture->card, SLUICE_OID_TCP_TASK_OFFLOAD, &all, 4);
	WAIT_UNTIL(feature(ETHTOOL_GTSO));
	card_set_oid(&fixture->card, SLUICE_OID_TCP_TASK_OFFLOAD, &tcp,
		     4); /* the kernel cannot leave TCP alone to it */
	WAIT_UNTIL(!feature(ETHTOOL_GTXCSUM));
	expect_both_ways(fixture, 1);
}

static void test_a_port_without_offloads(void **state)
{
	struct fixture *fixture = *state;
	const uint32_t none = 0;

	card_set_oid(&fixture->card, SLUICE_OID_TCP_TASK_OFFLOAD, &none, 4);
	start(fixture, "--offloads csum,tso4");
	assert_false(feature(ETHTOOL_GTXCSUM));
	WAIT_UNTIL(has_said(fixture, "port host0 does only a part of --offloads"));
}

static bool card_has(struct fixture *fixture, uint32_t oid, const void *value, uint32_t length)
{
	const struct card_setting *setting = card_find_oid(&fixture->card, oid);

	return setting != NULL && setting->length == length && memcmp(setting->value, value, length) == 0;
}

static bool card_has_filter(struct fixture *fixture, uint32_t filter)
{
	return card_has(fixture, SLUICE_OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter));
}

static bool card_has_multicast(struct fixture *fixture, const char *address)
{
	const struct card_setting *setting = card_find_oid(&fixture->card, SLUICE_OID_802_3_MULTICAST_LIST);

	for (uint32_t at = 0; setting != NULL && at + 6 <= setting->length; at += 6) {
		if (memcmp(setting->value + at, address, 6) == 0)
			return true;
	}
	return false;
}

static void test_the_card_follows_the_device(void **state)
{
	struct fixture *fixture = *state;
	struct packet_mreq membership = {
		.mr_type = PACKET_MR_MULTICAST, .mr_alen = 6, .mr_address = {1, 0, 0x5e, 0x11, 0x22, 0x33}};
	struct ifreq request = {0};

	start(fixture, "");
	WAIT_UNTIL(card_has_filter(fixture, 0x0b));
	change_flags(IFF_PROMISC, 0);
	WAIT_UNTIL(card_has_filter(fixture, 0x2b));
	change_flags(IFF_ALLMULTI, IFF_PROMISC);
	WAIT_UNTIL(card_has_filter(fixture, 0x0f));
	change_flags(0, IFF_ALLMULTI);
	WAIT_UNTIL(card_has_filter(fixture, 0x0b));
	membership.mr_ifindex = (int)if_nametoindex(NAME);
	assert_int_equal(
		setsockopt(fixture->packets, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership, sizeof(membership)), 0);
	WAIT_UNTIL(card_has_multicast(fixture, "\x01\x00\x5e\x11\x22\x33"));
	change_flags(0, IFF_UP);
	WAIT_UNTIL(card_has_filter(fixture, 0));
	/* an address that the card does not take */
	fixture->card.role_fail = SLUICE_STATUS_NOT_SUPPORTED;
	request.ifr_hwaddr.sa_family = 1;
	memcpy(request.ifr_hwaddr.sa_data, "\x02\0\0\0\0\x99", 6);
	assert_int_equal(control(SIOCSIFHWADDR, &request), 0);
	WAIT_UNTIL(has_said(fixture, "the card listens to another address than 02:00:00:00:00:99 (not supported)"));
	fixture->card.role_fail = 0;
	change_flags(IFF_UP, 0);
	WAIT_UNTIL(card_has_filter(fixture, 0x2b));
	/* an MTU that the port does not have; a smaller one is the user's business */
	request = (struct ifreq){.ifr_mtu = 9000};
	assert_int_equal(control(SIOCSIFMTU, &request), 0);
	WAIT_UNTIL(mtu_of_device() == 1500);
	WAIT_UNTIL(has_said(fixture, "MTU 9000 of " NAME " is more than the port takes: set back to 1500"));
	request = (struct ifreq){.ifr_mtu = 1400};
	assert_int_equal(control(SIOCSIFMTU, &request), 0);
	close(fixture->packets); /* it remembers that the device was down */
	fixture->packets = open_packets();
	expect_both_ways(fixture, 3);
	assert_int_equal(mtu_of_device(), 1400);
}

/* Its index stays, its name does not: it is still followed, and set. */
static void test_a_device_that_is_renamed(void **state)
{
	struct fixture *fixture = *state;

	start(fixture, "");
	assert_int_equal(system("ip link set " NAME " name other"), 0);
	assert_int_equal(system("ip maddress add 01:00:5e:11:22:44 dev other"), 0);
	WAIT_UNTIL(has_said(fixture, "network device " NAME " is called other now"));
	WAIT_UNTIL(card_has_multicast(fixture, "\x01\x00\x5e\x11\x22\x44"));
	assert_int_equal(system("ip link set other mtu 9000"), 0);
	WAIT_UNTIL(has_said(fixture, "MTU 9000 of other is more than the port takes: set back to 1500"));
	assert_int_equal(system("ip link set other name " NAME), 0);
	WAIT_UNTIL(mtu_of_device() == 1500);
	expect_both_ways(fixture, 4);
}

/* With that of a port whose policy changed, but not with one that the user chose. */
static void test_the_mtu_grows(void **state)
{
	struct ifreq request = {.ifr_mtu = 3000};
	struct fixture *fixture = *state;

	start(fixture, "");
	for (uint32_t mtu = 4000; mtu <= 9000; mtu += 5000) {
		card_stop(&fixture->card);
		WAIT_UNTIL(!has_carrier());
		fixture->card.mtu = mtu;
		card_start(&fixture->card);
		WAIT_UNTIL(has_carrier());
		expect_both_ways(fixture, 4);
		if (mtu == 4000) {
			WAIT_UNTIL(mtu_of_device() == 4000);
			assert_int_equal(control(SIOCSIFMTU, &request), 0);
		}
	}
	change_flags(IFF_PROMISC, 0);
	WAIT_UNTIL(card_has_filter(fixture, 0x2b)); /* it has looked at the device again */
	assert_int_equal(mtu_of_device(), 3000);
}

static void test_the_carrier_follows_the_link(void **state)
{
	const uint32_t disconnected = 1, connected = 0;
	struct fixture *fixture = *state;

	start(fixture, "");
	card_set_oid(&fixture->card, SLUICE_OID_GEN_MEDIA_CONNECT_STATUS, &disconnected, 4);
	WAIT_UNTIL(!has_carrier());
	card_set_oid(&fixture->card, SLUICE_OID_GEN_MEDIA_CONNECT_STATUS, &connected, 4);
	WAIT_UNTIL(has_carrier());
	expect_both_ways(fixture, 1);
}

static void test_the_firmware_dies_and_comes_again(void **state)
{
	struct fixture *fixture = *state;
	unsigned index;

	start(fixture, "");
	index = if_nametoindex(NAME);
	for (unsigned round = 1; round <= 5; round++) {
		uint64_t back_ms;

		expect_both_ways(fixture, (uint8_t)round);
		card_stop(&fixture->card);
		WAIT_UNTIL(!has_carrier());
		assert_int_equal(if_nametoindex(NAME), index);
		WAIT_UNTIL(has_said(fixture, "the firmware is gone; " NAME " stays, without carrier"));
		card_start(&fixture->card);
		back_ms = now_ms();
		WAIT_UNTIL(has_carrier());
		assert_in_range(now_ms() - back_ms, 0, 5000);
		expect_both_ways(fixture, (uint8_t)(100 + round));
		assert_int_equal(fixture->card.clients, round + 1);
	}
}

static void restart_card(struct fixture *fixture, uint32_t mtu, uint16_t queues)
{
	card_stop(&fixture->card);
	WAIT_UNTIL(!has_carrier());
	fixture->card.mtu = mtu;
	fixture->card.queues = queues;
	card_start(&fixture->card);
}

static void test_a_firmware_with_a_smaller_mtu(void **state)
{
	struct fixture *fixture = *state;
	struct ifreq request = {.ifr_mtu = 1300};

	start(fixture, "");
	restart_card(fixture, 1400, 1);
	WAIT_UNTIL(mtu_of_device() == 1400);
	WAIT_UNTIL(has_said(fixture, "MTU 1500 of " NAME " is more than the port takes: set back to 1400"));
	restart_card(fixture, 1450, 1);
	WAIT_UNTIL(mtu_of_device() == 1450);
	restart_card(fixture, 9000, 1);
	WAIT_UNTIL(mtu_of_device() == 9000);
	WAIT_UNTIL(has_said(fixture, "the port takes longer frames now: MTU of " NAME " is 9000, not 1450"));
	/* what the user changes meanwhile stays */
	restart_card(fixture, 1400, 1);
	WAIT_UNTIL(mtu_of_device() == 1400);
	assert_int_equal(control(SIOCSIFMTU, &request), 0);
	restart_card(fixture, 1500, 1);
	WAIT_UNTIL(has_carrier());
	expect_both_ways(fixture, 3);
	assert_int_equal(mtu_of_device(), 1300);
}

/* What a card refuses, and be it that it dies, is no word of the next one. */
static void test_a_firmware_that_takes_what_the_last_one_refused(void **state)
{
	struct fixture *fixture = *state;

	start(fixture, "");
	WAIT_UNTIL(card_has_filter(fixture, 0x0b));
	fixture->card.role_fail = SLUICE_STATUS_NOT_SUPPORTED;
	assert_int_equal(system("ip maddress add 01:00:5e:11:22:55 dev " NAME), 0);
	WAIT_UNTIL(has_said(fixture, "it delivers all multicast instead"));
	card_stop(&fixture->card);
	WAIT_UNTIL(!has_carrier());
	fixture->card.role_fail = 0;
	card_start(&fixture->card);
	WAIT_UNTIL(card_has_multicast(fixture, "\x01\x00\x5e\x11\x22\x55"));
	change_flags(IFF_PROMISC, 0);
	WAIT_UNTIL(card_has_filter(fixture, 0x2b));
}

static void test_a_firmware_with_other_queues(void **state)
{
	struct fixture *fixture = *state;

	fixture->card.queues = 2;
	start(fixture, "--queues 2");
	restart_card(fixture, 1500, 1);
	WAIT_UNTIL(has_said(fixture, "port host0: the port has fewer queue pairs than before; trying again"));
	assert_false(has_carrier());
	card_stop(&fixture->card);
	fixture->card.queues = 2;
	card_start(&fixture->card);
	WAIT_UNTIL(has_carrier());
	expect_both_ways(fixture, 9);
}

static void test_a_firmware_that_comes_later(void **state)
{
	struct fixture *fixture = *state;

	start_shim(fixture, "");
	WAIT_UNTIL(has_said(fixture, "the firmware is not running"));
	assert_int_equal(if_nametoindex(NAME), 0);
	card_start(&fixture->card);
	WAIT_UNTIL(has_said(fixture, "sluice-shim: ready"));
	assert_int_not_equal(if_nametoindex(NAME), 0);
	assert_int_equal(end_of_shim(fixture, SIGINT), 0);
	assert_int_equal(if_nametoindex(NAME), 0);
}

static void test_a_stop_while_it_waits(void **state)
{
	struct fixture *fixture = *state;

	start_shim(fixture, "");
	WAIT_UNTIL(has_said(fixture, "the firmware is not running"));
	assert_int_equal(end_of_shim(fixture, SIGTERM), 0);
}

static void test_a_device_that_persists(void **state)
{
	struct fixture *fixture = *state;
	struct ifreq request = {.ifr_mtu = 1300};
	unsigned index;

	start(fixture, "--persist");
	index = if_nametoindex(NAME);
	assert_int_equal(control(SIOCSIFMTU, &request), 0);
	kill(fixture->shim, SIGKILL);
	end_of_shim(fixture, 0);
	assert_int_equal(if_nametoindex(NAME), index);
	start_shim(fixture, "--persist");
	WAIT_UNTIL(has_said(fixture, "sluice-shim: ready"));
	assert_int_equal(if_nametoindex(NAME), index);
	assert_int_equal(mtu_of_device(), 1300); /* as the user left it */
	WAIT_UNTIL(has_carrier());
	expect_both_ways(fixture, 5);
	assert_int_equal(end_of_shim(fixture, SIGTERM), 0);
	assert_int_equal(if_nametoindex(NAME), index);
	start_shim(fixture, ""); /* takes it over, and away in the end */
	WAIT_UNTIL(has_said(fixture, "sluice-shim: ready"));
	assert_int_equal(end_of_shim(fixture, SIGTERM), 0);
	assert_int_equal(if_nametoindex(NAME), 0);
}

static void test_two_queues(void **state)
{
	struct fixture *fixture = *state;
	uint8_t sent[100], got[2048];

	fixture->card.queues = 2;
	start(fixture, "--queues 3");
	WAIT_UNTIL(has_said(fixture, "port host0 has 2 queue pairs: 2 are used, not 3"));
	for (unsigned queue = 0; queue < 2; queue++) {
		make_frame(sent, sizeof(sent), (uint8_t)(40 + queue));
		assert_true(card_give(&fixture->card, queue, sent, sizeof(sent), NULL, 0));
		assert_int_equal(hear_ours(fixture, got, sizeof(got)), sizeof(sent));
		assert_memory_equal(got, sent, sizeof(sent));
	}
}

static void test_a_deleted_device(void **state)
{
	struct fixture *fixture = *state;
	int status;

	start(fixture, "");
	assert_int_equal(system("ip link delete " NAME), 0);
	status = end_of_shim(fixture, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_non_null(strstr(fixture->said, "network device " NAME " was deleted"));
}

static void test_a_name_that_is_taken(void **state)
{
	struct fixture *fixture = *state;
	int status;

	assert_int_equal(system("ip tuntap add " NAME " mode tun"), 0);
	card_start(&fixture->card);
	start_shim(fixture, "");
	status = end_of_shim(fixture, 0);
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_non_null(strstr(fixture->said, "network device " NAME " is there, and of another kind"));
	assert_int_equal(system("ip link delete " NAME), 0);
}

/* Clock ticks that the shim has used. */
static unsigned long ticks_of_shim(struct fixture *fixture)
{
	unsigned long user = 0, kernel = 0;
	char path[64], line[1024] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", fixture->shim);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_non_null(fgets(line, sizeof(line), file));
	fclose(file);
	assert_int_equal(
		sscanf(strrchr(line, ')'), ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel), 2);
	return user + kernel;
}

static void expect_sleep(struct fixture *fixture)
{
	unsigned long before = ticks_of_shim(fixture);

	usleep(400000);
	assert_true(ticks_of_shim(fixture) - before < 20); /* of 40 that one busy thread would use */
}

static void test_an_idle_shim_sleeps(void **state)
{
	struct fixture *fixture = *state;

	start(fixture, "");
	expect_both_ways(fixture, 1);
	expect_sleep(fixture);
	expect_both_ways(fixture, 2); /* it wakes */
	card_stop(&fixture->card);
	WAIT_UNTIL(!has_carrier());
	expect_sleep(fixture); /* without a card too */
}

static bool manager_hears(struct fixture *fixture, const char *text)
{
	char heard[128] = {0};

	while (recv(fixture->manager, heard, sizeof(heard) - 1, MSG_DONTWAIT) > 0) {
		if (strcmp(heard, text) == 0)
			return true;
		memset(heard, 0, sizeof(heard));
	}
	return false;
}

static void be_manager(struct fixture *fixture)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", fixture->card.dir);
	fixture->manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fixture->manager, (struct sockaddr *)&address, sizeof(address)), 0);
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
	setenv("WATCHDOG_USEC", "100000", 1);
	start(fixture, "");
	WAIT_UNTIL(manager_hears(fixture, "READY=1"));
}

static void be_manager_no_more(const struct fixture *fixture)
{
	char path[96];

	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	snprintf(path, sizeof(path), "%s/notify", fixture->card.dir);
	unlink(path);
}

static void test_a_service_manager(void **state)
{
	struct fixture *fixture = *state;

	be_manager(fixture);
	for (unsigned i = 0; i < 3; i++)
		WAIT_UNTIL(manager_hears(fixture, "WATCHDOG=1"));
	card_stop(&fixture->card);
	WAIT_UNTIL(manager_hears(fixture, "STATUS=waiting for the firmware"));
	WAIT_UNTIL(manager_hears(fixture, "WATCHDOG=1")); /* it is well all the same */
	assert_int_equal(end_of_shim(fixture, SIGTERM), 0);
	WAIT_UNTIL(manager_hears(fixture, "STOPPING=1"));
	be_manager_no_more(fixture);
}

/* The last one that it made. */
static pid_t thread_of_a_pump(const struct fixture *fixture)
{
	struct dirent *entry;
	char path[64];
	pid_t found = 0;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", fixture->shim);
	tasks = opendir(path);
	assert_non_null(tasks);
	while ((entry = readdir(tasks)) != NULL)
		found = atoi(entry->d_name) > found ? atoi(entry->d_name) : found;
	closedir(tasks);
	return found;
}

static unsigned count_heard(struct fixture *fixture, const char *text)
{
	unsigned count = 0;

	while (manager_hears(fixture, text))
		count++;
	return count;
}

/* The supervisor lives, and the manager is not told so for as long as the thread of a queue stands still. */
static void test_the_watchdog_misses_a_thread(void **state)
{
	struct fixture *fixture = *state;
	pid_t thread;

	be_manager(fixture);
	WAIT_UNTIL(manager_hears(fixture, "WATCHDOG=1"));
	thread = thread_of_a_pump(fixture);
	assert_int_equal(ptrace(PTRACE_SEIZE, thread, NULL, NULL), 0);
	assert_int_equal(ptrace(PTRACE_INTERRUPT, thread, NULL, NULL), 0);
	assert_int_equal(waitpid(thread, NULL, __WALL), thread);
	count_heard(fixture, "WATCHDOG=1");
	usleep(400000); /* eight periods; one may still come, for the turns before */
	assert_in_range(count_heard(fixture, "WATCHDOG=1"), 0, 1);
	assert_int_equal(ptrace(PTRACE_DETACH, thread, NULL, NULL), 0);
	WAIT_UNTIL(manager_hears(fixture, "WATCHDOG=1"));
	expect_both_ways(fixture, 1);
	assert_int_equal(end_of_shim(fixture, SIGTERM), 0);
	be_manager_no_more(fixture);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(frames_both_ways),
		CASE(a_frame_that_must_be_copied_and_one_with_a_tag),
		CASE(checksums_are_left_to_the_card),
		CASE(no_offloads),
		CASE(offloads_follow_the_port),
		CASE(a_port_without_offloads),
		CASE(the_card_follows_the_device),
		CASE(a_device_that_is_renamed),
		CASE(the_mtu_grows),
		CASE(the_carrier_follows_the_link),
		CASE(the_firmware_dies_and_comes_again),
		CASE(a_firmware_with_a_smaller_mtu),
		CASE(a_firmware_that_takes_what_the_last_one_refused),
		CASE(a_firmware_with_other_queues),
		CASE(a_firmware_that_comes_later),
		CASE(a_stop_while_it_waits),
		CASE(a_device_that_persists),
		CASE(two_queues),
		CASE(a_deleted_device),
		CASE(a_name_that_is_taken),
		CASE(a_service_manager),
		CASE(the_watchdog_misses_a_thread),
		CASE(an_idle_shim_sleeps),
	};

	if (argc != 2) {
		fprintf(stderr, "usage: %s SLUICE-SHIM\n", argv[0]);
		return 2;
	}
	rig_program = argv[1];
	if (unshare(CLONE_NEWNET) != 0 || access("/dev/net/tun", R_OK | W_OK) != 0) {
		puts("skipped: needs root, and /dev/net/tun");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
