/* SPDX-License-Identifier: BSD-3-Clause */
/* What a driver's request handlers answer with, so that byte counts are right by themselves (6.2 to 6.9). */
#include <string.h>

#include "im/request.h"

im_status_t im_answer(const void *value, uint32_t size, void *buffer, uint32_t length, uint32_t *written,
		      uint32_t *needed)
{
	*written = 0;
	*needed = 0;
	if (length < size) {
		*needed = size; /* the total (C2) */
		return IM_STATUS_BUFFER_TOO_SHORT;
	}
	if (size > 0) /* an empty list may be asked for without a buffer */
		memcpy(buffer, value, size);
	*written = size;
	return IM_STATUS_SUCCESS;
}

im_status_t im_answer_counter(uint64_t value, void *buffer, uint32_t length, uint32_t *written, uint32_t *needed)
{
	uint32_t low = (uint32_t)value;
	im_status_t status;

	if (length >= sizeof(value))
		return im_answer(&value, sizeof(value), buffer, length, written, needed);
	status = im_answer(&low, sizeof(low), buffer, length, written, needed);
	*needed = sizeof(value);
	return status;
}

im_status_t im_take(void *value, uint32_t size, const void *buffer, uint32_t length, uint32_t *read, uint32_t *needed)
{
	*read = 0;
	*needed = 0;
	if (length != size) {
		*needed = size;
		return IM_STATUS_INVALID_LENGTH;
	}
	if (size > 0)
		memcpy(value, buffer, size);
	*read = size;
	return IM_STATUS_SUCCESS;
}
