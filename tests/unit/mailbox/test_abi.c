/* SPDX-License-Identifier: BSD-3-Clause */
/* The bytes on the wire, written down once: whatever changes them breaks clients that are out there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>

#include "abi/crc32c.h"
#include "abi/data.h"
#include "abi/event.h"
#include "abi/mailbox.h"
#include "abi/opcode.h"
#include "abi/status.h"

static void test_crc32c(void **state)
{
	uint8_t zeros[32] = {0};

	(void)state;
	assert_int_equal(sluice_crc32c(0, "123456789", 9), 0xe3069283u); /* the check value of CRC-32C */
	assert_int_equal(sluice_crc32c(0, zeros, 32), 0x8a9136aau);	 /* RFC 3720 B.4 */
	assert_int_equal(sluice_crc32c(sluice_crc32c(0, "12345", 5), "6789", 4), 0xe3069283u);
}

static void test_hello(void **state)
{
	const struct sluice_hello hello = {
		.magic = SLUICE_MAGIC, .abi_major = 2, .abi_minor = 2, .features = 0x03040506};
	const uint8_t bytes[64] = {'S', 'L', 'U', 'I', 'C', 'E', 'M', 'B', 2, 0, 2, 0, 6, 5, 4, 3};

	(void)state;
	assert_memory_equal(&hello, bytes, sizeof(bytes));
}

static void test_hello_with_a_port(void **state)
{
	const struct sluice_hello hello = {
		.magic = SLUICE_MAGIC, .abi_major = 2, .port = "p", .queues = 0x0102, .entries = 0x0304};
	const uint8_t bytes[64] = {'S', 'L', 'U', 'I', 'C', 'E', 'M', 'B', 2, [16] = 'p', [48] = 2, 1, 4, 3};

	(void)state;
	assert_memory_equal(&hello, bytes, sizeof(bytes));
}

static void test_welcome_with_a_port(void **state)
{
	const struct sluice_welcome welcome = {
		.data_size = {0x0102030405060708, 0x1112131415161718},
		.queues = 0x2122,
		.entries = 0x3132,
		.mtu = 0x41424344,
		.mac = {1, 2, 3, 4, 5, 6},
	};
	const uint8_t bytes[128] = {[64] = 8, 7,    6,	  5,	4,    3,    2,	  1,	0x18, 0x17,
				    0x16,     0x15, 0x14, 0x13, 0x12, 0x11, 0x22, 0x21, 0x32, 0x31,
				    0x44,     0x43, 0x42, 0x41, 1,    2,    3,	  4,	5,    6};

	(void)state;
	assert_memory_equal(&welcome, bytes, sizeof(bytes));
}

static void test_data_rings(void **state)
{
	const struct sluice_desc desc = {
		.offset = 0x01020304, .length = 0x1112, .flags = 0x2122, .id = 0x31323334, .reserved = 0x41424344};
	const struct sluice_frame_meta meta = {1, 2, 0x0304, 0x0506, 0x0708, 0x090a, 0x0b0c, {13, 14, 15, 16}};
	const uint8_t desc_bytes[16] = {4,    3,    2,	  1,	0x12, 0x11, 0x22, 0x21,
					0x34, 0x33, 0x32, 0x31, 0x44, 0x43, 0x42, 0x41};
	const uint8_t meta_bytes[16] = {1, 2, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 13, 14, 15, 16};

	(void)state;
	assert_memory_equal(&desc, desc_bytes, sizeof(desc));
	assert_memory_equal(&meta, meta_bytes, sizeof(meta));
	assert_int_equal(offsetof(struct sluice_card_line, send_head), 64);
	assert_int_equal(offsetof(struct sluice_card_line, return_head), 128);
	assert_int_equal(offsetof(struct sluice_card_line, status), 132);
	assert_int_equal(offsetof(struct sluice_card_line, send_frames), 136);
	assert_int_equal(offsetof(struct sluice_card_line, receive_short), 152);
	assert_int_equal(offsetof(struct sluice_host_line, receive_head), 64);
	assert_int_equal(offsetof(struct sluice_host_line, return_tail), 128);
	assert_int_equal(offsetof(struct sluice_host_line, want_event), 192);
}

/* Where things are, for two pairs of 64: written down once, and nothing overlaps. */
static void test_places_of_the_data_rings(void **state)
{
	(void)state;
	assert_int_equal(sluice_receive_ring_at(2, 64, 0), 4096);
	assert_int_equal(sluice_receive_ring_at(2, 64, 1), 4096 + 1024);
	assert_int_equal(sluice_receive_buffer_at(2, 64, 0, 0), 8192);
	assert_int_equal(sluice_receive_buffer_at(2, 64, 1, 3), 8192 + 67 * 2048);
	assert_int_equal(sluice_card_data_size(2, 64), 8192 + 128 * 2048);
	assert_int_equal(sluice_send_ring_at(2, 64, 1), 4096 + 2048);
	assert_int_equal(sluice_return_ring_at(2, 64, 1), 4096 + 3072);
	assert_int_equal(sluice_send_buffer_at(2, 64, 0, 0), 8192);
	assert_int_equal(sluice_host_data_size(2, 64), 8192 + 128 * 2048);
	assert_int_equal(sluice_card_data_size(16, 4096), 4096 + 16 * 4096 * 16 + 16 * 4096 * 2048);
	assert_true(sluice_host_data_size(16, 4096) < UINT32_MAX); /* an offset has 32 bits */
}

