/* SPDX-License-Identifier: BSD-3-Clause */
/* CRC32C (Castagnoli), the checksum of every mailbox entry. */
#ifndef SLUICE_ABI_CRC32C_H
#define SLUICE_ABI_CRC32C_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#define SLUICE_CRC32C_BYTE(crc, byte) _mm_crc32_u8((crc), (byte))
#define SLUICE_CRC32C_WORD(crc, word) ((uint32_t)_mm_crc32_u64((crc), (word)))
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#define SLUICE_CRC32C_BYTE(crc, byte) __crc32cb((crc), (byte))
#define SLUICE_CRC32C_WORD(crc, word) __crc32cd((crc), (word))
#else
#error "CRC32C needs SSE4.2 or the arm64 crc extension: every card and host that Sluice supports has it"
#endif

/** CRC32C of @p length bytes, going on from @p crc; start with 0. */
static inline uint32_t sluice_crc32c(uint32_t crc, const void *data, size_t length)
{
	const uint8_t *byte = data;

	crc = ~crc;
	for (; length >= 8; byte += 8, length -= 8) {
		uint64_t word;

		memcpy(&word, byte, sizeof(word));
		crc = SLUICE_CRC32C_WORD(crc, word);
	}
	for (; length > 0; byte++, length--)
		crc = SLUICE_CRC32C_BYTE(crc, *byte);
	return ~crc;
}

#endif
