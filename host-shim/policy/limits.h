/* SPDX-License-Identifier: BSD-3-Clause */
/* Bounds of values, for the check of images and for the messages about documents. See docs/policy.md. */
#ifndef SLUICE_POLICY_LIMITS_H
#define SLUICE_POLICY_LIMITS_H

#define QUEUES_MOST	16u
#define MTU_LEAST	68u
#define MTU_MOST	65521u
#define VLAN_ID_MOST	4095u
#define ETHERTYPE_LEAST 0x0600u /* below it the field is a length */

#endif