static void test_welcome(void **state)
{
	const struct sluice_welcome welcome = {
		.magic = SLUICE_MAGIC,
		.abi_major = 2,
		.status = SLUICE_STATUS_TOO_MANY_CLIENTS,
		.role = SLUICE_ROLE_OPERATOR,
		.client_id = 0x01020304,
		.ring_entries = SLUICE_RING_ENTRIES,
		.stage_size = SLUICE_STAGE_SIZE,
		.region_size = {0x1000, 0, 0, 0, 0, 0, 0, 0x0a0b0c0d},
	};
	const uint8_t bytes[64] = {'S', 'L', 'U', 'I', 'C', 'E', 'M', 'B', 2,  0, 0, 0, 0,  0,	0,  0,
				   27,	0,   2,	  0,   4,   3,	 2,   1,   64, 0, 0, 0, 0,  0,	16, 0,
				   0,	16,  0,	  0,   0,   0,	 0,   0,   0,  0, 0, 0, 0,  0,	0,  0,
				   0,	0,   0,	  0,   0,   0,	 0,   0,   0,  0, 0, 0, 13, 12, 11, 10};

	(void)state;
	assert_memory_equal(&welcome, bytes, sizeof(bytes));
}

static void test_command(void **state)
{
	const struct sluice_command command = {
		.opcode = SLUICE_OP_POLICY_CHUNK,
		.command_id = 0x0102,
		.flags = 0x03040506,
		.token = 0x1112131415161718,
		.arg = {0x2122232425262728, 0x3132333435363738},
		.in_offset = 0x41424344,
		.in_length = 0x51525354,
		.out_offset = 0x61626364,
		.out_length = 0x71727374,
		.reserved = 0x8182838485868788,
		.crc = 0x91929394,
		.phase = 1,
	};
	const uint8_t bytes[64] = {
		0x21, 0x00, 0x02, 0x01, 0x06, 0x05, 0x04, 0x03, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11,
		0x28, 0x27, 0x26, 0x25, 0x24, 0x23, 0x22, 0x21, 0x38, 0x37, 0x36, 0x35, 0x34, 0x33, 0x32, 0x31,
		0x44, 0x43, 0x42, 0x41, 0x54, 0x53, 0x52, 0x51, 0x64, 0x63, 0x62, 0x61, 0x74, 0x73, 0x72, 0x71,
		0x88, 0x87, 0x86, 0x85, 0x84, 0x83, 0x82, 0x81, 0x94, 0x93, 0x92, 0x91, 0x01, 0x00, 0x00, 0x00,
	};

	(void)state;
	assert_memory_equal(&command, bytes, sizeof(bytes));
}

static void test_completion(void **state)
{
	const struct sluice_completion completion = {
		.command_id = 0x0102,
		.status = SLUICE_STATUS_BAD_LENGTH,
		.status_class = SLUICE_CLASS_CALLER,
		.do_not_retry = 1,
		.sq_head = 0x0304,
		.error_offset = SLUICE_ERROR_IN_COMMAND | 36,
		.out_length = 0x11121314,
		.result = 0x2122232425262728,
		.crc = 0x31323334,
		.phase = 1,
	};
	const uint8_t bytes[32] = {
		0x02, 0x01, 0x02, 0x00, 0x01, 0x01, 0x04, 0x03, 0x24, 0x00, 0x00, 0x80, 0x14, 0x13, 0x12, 0x11,
		0x28, 0x27, 0x26, 0x25, 0x24, 0x23, 0x22, 0x21, 0x34, 0x33, 0x32, 0x31, 0x01, 0x00, 0x00, 0x00,
	};

	(void)state;
	assert_memory_equal(&completion, bytes, sizeof(bytes));
}

static void test_event(void **state)
{
	const struct sluice_event event = {
		.kind = SLUICE_EVENT_POLICY,
		.lost = 0x0102,
		.number = 0x11121314,
		.time_ms = 0x2122232425262728,
		.value = 0x3132333435363738,
		.subject = "wire0",
		.crc = 0x41424344,
		.phase = 1,
	};
	const uint8_t bytes[64] = {
		0x04, 0x00, 0x02, 0x01,	       0x14, 0x13, 0x12, 0x11, 0x28, 0x27, 0x26, 0x25, 0x24,
		0x23, 0x22, 0x21, 0x38,	       0x37, 0x36, 0x35, 0x34, 0x33, 0x32, 0x31, 'w',  'i',
		'r',  'e',  '0',  [56] = 0x44, 0x43, 0x42, 0x41, 0x01, 0x00, 0x00, 0x00,
	};

	(void)state;
	assert_memory_equal(&event, bytes, sizeof(bytes));
}

