/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a miniport has been set to besides packet filters and multicast lists (addressing.c), and has lost in a reset:
 * offloads, wake-up events, wake-up patterns (contract 7.2). All is under the queue's lock, or while no request of
 * others runs.
 *
 * Patterns are kept by their bytes, which mean nothing here. One that there is no room for is refused before the
 * miniport sees it: it could not be given back.
 */
#include <string.h>

#include "im/inside.h"

static struct im_wake_pattern *find(struct im_settings *settings, const struct im_request *request)
{
	for (uint32_t i = 0; i < settings->pattern_count; i++) {
		struct im_wake_pattern *pattern = &settings->patterns[i];

		if (pattern->length == request->length && memcmp(pattern->bytes, request->buffer, request->length) == 0)
			return pattern;
	}
	return NULL;
}

static bool is_new_pattern(struct im_settings *settings, const struct im_request *request)
{
	return request->oid == SLUICE_OID_PNP_ADD_WAKE_UP_PATTERN && request->length > 0 &&
	       find(settings, request) == NULL;
}

bool im_has_room_for_setting(struct im_instance *instance, const struct im_request *request)
{
	struct im_settings *settings = &instance->settings;

	return !is_new_pattern(settings, request) || (request->length <= sizeof(settings->patterns[0].bytes) &&
						      settings->pattern_count < RTE_DIM(settings->patterns));
}

static void add_pattern(struct im_settings *settings, const struct im_request *request)
{
	struct im_wake_pattern *pattern = &settings->patterns[settings->pattern_count++];

	pattern->length = request->length;
	memcpy(pattern->bytes, request->buffer, request->length);
}

static void remove_pattern(struct im_settings *settings, const struct im_request *request)
{
	struct im_wake_pattern *pattern = request->length > 0 ? find(settings, request) : NULL;
	size_t behind;

	if (pattern == NULL)
		return;
	behind = (size_t)(&settings->patterns[settings->pattern_count--] - (pattern + 1));
	memmove(pattern, pattern + 1, behind * sizeof(*pattern));
}

static void set_number(struct im_setting *setting, const struct im_request *request)
{
	if (request->length != sizeof(setting->value))
		return;
	memcpy(&setting->value, request->buffer, sizeof(setting->value));
	setting->is_set = true;
}

void im_remember_setting(struct im_instance *instance, const struct im_request *request)
{
	struct im_settings *settings = &instance->settings;

	switch (request->oid) {
	case SLUICE_OID_TCP_TASK_OFFLOAD:
		set_number(&settings->offloads, request);
		break;
	case SLUICE_OID_PNP_ENABLE_WAKE_UP:
		set_number(&settings->wake_up, request);
		break;
	case SLUICE_OID_PNP_ADD_WAKE_UP_PATTERN:
		if (is_new_pattern(settings, request)) /* the core's own gives back one that is there */
			add_pattern(settings, request);
		break;
	case SLUICE_OID_PNP_REMOVE_WAKE_UP_PATTERN:
		remove_pattern(settings, request);
		break;
	default:
		break;
	}
}
