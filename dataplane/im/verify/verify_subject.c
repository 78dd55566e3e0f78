/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a handler is called for, for people (contract 12.17). Noted when the call begins, as it may be gone when the
 * call takes too long: a binding that closes, a timer that its function frees.
 */
#include <string.h>

#include "im/bind.h"
#include "im/core.h"
#include "verifier.h"

_Static_assert(SLUICE_NAME_SIZE % sizeof(uint64_t) == 0, "names are whole words");

static const char *name_of(enum im_subject_kind kind, const void *object)
{
	switch (kind) {
	case IM_SUBJECT_DRIVER:
		return ((const struct im_driver_object *)object)->name;
	case IM_SUBJECT_INSTANCE:
		return ((const struct im_instance *)object)->name;
	case IM_SUBJECT_BINDING:
		return ((const struct im_binding *)object)->adapter;
	case IM_SUBJECT_BIND:
		return ((const struct im_bind *)object)->config.adapter;
	case IM_SUBJECT_HANDLE:
		return im_handle_name(object);
	default:
		return "";
	}
}

static const void *code_of(enum im_subject_kind kind, const void *object)
{
	switch (kind) {
	case IM_SUBJECT_WORK:
		return (const void *)(uintptr_t)((const struct im_work *)object)->run;
	case IM_SUBJECT_TIMER:
		return (const void *)(uintptr_t)((const struct im_timer *)object)->expired;
	case IM_SUBJECT_DPC:
		return (const void *)(uintptr_t)((const struct im_dpc *)object)->run;
	default:
		return NULL;
	}
}

void im_subject_note(struct im_subject *subject, enum im_subject_kind kind, const void *object)
{
	uint64_t words[IM_SUBJECT_WORDS] = {0};
	const char *name = name_of(kind, object);

	memcpy(words, name, strnlen(name, sizeof(words) - 1));
	for (uint32_t i = 0; i < IM_SUBJECT_WORDS; i++)
		__atomic_store_n(&subject->name[i], words[i], __ATOMIC_RELEASE);
	__atomic_store_n(&subject->code, code_of(kind, object), __ATOMIC_RELEASE);
}

void im_subject_append(const struct im_subject *subject, char *text, size_t size)
{
	const void *code = __atomic_load_n(&subject->code, __ATOMIC_ACQUIRE);
	uint64_t words[IM_SUBJECT_WORDS];

	for (uint32_t i = 0; i < IM_SUBJECT_WORDS; i++)
		words[i] = __atomic_load_n(&subject->name[i], __ATOMIC_ACQUIRE);
	if (code != NULL)
		im_append_site(text, size, code);
	else
		im_append(text, size, "'%.*s'", (int)sizeof(words) - 1, (const char *)words);
}