static void test_doorbell(void **state)
{
	static const struct sluice_doorbell doorbell = {.cq_head = 0x01020304, .event_head = 0x11121314};
	static const uint8_t bytes[4096] = {0x04, 0x03, 0x02, 0x01, [64] = 0x14, 0x13, 0x12, 0x11};

	(void)state;
	assert_memory_equal(&doorbell, bytes, sizeof(bytes));
}

static void test_info_region(void **state)
{
	static const struct sluice_info_region info = {
		.magic = SLUICE_MAGIC,
		.abi_major = 0x0102,
		.abi_minor = 0x0304,
		.device_status = SLUICE_DEVICE_DRAINING,
		.boot_id = 0x1112131415161718,
		.policy_generation = 0x2122232425262728,
		.control_heartbeat = 0x3132333435363738,
		.worker_heartbeat = 0x4142434445464748,
		.version = "1.2",
		.features = 0x51525354,
		.events = 0x61626364,
		.reset_generation = 0x81828384,
		.syndrome = 0x71727374,
		.reset_reason = "reason",
		.last_words = "last",
		.previous_words = "previous",
		.capability[31] = {0x9192, 0xa1a2, 0xb1b2, 0xc1c2},
		.health =
			{
				.sequence = 0x01020304,
				.state = 0x11121314,
				.count = 0x21222324,
				.omitted = 0x31323334,
				.reporter[30] =
					{
						.name = "wire0",
						.kind = 0x4142,
						.state = 0x5152,
						.errors = 0x61626364,
						.since_ms = 0x7172737475767778,
						.text = "down",
					},
			},
	};
	static const uint8_t bytes[4096] = {
		'S',  'L',	   'U',	 'I',  'C',	      'E',	     'M',  'B',		0x02, 0x01,
		0x04, 0x03,	   0x02, 0x00, 0x00,	      0x00,	     0x18, 0x17,	0x16, 0x15,
		0x14, 0x13,	   0x12, 0x11, 0x28,	      0x27,	     0x26, 0x25,	0x24, 0x23,
		0x22, 0x21,	   0x38, 0x37, 0x36,	      0x35,	     0x34, 0x33,	0x32, 0x31,
		0x48, 0x47,	   0x46, 0x45, 0x44,	      0x43,	     0x42, 0x41,	'1',  '.',
		'2',  [80] = 0x54, 0x53, 0x52, 0x51,	      0x64,	     0x63, 0x62,	0x61, [88] = 0x84,
		0x83, 0x82,	   0x81, 0x74, 0x73,	      0x72,	     0x71, [128] = 'l', 'a',  's',
		't',  [384] = 'p', 'r',	 'e',  'v',	      'i',	     'o',  'u',		's',  [640] = 'r',
		'e',  'a',	   's',	 'o',  'n',	      [1016] = 0x92, 0x91, 0xa2,	0xa1, 0xb2,
		0xb1, 0xc2,	   0xc1, 0x04, 0x03,	      0x02,	     0x01, 0x14,	0x13, 0x12,
		0x11, 0x24,	   0x23, 0x22, 0x21,	      0x34,	     0x33, 0x32,	0x31, [3936] = 'w',
		'i',  'r',	   'e',	 '0',  [3968] = 0x42, 0x41,	     0x52, 0x51,	0x64, 0x63,
		0x62, 0x61,	   0x78, 0x77, 0x76,	      0x75,	     0x74, 0x73,	0x72, 0x71,
		'd',  'o',	   'w',	 'n',
	};

	(void)state;
	assert_memory_equal(&info, bytes, sizeof(bytes));
}

static void test_descriptors(void **state)
{
	static const uint32_t sizes[] = {
#define X(name, bytes, writer) bytes,
		SLUICE_FD_TABLE(X)
#undef X
	};
	static const uint32_t expected[] = {4096, 4096, 4096, 8192, 1 << 20, 1 << 20, 0, 0};

	(void)state;
	assert_int_equal(SLUICE_FD_COUNT, 8);
	assert_memory_equal(sizes, expected, sizeof(expected));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crc32c),
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_welcome),
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_completion),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_hello_with_a_port),
		cmocka_unit_test(test_welcome_with_a_port),
		cmocka_unit_test(test_data_rings),
		cmocka_unit_test(test_places_of_the_data_rings),
		cmocka_unit_test(test_event),
		cmocka_unit_test(test_doorbell),
		cmocka_unit_test(test_info_region),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
