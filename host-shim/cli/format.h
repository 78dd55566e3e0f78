/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers as people read them, and the rates and shares that are worked out of counters. */
#ifndef SLUICE_CLI_FORMAT_H
#define SLUICE_CLI_FORMAT_H

#include <stddef.h>
#include <stdint.h>

/** Bytes that hold any text made here. */
#define FORMAT_SIZE 48u

/** @p rate with as many decimals as a reader can use: 0, 0.00012, 1.234, 14.88, 148.8. */
void format_rate(double rate, char out[FORMAT_SIZE]);

/** @p percent with one decimal. */
void format_percent(double percent, char out[FORMAT_SIZE]);

/** @p seconds as "2d 03:04:05", "03:04:05" or "4.5s". */
void format_duration(double seconds, char out[FORMAT_SIZE]);

/** Growth of a counter in units a second; 0 where it went back or no time has passed. */
double format_per_second(uint64_t before, uint64_t now, double seconds);

/** @p part of @p part + @p rest in percent; 0 where both are 0. */
double format_share(uint64_t part, uint64_t rest);

/** @p total for each of @p count; 0 where there are none. */
double format_each(uint64_t total, uint64_t count);

#define FORMAT_TIME_SIZE 40

/** Milliseconds since 1970 as 2026-11-21T10:22:33.123Z. */
void format_time(uint64_t time_ms, char out[FORMAT_TIME_SIZE]);

#endif
