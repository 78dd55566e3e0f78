/* SPDX-License-Identifier: BSD-3-Clause */
#include "im/drain.h"

#include <stddef.h>

#include "im/core.h"

IM_PASSIVE static void look_again(struct im_work *work)
{
	struct im_drain *drain = (struct im_drain *)(void *)((char *)work - offsetof(struct im_drain, work));

	if (drain->is_home(drain->owner))
		drain->done(drain->owner);
	else
		im_schedule_work(work);
}

bool im_sends_are_home(const struct im_binding *binding)
{
	struct im_account sum;

	im_read_account(im_binding_account(binding), &sum);
	return sum.sends_done == sum.sends_begun;
}

bool im_drain_begin(struct im_drain *drain)
{
	if (drain->is_home(drain->owner))
		return true;
	drain->work.run = look_again;
	drain->work.wrapper = drain->wrapper;
	im_schedule_work(&drain->work);
	return false;
}
