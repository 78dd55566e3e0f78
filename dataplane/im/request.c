/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests: OIDs queried and set (contract section 6). They run on the control thread, so there is one at a time
 * (6.14). */
#include <string.h>

#include "core.h"

static im_status_t query(struct im_instance *instance, struct im_request *request)
{
	return instance->miniport->handlers.query_information(instance->context, request->oid, request->buffer,
							      request->length, &request->done, &request->needed);
}

static im_status_t set(struct im_instance *instance, struct im_request *request)
{
	return instance->miniport->handlers.set_information(instance->context, request->oid, request->buffer,
							    request->length, &request->done, &request->needed);
}

im_status_t im_request_instance(struct im_instance *instance, struct im_request *request)
{
	const char *driver = im_wrapper_of(instance)->object->name;
	im_status_t status;

	request->done = 0;
	request->needed = 0;
	status = request->set ? set(instance, request) : query(instance, request);
	if (request->done > request->length)
		im_violation("6.3", driver, "more bytes reported than the buffer holds");
	if (status == IM_STATUS_PENDING)
		im_violation("6.11", driver, "pended a request, for which there is no completion yet");
	return status;
}

im_status_t im_request(struct im_binding *binding, struct im_request *request)
{
	if (binding == NULL || binding->closing)
		return IM_STATUS_CLOSING;
	return im_request_instance(binding->lower, request);
}

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
