/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A catalogue of drivers that break the contract, one way each. A driver here is one of the rig's neighbours (rig.h)
 * with handlers of its own, written once: right, but for what it does where `wrong` is set.
 *
 *      static void twice(void *context, struct im_packet **packets, uint16_t count)
 *      {
 *              refuse(context, packets, count);
 *              if (wrong)
 *                      refuse(context, packets, count);
 *      }
 *
 * wrong_try() plays each row's scene two times, each with a core of its own. With the right driver the verifier must
 * have nothing to say, from the first load to the end; with the wrong one it must say one thing: the row's statement,
 * of the row's driver.
 */
#ifndef CONFORMANCE_WRONG_H
#define CONFORMANCE_WRONG_H

#include "rig.h"

/** Whether the drivers are to do the wrong thing now. */
extern bool wrong;

struct wrong {
	const char *does;
	const char *statement;			     /* that the verifier must name */
	const char *driver;			     /* that it must blame: "nic", "mid" or "top" */
	struct im_miniport_characteristics miniport; /* handlers of that driver in place of the right ones */
	struct im_protocol_characteristics protocol; /* the same, below */
	void (*change)(struct rig_driver *driver);   /* what else is another one: entry, unload, none at all */
	void (*scene)(void);			     /* from loading on; wrong_try() takes everything down */
	unsigned nic_variant;			     /* RIG_SERIALISED, ... */
	uint32_t workers;			     /* besides the test's own thread */
	bool stops;				     /* there is no going on: the firmware stops, in a child */
};

/** Try the rows of a table, one after the other. */
#define wrong_try(rows) wrong_try_all(rows, RTE_DIM(rows))
void wrong_try_all(const struct wrong *rows, size_t count);

/** The driver of the row as the rig made it: a handler calls on it for what it does like everybody. */
extern struct rig_driver right;

/* ---- Scenes -------------------------------------------------------------------------------------- */

/** A packet that is freed when the scene is over, whoever has it then. */
struct im_packet *wrong_packet(void);

/** "top" over "m0" over "nic"; then what the name says. Sends are complete, requests answered, before it returns. */
void wrong_stack(void);
void wrong_send(void);
void wrong_send_twice(void);	    /* the same packet */
void wrong_send_held(void);	    /* the nic keeps it for a while */
void wrong_receive(void);	    /* lent; the top returns it when it is told to */
void wrong_receive_for_call(void);  /* with status RESOURCES */
void wrong_receive_lookahead(void); /* not as a packet */
void wrong_query(void);		    /* of the link speed, by the top */
void wrong_set(void);		    /* of the look-ahead */

/** A query of the top over @p binding: its status. */
im_status_t wrong_ask(struct rig_binding *binding);

#endif
