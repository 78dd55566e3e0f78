/* SPDX-License-Identifier: BSD-3-Clause */
#include "change.h"

#include "follow.h"

#include "abi/im_status.h"

#include <string.h>

/* What helps where it was refused; else how the command is right. */
static const char *choose_example(const struct session *session, const struct change *change, uint16_t status,
				  char *example, size_t size)
{
	switch (status) {
	case SLUICE_STATUS_DRIVER_IN_USE:
		if (change->request->opcode != SLUICE_OP_DRIVER_UNLOAD)
			return change->example;
		snprintf(example, size, "sluicectl driver unload --uninstall %.31s", session->words[0]);
		return example;
	case SLUICE_STATUS_LAST_DRIVER:
		snprintf(example, size, "sluicectl stack insert %.31s passthru all", session->words[0]);
		return example;
	case SLUICE_STATUS_UNSAFE_PATH:
		snprintf(example, size, "install -D -m 755 %.300s -t /usr/lib/sluice/drivers", change->about);
		return example;
	case SLUICE_STATUS_UNKNOWN_DRIVER:
		return "sluicectl driver list";
	case SLUICE_STATUS_NOT_FOUND:
		return "sluicectl stack show";
	default:
		return change->example;
	}
}

/* "main: the driver refused: it needs two ports". What the driver said is in the words, or else in its status. */
static int refuse(struct session *session, const struct change *change, const struct sluice_fault *fault)
{
	const char *words = change->answer.text;
	const char *about = change->about;
	char message[640], example[400], place[80];

	if (fault->kind != SLUICE_FAULT_COMMAND)
		return session_fault(session, fault, change->about, change->example);
	if (change->blame && fault->error_offset < change->request->in_length)
		about = change->blame(change, fault->error_offset, place, sizeof(place));
	if (words[0] == '\0' && fault->status == SLUICE_STATUS_DRIVER_REFUSED)
		words = im_status_text((uint32_t)change->reply.result);
	snprintf(message, sizeof(message), "%.200s: %s%s%.223s", about, sluice_status_text(fault->status),
		 words[0] ? ": " : "", words);
	return session_complain(
		session, &(struct complaint){
				 .code = session_fault_code(fault),
				 .status = sluice_status_name(fault->status),
				 .message = message,
				 .example = choose_example(session, change, fault->status, example, sizeof(example)),
			 });
}

int change_give(struct session *session, struct change *change)
{
	struct follow follow;
	enum follow_end end = follow_request(session, change->request, &follow);

	change->reply = follow.reply;
	change->answer = follow.answer;
	change->answer.text[sizeof(change->answer.text) - 1] = '\0';
	change->answer.name[sizeof(change->answer.name) - 1] = '\0';
	change->left = end == FOLLOW_LEFT;
	if (change->left)
		return follow.code;
	return end == FOLLOW_FAILED ? refuse(session, change, &follow.fault) : 0;
}
