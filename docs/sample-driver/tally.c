/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tally: passes everything on, and counts frames by EtherType. A sample of a driver that is built outside of Sluice's
 * tree and loaded at run time; docs/writing-a-driver.md goes through it.
 *
 *      sluicectl driver load $PWD/tally.so
 *      sluicectl stack insert STACK tally tally0
 *      sluicectl device call tally 1
 */
#include <pthread.h>
#include <string.h>

#include <rte_byteorder.h>

#include "im/im.h"
#include "im/relay.h"

/* X(name, EtherType) */
#define KINDS(X)                                                                                                       \
	X(IPV4, 0x0800)                                                                                                \
	X(ARP, 0x0806)                                                                                                 \
	X(VLAN, 0x8100)                                                                                                \
	X(IPV6, 0x86dd)

enum kind {
#define X(name, type) KIND_##name,
	KINDS(X)
#undef X
		KIND_OTHER,
	KIND_COUNT,
};

/* What one thread counts: it alone writes, so nothing is locked. */
struct counts {
	uint64_t frames[SLUICE_DIRECTIONS][KIND_COUNT];
} __attribute__((aligned(64)));

/*
 * The counts of one VNIC. They outlive it: a call of the control device may be reading them while halt runs (8.5), so
 * they are freed by whoever lets go of them last.
 */
struct tally {
	struct im_reference reference;
	struct tally *older; /* of those whose VNICs are there; under vnics_lock */
	uint32_t threads;    /* that may count: workers, and control threads */
	struct counts counts[];
};

static struct im_relay_driver driver = {
	.description = "Counts frames by EtherType",
	.own_size = sizeof(struct tally *),
};
static struct im_anchor shown; /* the tally that the control device shows: that of the latest VNIC that there is */

/* One device for all VNICs: it comes with the first and goes with the last of them (8.3). */
static pthread_mutex_t vnics_lock = PTHREAD_MUTEX_INITIALIZER;
static struct tally *newest;
static struct im_device *device;

/* ---- Counting ------------------------------------------------------------------------------------ */

IM_DISPATCH static enum kind kind_of(const struct im_packet *packet)
{
	uint16_t type;

	if (rte_pktmbuf_data_len(packet->mbuf) < 14)
		return KIND_OTHER;
	memcpy(&type, rte_pktmbuf_mtod_offset(packet->mbuf, const void *, 12), sizeof(type));
	switch (rte_be_to_cpu_16(type)) {
#define X(name, number)                                                                                                \
	case number:                                                                                                   \
		return KIND_##name;
		KINDS(X)
#undef X
	default:
		return KIND_OTHER;
	}
}

IM_DISPATCH static void count(const struct im_relay *relay, enum sluice_direction direction,
			      struct im_packet *const *packets, uint16_t n)
{
	struct tally *tally = *(struct tally **)relay->own;
	struct counts *mine = &tally->counts[im_this_worker->index];

	for (uint16_t i = 0; i < n; i++)
		im_add(&mine->frames[direction][kind_of(packets[i])], 1);
}

/* From here on the packets are somebody else's: they are looked at first (4.14). */
IM_DISPATCH static void send_packets(void *context, struct im_packet **packets, uint16_t n)
{
	struct im_relay *relay = context;

	count(relay, SLUICE_OUT, packets, n);
	im_relay_send(relay, packets, n);
}

IM_DISPATCH static void receive_packets(void *context, struct im_packet **packets, uint16_t n, uint16_t *references)
{
	struct im_relay *relay = context;

	if (!im_relay_takes(relay, n))
		return;
	count(relay, SLUICE_IN, packets, n);
	im_relay_indicate(relay, packets, n, references);
}

/* ---- The control device -------------------------------------------------------------------------- */

#define CALL_READ 1u /* out: uint64_t frames[SLUICE_DIRECTIONS][KIND_COUNT] */

IM_PASSIVE static im_status_t device_open(struct im_device *opened, void **handle_context)
{
	(void)opened;
	*handle_context = &shown;
	return IM_STATUS_SUCCESS;
}

