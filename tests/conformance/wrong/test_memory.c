/* SPDX-License-Identifier: BSD-3-Clause */
/* Drivers that are wrong with memory, pools, timers and work (contract 1.22, 1.23, 5.21, 5.31, 9.28, 12.29-12.40). */
#include <string.h>

#include "wrong.h"

/* ---- Memory -------------------------------------------------------------------------------------- */

static uint8_t *buffer;

static void take_memory(struct rig_vnic *vnic)
{
	buffer = im_allocate_memory(vnic->driver->wrapper, 16, "vnic");
}

static im_status_t initialize(struct im_instance *instance, void *device_context)
{
	take_memory(rig_vnic(im_instance_name(instance)));
	return right.miniport.initialize(instance, device_context);
}

static void halt(void *context)
{
	im_free_memory(buffer);
	right.miniport.halt(context);
}

static void halt_and_free_twice(void *context)
{
	halt(context);
	if (wrong)
		im_free_memory(buffer);
}

static void halt_and_free_a_stranger(void *context)
{
	static uint64_t stranger[64] __attribute__((aligned(64)));

	halt(context);
	if (wrong)
		im_free_memory(&stranger[32]);
}

static void halt_without_freeing(void *context)
{
	if (wrong)
		right.miniport.halt(context);
	else
		halt(context);
}

static void halt_after_a_byte_too_many(void *context)
{
	memset(buffer, 1, wrong ? 17 : 16);
	halt(context);
}

static void halt_and_write_on(void *context)
{
	halt(context);
	if (wrong)
		buffer[3] = 0;
}

/* contract: 12.16 12.30 12.40 */
static void c1_22_memory(void **state)
{
	static const struct wrong rows[] = {
		{"frees memory twice", "12.30", "mid",
		 .miniport = {.initialize = initialize, .halt = halt_and_free_twice}, .scene = wrong_stack},
		{"frees what is no memory of its", "12.30", "mid",
		 .miniport = {.initialize = initialize, .halt = halt_and_free_a_stranger}, .scene = wrong_stack},
		{"writes to memory that it has freed", "12.30", "mid",
		 .miniport = {.initialize = initialize, .halt = halt_and_write_on}, .scene = wrong_stack},
		{"writes past the end of its memory", "12.40", "mid",
		 .miniport = {.initialize = initialize, .halt = halt_after_a_byte_too_many}, .scene = wrong_stack},
		{"is unloaded with memory not freed", "1.22", "mid",
		 .miniport = {.initialize = initialize, .halt = halt_without_freeing}, .scene = wrong_stack},
	};

	(void)state;
	wrong_try(rows);
}

/* ---- References ---------------------------------------------------------------------------------- */

/* What a VNIC and whoever answers a query of it have together. */
static struct im_reference shared;

static void nothing_to_free(struct im_reference *reference)
{
	(void)reference;
}

static im_status_t initialize_shared(struct im_instance *instance, void *device_context)
{
	im_reference_init(&shared, nothing_to_free);
	return right.miniport.initialize(instance, device_context);
}

static void halt_shared(void *context)
{
	im_reference_drop(&shared);
	right.miniport.halt(context);
}

/* Drops what it holds while it answers @p times times where it is wrong. */
static im_status_t query_shared(unsigned times, void *context, uint32_t oid, void *buffer, uint32_t length,
				uint32_t *written, uint32_t *needed)
{
	assert_true(im_reference_hold_as(&shared, "query"));
	for (unsigned i = 0; i < (wrong && oid == SLUICE_OID_GEN_LINK_SPEED ? times : 1); i++)
		im_reference_drop_as(&shared, "query");
	return right.miniport.query_information(context, oid, buffer, length, written, needed);
}

static im_status_t query_and_keep(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
				  uint32_t *needed)
{
	return query_shared(0, context, oid, buffer, length, written, needed);
}

static im_status_t query_and_drop_twice(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
					uint32_t *needed)
{
	return query_shared(2, context, oid, buffer, length, written, needed);
}

