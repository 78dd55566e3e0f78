/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>

#include "mailbox_rig.h"

static void *zeroed(size_t size)
{
	void *memory = aligned_alloc(64, size);

	assert_non_null(memory);
	return memset(memory, 0, size);
}

int mailbox_rig_up(void **state)
{
	struct rig *rig = zeroed((sizeof(*rig) + 63) / 64 * 64);

	rig->ring.doorbell = zeroed(sizeof(struct sluice_doorbell));
	rig->ring.submission = zeroed(SLUICE_RING_ENTRIES * sizeof(struct sluice_command));
	rig->cq = zeroed(SLUICE_RING_ENTRIES * sizeof(struct sluice_completion));
	rig->ring.stage_in = zeroed(SLUICE_STAGE_SIZE);
	rig->stage_out = zeroed(SLUICE_STAGE_SIZE);
	rig->ring.completion = rig->cq;
	rig->ring.stage_out = rig->stage_out;
	rig->mailbox.regions = (struct mailbox_regions){rig->ring.doorbell, rig->ring.submission, rig->cq,
							rig->ring.stage_in, rig->stage_out};
	rig->mailbox.ops = &toy_ops;
	rig->mailbox.context = &rig->toy;
	rig->mailbox.counters = &rig->counters;
	rig->mailbox.role = SLUICE_ROLE_OPERATOR;
	rig->mailbox.client = 1;
	rig->answers = calloc(1, sizeof(*rig->answers));
	assert_non_null(rig->answers);
	rig->mailbox.answers = rig->answers;
	assert_int_equal(mailbox_scratch_create(&rig->mailbox.scratch), 0);
	*state = rig;
	return 0;
}

int mailbox_rig_down(void **state)
{
	struct rig *rig = *state;

	mailbox_scratch_destroy(&rig->mailbox.scratch);
	free(rig->ring.doorbell);
	free(rig->ring.submission);
	free(rig->cq);
	free(rig->ring.stage_in);
	free(rig->stage_out);
	free(rig->answers);
	free(rig);
	return 0;
}

struct sluice_completion finish(struct rig *rig)
{
	struct sluice_completion completion;
	uint32_t crc;

	assert_int_equal(mailbox_serve(&rig->mailbox, 8), 1);
	assert_true(ring_take(&rig->ring, &completion));
	crc = sluice_crc32c(0, &completion, 24);
	if (completion.out_length == 0)
		assert_int_equal(completion.crc, crc);
	rig->ring.doorbell->cq_head = rig->ring.consumed;
	return completion;
}

struct sluice_completion run(struct rig *rig, struct sluice_command command)
{
	ring_submit(&rig->ring, command);
	return finish(rig);
}

void expect(const struct sluice_completion *completion, enum sluice_status status, uint32_t error_offset)
{
	assert_string_equal(sluice_status_name(completion->status), sluice_status_name(status));
	assert_int_equal(completion->status_class, sluice_status_class(status));
	assert_int_equal(completion->do_not_retry, sluice_status_do_not_retry(status));
	assert_int_equal(completion->error_offset, error_offset);
}
