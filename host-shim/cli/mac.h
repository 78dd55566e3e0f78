/* SPDX-License-Identifier: BSD-3-Clause */
/* MAC addresses as text. */
#ifndef SLUICE_CLI_MAC_H
#define SLUICE_CLI_MAC_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define MAC_TEXT_SIZE 18

/** Writes @p mac as 02:00:00:00:00:01. @return @p out. */
static inline const char *mac_format(const uint8_t mac[6], char out[MAC_TEXT_SIZE])
{
	snprintf(out, MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	return out;
}

#endif