static void c12_10_references(void **state)
{
	static const struct wrong rows[] = {
		{"gives back a reference twice", "12.10", "mid",
		 .miniport = {.initialize = initialize_shared,
			      .halt = halt_shared,
			      .query_information = query_and_drop_twice},
		 .scene = wrong_query},
		{"does not give back a reference", "12.10", "mid",
		 .miniport = {.initialize = initialize_shared,
			      .halt = halt_shared,
			      .query_information = query_and_keep},
		 .scene = wrong_query},
	};

	(void)state;
	wrong_try(rows);
}

/* ---- Pools --------------------------------------------------------------------------------------- */

static struct im_pool *pool;

/* The top with packets of its own. */
static struct im_packet *take_packet(void)
{
	wrong_stack();
	assert_int_equal(im_allocate_packet_pool(rig.top->wrapper, 4, &pool), IM_STATUS_SUCCESS);
	return im_allocate_packet(pool);
}

static void give_packet(struct im_packet *packet)
{
	if (packet != NULL)
		im_free_packet(pool, packet);
	im_free_packet_pool(pool);
}

static void send(struct im_packet *packet)
{
	im_send_packets(rig.top_binding->binding, &packet, 1);
	host_settle();
}

static void free_twice(void)
{
	struct im_packet *packet = take_packet();

	im_free_packet(pool, packet);
	if (wrong)
		im_free_packet(pool, packet);
	give_packet(NULL);
}

static void send_after_free(void)
{
	struct im_packet *packet = take_packet();

	send(packet);
	im_free_packet(pool, packet);
	if (wrong)
		send(packet);
	give_packet(NULL);
}

static void free_what_is_out(void)
{
	struct im_packet *packet;

	rig.nic->script.sends = RIG_LATER;
	packet = take_packet();
	send(packet);
	if (wrong)
		im_free_packet(pool, packet);
	rig_complete(rig.port, 1, IM_STATUS_SUCCESS);
	host_settle();
	give_packet(packet);
}

static void free_into_another_pool(void)
{
	struct im_packet *packet = take_packet();
	struct im_pool *other;

	assert_int_equal(im_allocate_packet_pool(rig.top->wrapper, 4, &other), IM_STATUS_SUCCESS);
	if (wrong)
		im_free_packet(other, packet);
	im_free_packet_pool(other);
	give_packet(packet);
}

static void free_pool_with_one_out(void)
{
	struct im_packet *packet = take_packet();

	if (wrong)
		im_free_packet_pool(pool);
	give_packet(packet);
}

static void begin_anew_with_buffers(void)
{
	struct im_packet *packet = take_packet();

	packet->mbuf = wrong ? wrong_packet()->mbuf : NULL;
	im_reinitialize_packet(pool, packet);
	give_packet(packet);
}

static void leave_the_pool(void)
{
	struct im_packet *packet = take_packet();

	if (!wrong)
		give_packet(packet);
	else
		im_free_packet(pool, packet);
}

static void send_of_another(void)
{
	struct im_packet *packet;

	wrong_stack();
	assert_int_equal(im_allocate_packet_pool(wrong ? rig.nic->wrapper : rig.top->wrapper, 4, &pool),
			 IM_STATUS_SUCCESS);
	packet = im_allocate_packet(pool);
	send(packet);
	give_packet(packet);
}

/* contract: 11.8 11.17 12.16 12.30 12.38 */
static void c4_14_c5_21_c5_31_pools(void **state)
{
	static const struct wrong rows[] = {
		{"frees a packet twice", "12.30", "top", .scene = free_twice},
		{"sends a packet that it has freed", "5.21", "top", .scene = send_after_free},
		{"frees a packet that is out", "4.14", "top", .scene = free_what_is_out},
		{"frees a packet into another pool", "5.21", "top", .scene = free_into_another_pool},
		{"sends a packet of another driver's pool", "4.14", "top", .scene = send_of_another},
		{"begins a packet anew with its buffers on", "5.21", "top", .scene = begin_anew_with_buffers},
		{"frees a pool with a packet out", "5.31", "top", .scene = free_pool_with_one_out},
		{"is unloaded with a pool", "1.22", "top", .scene = leave_the_pool},
	};

	(void)state;
	wrong_try(rows);
}

