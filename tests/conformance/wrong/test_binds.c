/* SPDX-License-Identifier: BSD-3-Clause */
/* Drivers that are wrong in how their bindings come and go (contract 1E, 3). Under one schedule: what is wrong here is
 * done after an open that was through inside its call. */
#include "wrong.h"

/* ---- Binding ------------------------------------------------------------------------------------- */

static void bind(void)
{
	rig_load_all();
	rig_start_nic("nic");
	rig_bind("top", "nic", "top");
	host_settle();
}

static im_status_t bind_without_opening(const struct im_bind_config *config)
{
	return wrong ? IM_STATUS_SUCCESS : right.protocol.bind_adapter(config);
}

static im_status_t fail_with_it_open(const struct im_bind_config *config)
{
	im_status_t status = right.protocol.bind_adapter(config);

	return wrong ? IM_STATUS_RESOURCES : status;
}

static im_status_t bind_and_complete(const struct im_bind_config *config)
{
	im_status_t status = right.protocol.bind_adapter(config);

	if (status == IM_STATUS_PENDING)
		return status;
	im_complete_bind_adapter(config, status);
	if (wrong)
		im_complete_bind_adapter(config, status);
	return IM_STATUS_PENDING;
}

static im_status_t open_twice(const struct im_bind_config *config)
{
	im_status_t status = right.protocol.bind_adapter(config);
	struct im_open open = {.context = config->core};
	struct im_binding *binding = NULL;

	if (wrong)
		im_open_adapter(&binding, rig.top->protocol_handle, config, &open);
	return status;
}

static im_status_t unbind_with_a_failure(void *context, void *unbind_context)
{
	im_status_t status = right.protocol.unbind_adapter(context, unbind_context);

	return wrong && status == IM_STATUS_SUCCESS ? IM_STATUS_FAILURE : status;
}

static im_status_t unbind_without_closing(void *context, void *unbind_context)
{
	struct rig_binding *binding = context;

	if (!wrong)
		return right.protocol.unbind_adapter(context, unbind_context);
	binding->binding = NULL;
	return IM_STATUS_SUCCESS;
}

static im_status_t close_twice(void *context, void *unbind_context)
{
	struct im_binding *handle = ((struct rig_binding *)context)->binding;
	im_status_t status = right.protocol.unbind_adapter(context, unbind_context);

	if (wrong)
		im_close_adapter(handle);
	return status;
}
/* contract: 12.6 */
static void c1_33_c1_34_c1_36_c1_37_c3_3_c3_22_bindings(void **state)
{
	static const struct wrong rows[] = {
		{"binds without opening the adapter", "1.33", "top", .protocol = {.bind_adapter = bind_without_opening},
		 .scene = bind},
		{"fails to bind with the adapter open", "1.36", "top", .protocol = {.bind_adapter = fail_with_it_open},
		 .scene = bind},
		{"opens the adapter of a bind twice", "1.34", "top", .protocol = {.bind_adapter = open_twice},
		 .scene = bind},
		{"completes a bind twice", "3.3", "top", .protocol = {.bind_adapter = bind_and_complete},
		 .scene = bind},
		{"fails to unbind", "1.37", "top", .protocol = {.unbind_adapter = unbind_with_a_failure},
		 .scene = bind},
		{"unbinds without closing", "1.37", "top", .protocol = {.unbind_adapter = unbind_without_closing},
		 .scene = bind},
		{"closes twice", "3.22", "top", .protocol = {.unbind_adapter = close_twice}, .scene = bind},
	};

	(void)state;
	wrong_try(rows);
}

/* ---- Handles that are gone ----------------------------------------------------------------------- */

static struct im_binding *old;

static im_status_t unbind_and_remember(void *context, void *unbind_context)
{
	old = ((struct rig_binding *)context)->binding;
	return right.protocol.unbind_adapter(context, unbind_context);
}

/* It has a second binding, whose events it takes for those of the first. */
static im_status_t ask_over_the_old_one(void *context, struct im_pnp_event *event)
{
	static struct im_request request;

	if (wrong && event->code == IM_PNP_RECONFIGURE) {
		request = (struct im_request){.oid = SLUICE_OID_GEN_LINK_SPEED};
		im_request(old, &request);
	}
	return right.protocol.pnp_event(context, event);
}

static im_status_t reset_over_the_old_one(void *context, struct im_pnp_event *event)
{
	if (wrong && event->code == IM_PNP_RECONFIGURE)
		im_reset(old);
	return right.protocol.pnp_event(context, event);
}

static void unbind_one_of_two(void)
{
	struct im_pnp_event event = {.code = IM_PNP_RECONFIGURE};

	bind();
	rig_start_nic("other");
	rig_bind("top", "other", "second");
	host_settle();
	host_unbind_over("nic");
	host_settle();
	host_pnp_event("other", &event);
}

/* contract: 11.29 11.30 */
static void c3_22_calls_over_a_binding_that_is_gone(void **state)
{
	static const struct wrong rows[] = {
		{"sends a request over a binding that is gone", "3.22", "top",
		 .protocol = {.unbind_adapter = unbind_and_remember, .pnp_event = ask_over_the_old_one},
		 .scene = unbind_one_of_two},
		{"asks for a reset over a binding that is gone", "3.22", "top",
		 .protocol = {.unbind_adapter = unbind_and_remember, .pnp_event = reset_over_the_old_one},
		 .scene = unbind_one_of_two},
	};

	(void)state;
	wrong_try(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c1_33_c1_34_c1_36_c1_37_c3_3_c3_22_bindings),
		cmocka_unit_test(c3_22_calls_over_a_binding_that_is_gone),
	};

	return host_run_tests(tests);
}
