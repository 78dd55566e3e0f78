/* SPDX-License-Identifier: BSD-3-Clause */
/* Which build this is: the note that the linker leaves in the program. */
#ifndef CTRLPLANE_BUILD_ID_H
#define CTRLPLANE_BUILD_ID_H

#include <stdint.h>

#define BUILD_ID_SIZE 20u

/** Of the running program, filled up with zeros; all zero where it has none. */
void build_id_read(uint8_t id[BUILD_ID_SIZE]);

#endif