IM_PASSIVE static void add_up(const struct tally *tally, uint64_t sum[SLUICE_DIRECTIONS][KIND_COUNT])
{
	for (uint32_t thread = 0; thread < tally->threads; thread++)
		for (uint32_t direction = 0; direction < SLUICE_DIRECTIONS; direction++)
			for (uint32_t kind = 0; kind < KIND_COUNT; kind++)
				sum[direction][kind] += __atomic_load_n(&tally->counts[thread].frames[direction][kind],
									__ATOMIC_RELAXED);
}

IM_PASSIVE static im_status_t device_call(void *handle_context, struct im_device_call *call)
{
	uint64_t sum[SLUICE_DIRECTIONS][KIND_COUNT] = {0};
	struct im_reference *found;

	if (call->code != CALL_READ)
		return IM_STATUS_NOT_SUPPORTED;
	if (call->output_room < sizeof(sum))
		return IM_STATUS_BUFFER_TOO_SHORT;
	found = im_anchor_get(handle_context);
	if (found == NULL)
		return IM_STATUS_DEVICE_REMOVED; /* its VNIC has halted (8.11) */
	add_up((struct tally *)found, sum);
	im_reference_drop(found);
	memcpy(call->output, sum, sizeof(sum));
	call->output_length = sizeof(sum);
	return IM_STATUS_SUCCESS;
}

IM_PASSIVE static void device_close(void *handle_context)
{
	(void)handle_context;
}

static const struct im_device_operations operations = {
	.open = device_open,
	.call = device_call,
	.close = device_close,
};

/* ---- Life ---------------------------------------------------------------------------------------- */

IM_PASSIVE static void destroy(struct im_reference *reference)
{
	im_free_memory(reference);
}

/* What was shown is out of sight first; a call that has found it meanwhile lets go of it last (8.10). */
IM_PASSIVE static void show_newest(void)
{
	struct im_reference *before;

	if (newest != NULL)
		im_reference_hold(&newest->reference); /* the anchor's */
	before = newest != NULL ? im_anchor_publish(&shown, &newest->reference) : im_anchor_clear(&shown);
	im_reference_drop(before);
}

/* That the device could not be had is no reason to fail the VNIC (8.2); the next one tries again (8.4). */
IM_PASSIVE static void vnic_comes(struct tally *tally)
{
	pthread_mutex_lock(&vnics_lock);
	tally->older = newest;
	newest = tally;
	show_newest();
	if (device == NULL && im_register_device(driver.wrapper, "tally", &operations, &device) != IM_STATUS_SUCCESS)
		device = NULL;
	pthread_mutex_unlock(&vnics_lock);
}

IM_PASSIVE static void vnic_goes(const struct tally *tally)
{
	struct tally **at = &newest;

	pthread_mutex_lock(&vnics_lock);
	while (*at != tally)
		at = &(*at)->older;
	*at = tally->older;
	show_newest();
	if (newest == NULL) {
		im_deregister_device(device);
		device = NULL;
	}
	pthread_mutex_unlock(&vnics_lock);
}

IM_PASSIVE static im_status_t start(struct im_relay *relay)
{
	uint32_t threads = im_thread_count();
	struct tally *tally =
		im_allocate_memory(driver.wrapper, sizeof(*tally) + threads * sizeof(tally->counts[0]), "tally");

	if (tally == NULL)
		return IM_STATUS_RESOURCES;
	im_reference_init(&tally->reference, destroy);
	tally->threads = threads;
	*(struct tally **)relay->own = tally;
	vnic_comes(tally);
	return IM_STATUS_SUCCESS;
}

IM_PASSIVE static void stop(struct im_relay *relay)
{
	struct tally *tally = *(struct tally **)relay->own;

	vnic_goes(tally);
	im_reference_drop(&tally->reference); /* the VNIC's */
}

IM_PASSIVE static im_status_t bind_adapter(const struct im_bind_config *config)
{
	return im_relay_bind(&driver, config);
}

IM_PASSIVE static void unload(void)
{
	im_relay_unload(&driver);
}

IM_INIT static im_status_t driver_entry(struct im_driver_object *object)
{
	static const struct im_miniport_characteristics miniport = {.send_packets = send_packets};
	static const struct im_protocol_characteristics protocol = {
		.bind_adapter = bind_adapter,
		.receive_packets = receive_packets,
	};

	driver.start = start;
	driver.stop = stop;
	return im_relay_register(&driver, object, &miniport, &protocol, unload);
}

IM_DRIVER("tally", "counts frames by EtherType")
