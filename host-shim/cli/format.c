/* SPDX-License-Identifier: BSD-3-Clause */
#include "format.h"

#include <time.h>

#include <math.h>
#include <stdio.h>

/* Four significant digits, never an exponent: columns of rates stay comparable by eye. */
static int decimals_of(double rate)
{
	int decimals = 3;

	for (double limit = 10.0; limit <= 1000.0 && rate >= limit; limit *= 10.0)
		decimals--;
	for (double limit = 1.0; limit >= 1e-3 && rate < limit; limit /= 10.0)
		decimals++;
	return decimals;
}

void format_rate(double rate, char out[FORMAT_SIZE])
{
	if (!isfinite(rate) || rate <= 0.0 || rate < 1e-6)
		snprintf(out, FORMAT_SIZE, "0");
	else if (rate >= 1e15)
		snprintf(out, FORMAT_SIZE, "%.3e", rate);
	else
		snprintf(out, FORMAT_SIZE, "%.*f", decimals_of(rate), rate);
}

void format_percent(double percent, char out[FORMAT_SIZE])
{
	snprintf(out, FORMAT_SIZE, "%.1f", percent);
}

void format_duration(double seconds, char out[FORMAT_SIZE])
{
	uint64_t whole = seconds > 0.0 && seconds < 1e15 ? (uint64_t)seconds : 0;
	unsigned hours = (unsigned)(whole / 3600 % 24);
	unsigned minutes = (unsigned)(whole / 60 % 60);

	if (whole < 60)
		snprintf(out, FORMAT_SIZE, "%.1fs", seconds > 0.0 ? seconds : 0.0);
	else if (whole < 86400)
		snprintf(out, FORMAT_SIZE, "%02u:%02u:%02u", hours, minutes, (unsigned)(whole % 60));
	else
		snprintf(out, FORMAT_SIZE, "%llud %02u:%02u:%02u", (unsigned long long)(whole / 86400), hours, minutes,
			 (unsigned)(whole % 60));
}

double format_per_second(uint64_t before, uint64_t now, double seconds)
{
	if (now <= before || seconds <= 0.0)
		return 0.0;
	return (double)(now - before) / seconds;
}

double format_share(uint64_t part, uint64_t rest)
{
	double whole = (double)part + (double)rest;

	return whole > 0.0 ? (double)part * 100.0 / whole : 0.0;
}

double format_each(uint64_t total, uint64_t count)
{
	return count > 0 ? (double)total / (double)count : 0.0;
}

void format_time(uint64_t time_ms, char out[FORMAT_TIME_SIZE])
{
	time_t seconds = (time_t)(time_ms / 1000);
	struct tm parts = {0};
	char date[32];

	gmtime_r(&seconds, &parts);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(out, FORMAT_TIME_SIZE, "%s.%03uZ", date, (unsigned)(time_ms % 1000));
}