/* ---- Packets ------------------------------------------------------------------------------------- */

static void write_behind(struct im_packet *packet)
{
	if (wrong)
		rte_pktmbuf_mtod(packet->mbuf, uint8_t *)[packet->mbuf->data_len] = 0;
}

static void send_a_byte_too_many(void *context, struct im_packet **packets, uint16_t count)
{
	write_behind(packets[0]);
	right.miniport.send_packets(context, packets, count);
}

static void receive_a_byte_too_many(void *context, struct im_packet **packets, uint16_t count, uint16_t *references)
{
	write_behind(packets[0]);
	right.protocol.receive_packets(context, packets, count, references);
}

/* As in a buffer of the card's there is room behind the frame: what is written there is nobody's fault to the C
 * library.
 */
static struct im_packet *roomy_packet(void)
{
	struct im_packet *packet = wrong_packet();

	packet->mbuf->data_len -= 4;
	packet->mbuf->pkt_len -= 4;
	packet->length -= 4;
	return packet;
}

static void send_a_roomy_one(void)
{
	struct im_packet *packet = roomy_packet();

	wrong_stack();
	send(packet);
}

static void lend_a_roomy_one(void)
{
	struct im_packet *packet = roomy_packet();

	rig.top->script.references = 1;
	wrong_stack();
	rig_indicate(rig.port, &packet, 1, IM_STATUS_SUCCESS);
	host_settle();
	rig_return(rig.top_binding, rig.top_binding->held_count);
	host_settle();
}

/* The last byte that one may write to, and the next one. */
static void write_words(struct im_packet *packet)
{
	uint8_t *words = (uint8_t *)im_packet_words(packet);

	memset(words, 1, 2 * sizeof(uintptr_t) + (wrong ? 1 : 0));
}

static void refuse_a_word_too_many(void *context, struct im_packet **packets, uint16_t count)
{
	write_words(packets[0]);
	for (uint16_t i = 0; i < count; i++)
		packets[i]->status = IM_STATUS_FAILURE;
	im_send_complete(((struct rig_vnic *)context)->instance, packets, count);
}

static void send_a_word_too_many(void)
{
	struct im_packet *packet = wrong_packet();

	wrong_stack();
	send(packet);
	write_words(packet); /* its own again */
	packet->status = IM_STATUS_SUCCESS;
	send(packet);
}

static void fill_a_descriptor(void)
{
	struct im_packet *packet = take_packet();

	memset(packet->stack, 0, packet->slots * sizeof(packet->stack[0]) + (wrong ? 1 : 0));
	give_packet(packet);
}

static void c12_40_guards(void **state)
{
	static const struct wrong rows[] = {
		{"writes past the end of a frame that it is sent", "12.40", "mid",
		 .miniport = {.send_packets = send_a_byte_too_many}, .scene = send_a_roomy_one},
		{"writes past the end of a frame that it is lent", "12.40", "mid",
		 .protocol = {.receive_packets = receive_a_byte_too_many}, .scene = lend_a_roomy_one},
		{"writes past its words of a packet that it gives back", "12.40", "mid",
		 .miniport = {.send_packets = refuse_a_word_too_many}, .scene = wrong_send},
		{"writes past its words of a packet that it sends", "12.40", "top", .scene = send_a_word_too_many},
		{"writes past the end of a packet of its pool", "12.40", "top", .scene = fill_a_descriptor},
	};

	(void)state;
	wrong_try(rows);
}

/* ---- Timers -------------------------------------------------------------------------------------- */

static struct im_timer timer;

static void expired(struct im_timer *late)
{
	(void)late;
}

static im_status_t initialize_with_a_timer(struct im_instance *instance, void *device_context)
{
	timer = (struct im_timer){.expired = expired};
	im_set_timer(&timer, 3600 * 1000);
	return right.miniport.initialize(instance, device_context);
}

static void halt_with_a_timer(void *context)
{
	if (!wrong)
		im_cancel_timer(&timer);
	right.miniport.halt(context);
}

static void halt_and_cancel_twice(void *context)
{
	im_cancel_timer(&timer);
	if (wrong)
		im_cancel_timer(&timer);
	right.miniport.halt(context);
}

