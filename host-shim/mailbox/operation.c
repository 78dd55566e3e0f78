/* SPDX-License-Identifier: BSD-3-Clause */
/* Operations, as their client follows them. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "client_private.h"

/* Looks at an operation that has just begun come fast, later ones slowly. */
#define FIRST_PAUSE_MS 1u
#define LAST_PAUSE_MS  100u

static int report(struct sluice_client *client, int error, struct sluice_fault *fault)
{
	if (fault != NULL)
		*fault = client->fault;
	return error;
}

static int ask(struct sluice_client *client, uint64_t id, struct sluice_operation_record *record)
{
	struct sluice_reply reply;
	int error = sluice_call(client, SLUICE_OP_OPERATION_STATUS, id, 0, NULL, 0, record, sizeof(*record), &reply);

	if (error != 0)
		return error;
	if (reply.status != SLUICE_STATUS_OK) {
		client->fault.status = reply.status;
		client->fault.error_offset = reply.error_offset;
		return client_fail(client, -EREMOTEIO, SLUICE_FAULT_COMMAND, "%s", sluice_status_text(reply.status));
	}
	if (reply.out_length != sizeof(*record) || record->id != id)
		return client_fail(client, -EPROTO, SLUICE_FAULT_PROTOCOL,
				   "the firmware's answer is malformed: it is no record of this operation");
	return 0;
}

int sluice_operation_status(struct sluice_client *client, uint64_t id, struct sluice_operation_record *record,
			    struct sluice_fault *fault)
{
	return report(client, ask(client, id, record), fault);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void pause_for(uint32_t ms)
{
	const struct timespec pause = {.tv_nsec = (long)ms * 1000000};

	clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
}

static bool has_moved(const struct sluice_operation_record *before, const struct sluice_operation_record *now)
{
	return before->id == 0 || before->state != now->state || before->percent != now->percent ||
	       memcmp(before->step, now->step, sizeof(now->step)) != 0;
}

int sluice_wait(struct sluice_client *client, uint64_t id, int timeout_ms,
		void (*progress)(void *context, const struct sluice_operation_record *record), void *context,
		struct sluice_operation_record *record, struct sluice_fault *fault)
{
	struct sluice_operation_record before = {0};
	uint64_t start = now_ms();
	uint32_t pause_ms = FIRST_PAUSE_MS;

	for (;;) {
		int error = ask(client, id, record);

		if (error == 0 && progress != NULL && has_moved(&before, record))
			progress(context, record);
		if (error != 0 || record->state == SLUICE_OPERATION_DONE)
			return report(client, error, fault);
		if (timeout_ms >= 0 && now_ms() - start >= (uint64_t)timeout_ms)
			return report(client,
				      client_fail(client, -EINPROGRESS, SLUICE_FAULT_TIMEOUT,
						  "the operation is not done within %d ms, and goes on", timeout_ms),
				      fault);
		before = *record;
		pause_for(pause_ms);
		pause_ms = pause_ms * 2 < LAST_PAUSE_MS ? pause_ms * 2 : LAST_PAUSE_MS;
	}
}
