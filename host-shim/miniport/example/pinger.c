/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small protocol over the virtual miniport: it answers, or asks and measures, by Ethernet frames of a type of their
 * own. Read it beside miniport.h; it shows
 *
 *   - a miniport that is initialised, and a protocol that attaches to it
 *   - packets that are kept while their answer is on its way, and then returned
 *   - sends that are its own again when they are complete
 *   - the loop of one thread: poll, arm, sleep, disarm; once a second a check, and a re-attach where it is needed
 *
 * usage: pinger RUNTIME-DIR PORT echo
 *        pinger RUNTIME-DIR PORT ping MAC COUNT
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "miniport/miniport.h"

#define ETHERTYPE_HIGH 0x88 /* 0x88b5: for local experiments, IEEE 802 */
#define ETHERTYPE_LOW  0xb5
#define ECHOES	       64u   /* answers that can be on their way */
#define WAIT_MS	       1000u /* for an answer; also between two checks */
#define FRAME	       60u

enum kind { REQUEST = 1, REPLY = 2 };

struct frame {
	uint8_t to[6];
	uint8_t from[6];
	uint8_t type[2];
	uint8_t kind; /* enum kind */
	uint8_t reserved;
	uint32_t sequence;
	uint64_t sent_ns;
	uint8_t padding[FRAME - 28];
} __attribute__((packed));
_Static_assert(sizeof(struct frame) == FRAME, "the shortest frame of Ethernet");

/* An answer: a head of its own, and the rest of the request, straight from the packet that is kept for it. */
struct echo {
	struct sluice_send send; /* first: the two are cast to each other */
	struct iovec pieces[1 + SLUICE_DATA_CHAIN_MAX];
	struct sluice_packet *packet; /* NULL: this echo is free */
	uint8_t head[15];
};

