/* SPDX-License-Identifier: BSD-3-Clause */
#include "notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

bool notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = path != NULL ? strlen(path) : 0;
	ssize_t sent;
	int fd;

	if (length < 2 || length > sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@'))
		return false;
	memcpy(address.sun_path, path, length);
	if (path[0] == '@')
		address.sun_path[0] = '\0'; /* an abstract address */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&address,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
	close(fd);
	return sent == (ssize_t)strlen(state);
}

static bool parse(const char *name, unsigned long long *value)
{
	const char *text = getenv(name);
	char *end;

	if (text == NULL || *text == '\0')
		return false;
	errno = 0;
	*value = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0';
}

uint64_t notify_watchdog_ms(void)
{
	unsigned long long period_us, pid;

	if (!parse("WATCHDOG_USEC", &period_us) || period_us == 0)
		return 0;
	if (getenv("WATCHDOG_PID") != NULL && (!parse("WATCHDOG_PID", &pid) || pid != (unsigned long long)getpid()))
		return 0;
	return period_us / 2000 > 0 ? period_us / 2000 : 1;
}