static void halt_and_set_again(void *context)
{
	if (wrong)
		im_set_timer(&timer, 1000);
	im_cancel_timer(&timer);
	right.miniport.halt(context);
}

/* What fails is not halted: it frees all of it by itself (2.51). */
static im_status_t fail_with_a_timer(struct im_instance *instance, void *device_context)
{
	initialize_with_a_timer(instance, device_context);
	if (!wrong)
		im_cancel_timer(&timer);
	rig_vnic(im_instance_name(instance))->instance = NULL;
	return IM_STATUS_FAILURE;
}

static void fail_to_initialise(void)
{
	rig_load_all();
	rig_start_nic("nic");
	rig_bind("mid", "nic", "m0");
	host_settle();
}

static struct im_timer *inside;

static im_status_t initialize_with_one_inside(struct im_instance *instance, void *device_context)
{
	struct rig_vnic *vnic = rig_vnic(im_instance_name(instance));

	inside = im_allocate_memory(vnic->driver->wrapper, sizeof(*inside), "timer");
	inside->expired = expired;
	im_set_timer(inside, 3600 * 1000);
	return right.miniport.initialize(instance, device_context);
}

static void halt_and_free_around_it(void *context)
{
	if (!wrong)
		im_cancel_timer(inside);
	im_free_memory(inside);
	right.miniport.halt(context);
}

/* contract: 12.2 12.29 */
static void c9_28_timers(void **state)
{
	static const struct wrong rows[] = {
		{"is halted with a timer set", "9.28", "mid",
		 .miniport = {.initialize = initialize_with_a_timer, .halt = halt_with_a_timer}, .scene = wrong_stack},
		{"fails to initialise with a timer set", "9.28", "mid", .miniport = {.initialize = fail_with_a_timer},
		 .scene = fail_to_initialise},
		{"cancels a timer twice", "9.28", "mid",
		 .miniport = {.initialize = initialize_with_a_timer, .halt = halt_and_cancel_twice},
		 .scene = wrong_stack},
		{"sets a timer that is set", "9.28", "mid",
		 .miniport = {.initialize = initialize_with_a_timer, .halt = halt_and_set_again}, .scene = wrong_stack},
		{"frees memory with a timer in it that is set", "9.28", "mid",
		 .miniport = {.initialize = initialize_with_one_inside, .halt = halt_and_free_around_it},
		 .scene = wrong_stack},
	};

	(void)state;
	wrong_try(rows);
}

/* ---- Work ---------------------------------------------------------------------------------------- */

static void run(struct im_work *work)
{
	(void)work;
}

static struct im_work work;

static void unload_with_work(struct rig_driver *driver)
{
	rig_default_unload(driver);
	work = (struct im_work){.run = run, .wrapper = driver->wrapper};
	im_schedule_work(&work);
	if (!wrong)
		im_flush_work(driver->wrapper);
}

/* Whoever waits for all work of a driver waits for itself here. */
static void run_and_wait(struct im_work *self)
{
	if (wrong)
		im_flush_work(self->wrapper);
}

static void wait_inside_work(void)
{
	wrong_stack();
	work = (struct im_work){.run = run_and_wait, .wrapper = rig.mid->wrapper};
	im_schedule_work(&work);
	host_settle();
}

static void change_unload(struct rig_driver *driver)
{
	driver->unload = unload_with_work;
}

/* contract: 11.20 12.3 12.31 */
static void c1_23_work_items(void **state)
{
	static const struct wrong rows[] = {
		{"waits for all its work inside of it", "1.23", "mid", .scene = wait_inside_work, .stops = true},
		{"is unloaded with a work item queued", "1.23", "mid", .change = change_unload, .scene = wrong_stack},
	};

	(void)state;
	wrong_try(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c1_22_memory),	 cmocka_unit_test(c12_10_references),
		cmocka_unit_test(c12_40_guards), cmocka_unit_test(c4_14_c5_21_c5_31_pools),
		cmocka_unit_test(c9_28_timers),	 cmocka_unit_test(c1_23_work_items),
	};

	return host_run_tests(tests);
}
