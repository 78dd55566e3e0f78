/* SPDX-License-Identifier: BSD-3-Clause */
#include "core.h"

static struct im_rule_service service; /* under the core's lock */

void im_register_rule_service(const struct im_rule_service *given)
{
	pthread_mutex_lock(&im_core.lock);
	service = given != NULL ? *given : (struct im_rule_service){0};
	pthread_mutex_unlock(&im_core.lock);
}

im_status_t im_change_rules(struct im_wrapper *wrapper, struct im_rule_change *change)
{
	struct im_rule_service now;

	if (wrapper == NULL || change == NULL)
		return IM_STATUS_INVALID_PARAMETER;
	if (!im_passive_call("im_change_rules"))
		return IM_STATUS_FAILURE;
	pthread_mutex_lock(&im_core.lock);
	now = service;
	pthread_mutex_unlock(&im_core.lock);
	if (now.change == NULL)
		return IM_STATUS_NOT_READY;
	now.change(now.context, wrapper->object->name, change);
	return change->status == SLUICE_STATUS_OK ? IM_STATUS_SUCCESS : IM_STATUS_INVALID_DATA;
}
