/* SPDX-License-Identifier: BSD-3-Clause */
/* Status of the IM core's calls and of packets and requests (NDIS_STATUS_* in the seeds). */
#ifndef SLUICE_ABI_IM_STATUS_H
#define SLUICE_ABI_IM_STATUS_H

#include <stdint.h>

/* X(name, number, text) */
#define IM_STATUS_TABLE(X)                                                                                             \
	X(SUCCESS, 0, "success")                                                                                       \
	X(PENDING, 1, "completes later")                                                                               \
	X(FAILURE, 2, "failure")                                                                                       \
	X(RESOURCES, 3, "out of resources")                                                                            \
	X(BAD_VERSION, 4, "bad version")                                                                               \
	X(BAD_CHARACTERISTICS, 5, "bad characteristics")                                                               \
	X(INVALID_PARAMETER, 6, "invalid parameter")                                                                   \
	X(NOT_ACCEPTED, 7, "not accepted")                                                                             \
	X(NOT_SUPPORTED, 8, "not supported")                                                                           \
	X(INVALID_OID, 9, "invalid OID")                                                                               \
	X(INVALID_LENGTH, 10, "invalid length")                                                                        \
	X(INVALID_DATA, 11, "invalid data")                                                                            \
	X(BUFFER_TOO_SHORT, 12, "buffer too short")                                                                    \
	X(ADAPTER_NOT_FOUND, 13, "adapter not found")                                                                  \
	X(OPEN_FAILED, 14, "open failed")                                                                              \
	X(CLOSING, 15, "binding is closing")                                                                           \
	X(PAUSED, 16, "paused")                                                                                        \
	X(REQUEST_ABORTED, 17, "request aborted")                                                                      \
	X(SEND_ABORTED, 18, "send aborted")                                                                            \
	X(NOT_RESETTABLE, 19, "not resettable")                                                                        \
	X(UNSUPPORTED_MEDIA, 20, "unsupported medium")                                                                 \
	X(RESET_IN_PROGRESS, 21, "a reset is in progress")                                                             \
	X(SOFT_ERRORS, 22, "reset with soft errors")                                                                   \
	X(HARD_ERRORS, 23, "reset with hard errors")                                                                   \
	X(LOW_POWER_STATE, 24, "in a low-power state")                                                                 \
	X(NOT_READY, 25, "not ready")                                                                                  \
	X(DEVICE_REMOVED, 26, "what the handle was opened for is gone")                                                \
	X(NO_SUCH_DEVICE, 27, "no such device")                                                                        \
	X(CANCELLED, 28, "cancelled")                                                                                  \
	X(CYCLE, 29, "the adapter stands, directly or not, over what would be bound over it")

typedef enum {
#define X(name, number, text) IM_STATUS_##name = number,
	IM_STATUS_TABLE(X)
#undef X
} im_status_t;

/** Text of @p status for people. */
static inline const char *im_status_text(uint32_t status)
{
	switch (status) {
#define X(name, number, text)                                                                                          \
	case number:                                                                                                   \
		return text;
		IM_STATUS_TABLE(X)
#undef X
	default:
		return "unknown status";
	}
}

/* What im_indicate_status() tells the protocols above (NDIS_STATUS_* indications). X(name, number, text) */
#define IM_INDICATION_TABLE(X)                                                                                         \
	X(RESET_START, 1, "a reset begins")                                                                            \
	X(RESET_END, 2, "the reset is over")                                                                           \
	X(MEDIA_CONNECT, 3, "link up")                                                                                 \
	X(MEDIA_DISCONNECT, 4, "link down")                                                                            \
	X(LINK_SPEED_CHANGE, 5, "the link's speed changed")                                                            \
	X(CLOSING, 6, "the adapter is going: unbind")

enum im_indication {
#define X(name, number, text) IM_INDICATION_##name = number,
	IM_INDICATION_TABLE(X)
#undef X
};

#endif
