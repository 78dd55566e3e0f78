/* SPDX-License-Identifier: BSD-3-Clause */
/* Characteristics of a driver that does nothing, but has all that it must have: for tests that then leave something
 * out. */
#ifndef TEST_IM_OWN_H
#define TEST_IM_OWN_H

#include "rig.h"

struct im_miniport_characteristics own_miniport(void);
struct im_protocol_characteristics own_protocol(void);

#endif
