/* SPDX-License-Identifier: BSD-3-Clause */
#include "im/asking.h"

#include <stddef.h>

#include "im/protocol.h"

#define STOP_LIMIT_MS 1000u /* that an adapter may take for the last request before the close */

/* ---- Questions ----------------------------------------------------------------------------------- */

im_status_t im_ask(struct im_question *question, struct im_binding *below, uint32_t oid, void *buffer, uint32_t length)
{
	im_status_t status;

	im_reset_event(&question->done);
	question->request = (struct im_request){.oid = oid, .buffer = buffer, .length = length};
	status = im_request(below, &question->request);
	if (status != IM_STATUS_PENDING)
		return status;
	im_wait_event(&question->done, 0);
	return question->status;
}

bool im_question_answered(struct im_question *question, struct im_request *request, im_status_t status)
{
	if (request != &question->request)
		return false;
	question->status = status;
	im_set_event(&question->done);
	return true;
}

/* ---- Settings ------------------------------------------------------------------------------------ */

/* Its last touch is the count: who stops the setting waits for it, and frees. */
IM_PASSIVE static void look_again(struct im_work *work)
{
	struct im_setting *setting = (struct im_setting *)(void *)((char *)work - offsetof(struct im_setting, work));

	im_setting_follow(setting);
	__atomic_sub_fetch(&setting->looks, 1, __ATOMIC_RELEASE);
}

void im_setting_init(struct im_setting *setting)
{
	setting->work = (struct im_work){.run = look_again, .wrapper = setting->wrapper};
	im_set_event(&setting->idle);
}

enum step {
	STEP_NONE, /* somebody else sees to it, or it has to wait */
	STEP_SAME, /* it is so already */
	STEP_ASK,
};

/* What is wanted is looked at under the lock, by whoever has the turn. */
static enum step next_step(struct im_setting *setting)
{
	enum step step = STEP_NONE;

	im_acquire_spin_lock(&setting->lock);
	setting->again = setting->busy;
	if (!setting->busy && !setting->barred) {
		setting->value = setting->wanted(setting);
		step = setting->value == setting->has ? STEP_SAME : STEP_ASK;
		setting->busy = true;
		im_reset_event(&setting->idle);
	}
	im_release_spin_lock(&setting->lock);
	return step;
}

/* Returns whether to look again. */
static bool settle(struct im_setting *setting, im_status_t status)
{
	bool again;

	setting->settled(setting, status);
	im_acquire_spin_lock(&setting->lock);
	if (status == IM_STATUS_SUCCESS)
		setting->has = setting->value;
	setting->busy = false;
	again = setting->again && !setting->barred;
	im_release_spin_lock(&setting->lock);
	im_set_event(&setting->idle);
	return again;
}

void im_setting_follow(struct im_setting *setting)
{
	bool again = true;

	while (again) {
		enum step step = next_step(setting);
		im_status_t status = IM_STATUS_SUCCESS;

		if (step == STEP_NONE)
			return;
		if (step == STEP_ASK) {
			setting->request = (struct im_request){.set = true,
							       .oid = setting->oid,
							       .buffer = &setting->value,
							       .length = sizeof(setting->value)};
			status = im_request(setting->below, &setting->request);
		}
		if (status == IM_STATUS_PENDING)
			return;
		again = settle(setting, status);
	}
}

void im_setting_follow_soon(struct im_setting *setting)
{
	__atomic_add_fetch(&setting->looks, 1, __ATOMIC_RELAXED);
	if (!im_schedule_work(&setting->work))
		__atomic_sub_fetch(&setting->looks, 1, __ATOMIC_RELEASE);
}

bool im_setting_answered(struct im_setting *setting, struct im_request *request, im_status_t status)
{
	if (request != &setting->request)
		return false;
	if (settle(setting, status))
		im_setting_follow_soon(setting);
	return true;
}

void im_setting_bar(struct im_setting *setting, bool barred)
{
	im_acquire_spin_lock(&setting->lock);
	setting->barred = barred;
	im_release_spin_lock(&setting->lock);
	if (!barred)
		im_setting_follow(setting);
}

bool im_setting_is_busy(struct im_setting *setting)
{
	bool busy;

	im_acquire_spin_lock(&setting->lock);
	busy = setting->busy;
	im_release_spin_lock(&setting->lock);
	return busy;
}

IM_PASSIVE static void wait_for_looks(struct im_setting *setting)
{
	struct im_event never = {0};

	while (__atomic_load_n(&setting->looks, __ATOMIC_ACQUIRE) > 0)
		im_wait_event(&never, 1);
}

/* A request that was under way may have been for something older: then another one follows it. */
void im_setting_stop(struct im_setting *setting)
{
	im_setting_follow(setting);
	if (im_wait_event(&setting->idle, STOP_LIMIT_MS))
		wait_for_looks(setting);
	im_setting_bar(setting, true);
	if (!im_wait_event(&setting->idle, STOP_LIMIT_MS))
		im_cancel_request(setting->below, &setting->request);
	wait_for_looks(setting);
}
