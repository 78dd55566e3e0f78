/* SPDX-License-Identifier: BSD-3-Clause */
/* A session whose output and errors are kept in memory. */
#ifndef TEST_CLI_CAPTURE_H
#define TEST_CLI_CAPTURE_H

#include "session.h"

#include <stdlib.h>

struct capture {
	struct session session;
	char *out;
	char *err;
	size_t out_size;
	size_t err_size;
};

static inline void capture_start(struct capture *capture)
{
	*capture = (struct capture){0};
	options_init(&capture->session.options);
	capture->session.options.runtime_dir = "/nonexistent";
	capture->session.out = open_memstream(&capture->out, &capture->out_size);
	capture->session.err = open_memstream(&capture->err, &capture->err_size);
}

/* What was printed so far, in capture->out and capture->err. */
static inline void capture_read(struct capture *capture)
{
	fflush(capture->session.out);
	fflush(capture->session.err);
}

static inline void capture_end(struct capture *capture)
{
	session_close(&capture->session);
	fclose(capture->session.out);
	fclose(capture->session.err);
	free(capture->out);
	free(capture->err);
}

#endif