struct pinger {
	struct sluice_miniport *miniport;
	struct sluice_protocol *protocol;
	uint8_t mac[6];
	struct echo echoes[ECHOES];
	struct sluice_send ping;
	struct iovec ping_piece;
	struct frame request;
	bool ping_out; /* the send is the miniport's */
	uint32_t answered;
	uint64_t echoed;
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- Answering ----------------------------------------------------------------------------------- */

static struct echo *find_free(struct pinger *pinger)
{
	for (unsigned i = 0; i < ECHOES; i++) {
		if (pinger->echoes[i].packet == NULL)
			return &pinger->echoes[i];
	}
	return NULL;
}

/* The bytes of the packet behind the head. */
static uint32_t add_rest(struct echo *echo, const struct sluice_packet *packet)
{
	uint32_t number = 1;
	size_t skip = sizeof(echo->head);

	for (uint32_t i = 0; i < packet->piece_count; i++) {
		const struct iovec *piece = &packet->pieces[i];
		size_t here = skip < piece->iov_len ? skip : piece->iov_len;

		skip -= here;
		if (here < piece->iov_len)
			echo->pieces[number++] = (struct iovec){.iov_base = (uint8_t *)piece->iov_base + here,
								.iov_len = piece->iov_len - here};
	}
	return number;
}

/* True where the packet is kept until its answer is complete. One that may not be kept, or finds no free answer, is
 * not answered: the peer asks again. */
static bool answer(struct pinger *pinger, struct sluice_packet *packet, const struct frame *request)
{
	struct echo *echo = packet->status == IM_STATUS_SUCCESS ? find_free(pinger) : NULL;
	struct sluice_send *send;

	if (echo == NULL)
		return false;
	memcpy(echo->head, request->from, 6);
	memcpy(echo->head + 6, pinger->mac, 6);
	memcpy(echo->head + 12, request->type, 2);
	echo->head[14] = REPLY;
	echo->packet = packet;
	echo->pieces[0] = (struct iovec){.iov_base = echo->head, .iov_len = sizeof(echo->head)};
	echo->send = (struct sluice_send){.pieces = echo->pieces, .piece_count = add_rest(echo, packet)};
	send = &echo->send;
	sluice_miniport_send(pinger->protocol, packet->queue, &send, 1);
	return true;
}

/* ---- The protocol's handlers --------------------------------------------------------------------- */

static bool take(struct pinger *pinger, struct sluice_packet *packet)
{
	struct frame frame;

	if (sluice_miniport_transfer_data(packet, 0, &frame, sizeof(frame)) < sizeof(frame) ||
	    frame.type[0] != ETHERTYPE_HIGH || frame.type[1] != ETHERTYPE_LOW ||
	    memcmp(frame.to, pinger->mac, sizeof(frame.to)) != 0)
		return false; /* for somebody else */
	if (frame.kind == REQUEST)
		return answer(pinger, packet, &frame);
	if (frame.kind == REPLY && frame.sequence == pinger->request.sequence && pinger->answered < frame.sequence) {
		pinger->answered = frame.sequence;
		printf("answer %u after %.1f us\n", frame.sequence, (double)(now_ns() - frame.sent_ns) / 1000);
		fflush(stdout);
	}
	return false;
}

static void on_receive(void *context, struct sluice_packet **packets, unsigned count, bool *keep)
{
	for (unsigned i = 0; i < count; i++)
		keep[i] = take(context, packets[i]);
}

static void on_send_complete(void *context, struct sluice_send **sends, unsigned count)
{
	struct pinger *pinger = context;

	for (unsigned i = 0; i < count; i++) {
		struct echo *echo = (struct echo *)sends[i];

		if (sends[i] == &pinger->ping) {
			pinger->ping_out = false;
			continue;
		}
		sluice_miniport_return(&echo->packet, 1);
		echo->packet = NULL;
		pinger->echoed++;
	}
}

static void on_status(void *context, uint32_t indication, unsigned queue)
{
	(void)context;
	if (indication == SLUICE_INDICATION_FIRMWARE_GONE)
		fputs("pinger: the firmware is gone\n", stderr);
	else if (indication == SLUICE_INDICATION_ATTACHED)
		fputs("pinger: attached again\n", stderr);
	else if (indication == SLUICE_INDICATION_QUEUE_BROKEN)
		fprintf(stderr, "pinger: queue %u is broken\n", queue);
}

static const struct sluice_protocol_handlers handlers = {
	.receive = on_receive, .send_complete = on_send_complete, .status = on_status};

/* ---- The loop ------------------------------------------------------------------------------------ */

static void sleep_until_something(struct pinger *pinger)
{
	struct pollfd sources[] = {
		{.fd = sluice_miniport_signal(pinger->miniport, 0), .events = POLLIN},
		{.fd = sluice_miniport_connection(pinger->miniport), .events = POLLIN},
	};

	if (!sluice_miniport_arm(pinger->miniport, 0, SLUICE_WANT_RECEIVE | SLUICE_WANT_SEND))
		return;
	poll(sources, 2, WAIT_MS / 20);
	sluice_miniport_disarm(pinger->miniport, 0);
}

static void turn(struct pinger *pinger, uint64_t *checked_ns)
{
	if (sluice_miniport_poll(pinger->miniport, 0, SLUICE_BATCH) == 0)
		sleep_until_something(pinger);
	if (now_ns() - *checked_ns < WAIT_MS * 100000ull)
		return;
	*checked_ns = now_ns();
	if (sluice_miniport_check(pinger->miniport) == -ENOTCONN)
		sluice_miniport_reattach(pinger->miniport, NULL);
	if (sluice_miniport_check_for_hang(pinger->miniport, now_ns() / 1000000))
		sluice_miniport_reset(pinger->miniport);
}

static int echo_for_ever(struct pinger *pinger)
{
	uint64_t checked_ns = now_ns();

	puts("pinger: ready");
	fflush(stdout);
	while (!stop)
		turn(pinger, &checked_ns);
	printf("%llu answered\n", (unsigned long long)pinger->echoed);
	return 0;
}

static void ask(struct pinger *pinger, uint32_t sequence)
{
	struct sluice_send *send = &pinger->ping;

	pinger->request.sequence = sequence;
	pinger->request.sent_ns = now_ns();
	pinger->ping_piece = (struct iovec){.iov_base = &pinger->request, .iov_len = sizeof(pinger->request)};
	pinger->ping = (struct sluice_send){.pieces = &pinger->ping_piece, .piece_count = 1};
	pinger->ping_out = true;
	sluice_miniport_send(pinger->protocol, 0, &send, 1);
}

static int ping(struct pinger *pinger, const uint8_t peer[6], uint32_t count)
{
	uint64_t checked_ns = now_ns();
	uint32_t lost = 0;

	pinger->request = (struct frame){.type = {ETHERTYPE_HIGH, ETHERTYPE_LOW}, .kind = REQUEST};
	memcpy(pinger->request.to, peer, 6);
	memcpy(pinger->request.from, pinger->mac, 6);
	for (uint32_t i = 1; i <= count && !stop; i++) {
		uint64_t limit_ns = now_ns() + WAIT_MS * 1000000ull;

		ask(pinger, i);
		while ((pinger->answered < i && now_ns() < limit_ns && !stop) || pinger->ping_out)
			turn(pinger, &checked_ns);
		lost += pinger->answered < i;
	}
	printf("%u asked, %u lost\n", count, lost);
	return lost == 0 ? 0 : 1;
}

/* ---- Start and end ------------------------------------------------------------------------------- */

static int start(struct pinger *pinger, const char *runtime_dir, const char *port)
{
	const struct sluice_miniport_config config = {
		.runtime_dir = runtime_dir, .port = port, .queues = 1, .entries = 256};
	struct sluice_miniport_traits traits;
	struct sluice_fault fault = {0};

	pinger->miniport = sluice_miniport_initialize(&config, &fault);
	if (pinger->miniport == NULL) {
		fprintf(stderr, "pinger: %s\n", fault.text);
		return -1;
	}
	sluice_miniport_get_traits(pinger->miniport, &traits);
	memcpy(pinger->mac, traits.mac, sizeof(pinger->mac));
	pinger->protocol = sluice_miniport_attach(pinger->miniport, &handlers, pinger);
	return pinger->protocol != NULL ? 0 : -1;
}

static bool parse_mac(const char *text, uint8_t mac[6])
{
	int end = 0;

	return sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4],
		      &mac[5], &end) == 6 &&
	       text[end] == '\0';
}

static int usage(void)
{
	fputs("usage: pinger RUNTIME-DIR PORT echo\n"
	      "       pinger RUNTIME-DIR PORT ping MAC COUNT\n"
	      "example: pinger /run/sluice host0 ping 02:00:00:00:00:07 10\n",
	      stderr);
	return 2;
}

int main(int argc, char **argv)
{
	bool asks = argc == 6 && strcmp(argv[3], "ping") == 0;
	static struct pinger pinger;
	uint8_t peer[6] = {0};
	int status = 1;

	if ((!asks && !(argc == 4 && strcmp(argv[3], "echo") == 0)) || (asks && !parse_mac(argv[4], peer)))
		return usage();
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	if (start(&pinger, argv[1], argv[2]) == 0)
		status = asks ? ping(&pinger, peer, (uint32_t)strtoul(argv[5], NULL, 10)) : echo_for_ever(&pinger);
	sluice_miniport_halt(pinger.miniport); /* completes what is out, so that what was kept is returned */
	return status;
}
