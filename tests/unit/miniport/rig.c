/* SPDX-License-Identifier: BSD-3-Clause */
#include "rig.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

static unsigned fds_before;

static void on_receive(void *context, struct sluice_packet **packets, unsigned count, bool *keep)
{
	struct note *note = context;

	for (unsigned i = 0; i < count; i++) {
		assert_true(note->received < RIG_LOG);
		assert_false(keep[i]);
		note->packets[note->received] = packets[i];
		note->packet_status[note->received] = packets[i]->status;
		note->packet_length[note->received] = packets[i]->length;
		sluice_miniport_transfer_data(packets[i], 0, &note->first_byte[note->received], 1);
		note->batch[note->received++] = note->batches;
		keep[i] = note->keep && packets[i]->status == IM_STATUS_SUCCESS;
		if (note->on_receive != NULL)
			note->on_receive(note, packets[i]);
	}
	note->batches++;
}

static void on_complete(void *context, struct sluice_send **sends, unsigned count)
{
	struct note *note = context;

	for (unsigned i = 0; i < count; i++) {
		assert_true(note->completions < RIG_LOG);
		note->completed[note->completions++] = sends[i];
		if (note->on_complete != NULL)
			note->on_complete(note, sends[i]);
	}
}

static void on_status(void *context, uint32_t indication, unsigned queue)
{
	struct note *note = context;

	(void)queue;
	assert_true(note->indicated < sizeof(note->indications) / sizeof(note->indications[0]));
	note->indications[note->indicated++] = indication;
}

static const struct sluice_protocol_handlers handlers = {
	.receive = on_receive, .send_complete = on_complete, .status = on_status};

unsigned rig_open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

unsigned rig_maps(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	unsigned count = 0;

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps) != NULL)
		count += strstr(line, "/memfd:card") != NULL;
	fclose(maps);
	return count;
}

int rig_set_up(void **state)
{
	static const uint32_t connected;
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	alarm(TEST_LIMIT_S);
	fds_before = rig_open_fds();
	card_init(&rig->card);
	rig->card.queues = 2;
	rig->card.has_stack = true;
	card_set_oid(&rig->card, SLUICE_OID_GEN_MEDIA_CONNECT_STATUS, &connected, sizeof(connected));
	*state = rig;
	return 0;
}

void rig_attach(struct rig *rig, struct note *note)
{
	note->protocol = sluice_miniport_attach(rig->miniport, &handlers, note);
	assert_non_null(note->protocol);
}

void rig_start(struct rig *rig)
{
	struct sluice_fault fault = {0};
	const struct sluice_miniport_config config = {
		.runtime_dir = rig->card.dir,
		.port = "host0",
		.queues = 2,
		.entries = 64,
		.large_receives = rig->large_receives,
	};

	card_start(&rig->card);
	rig->miniport = sluice_miniport_initialize(&config, &fault);
	assert_string_equal(fault.text, "");
	assert_non_null(rig->miniport);
	rig_attach(rig, &rig->a);
}

void rig_halt(struct rig *rig)
{
	assert_int_equal(sluice_miniport_halt(rig->miniport), 0);
	rig->miniport = NULL;
}

int rig_tear_down(void **state)
{
	struct rig *rig = *state;

	rig_halt(rig);
	card_free(&rig->card);
	assert_int_equal(rig_open_fds(), fds_before);
	assert_int_equal(rig_maps(), 0);
	free(rig);
	return 0;
}

uint8_t frame_byte(uint8_t first, uint32_t i)
{
	return (uint8_t)(first + i * 7 + i / 251);
}

void frame_make(uint8_t *frame, uint32_t length, uint8_t first)
{
	for (uint32_t i = 0; i < length; i++)
		frame[i] = frame_byte(first, i);
}

struct sluice_send *send_make(uint32_t length, uint8_t first)
{
	struct sluice_send *send = calloc(1, sizeof(*send));
	struct iovec *piece = calloc(1, sizeof(*piece));

	assert_true(send != NULL && piece != NULL);
	piece->iov_base = malloc(length > 0 ? length : 1);
	piece->iov_len = length;
	frame_make(piece->iov_base, length, first);
	send->pieces = piece;
	send->piece_count = 1;
	send->status = IM_STATUS_PENDING;
	return send;
}

void send_free(struct sluice_send *send)
{
	free(send->pieces[0].iov_base);
	free((void *)(uintptr_t)send->pieces);
	free(send);
}
