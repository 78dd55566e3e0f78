/* SPDX-License-Identifier: BSD-3-Clause */
#include "pci.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client_private.h"
#include "memory/guard.h"

#define DEVICES	     "/sys/bus/pci/devices/"
#define RESOURCE_MEM 0x200u /* of a line's flags: it is memory */
#define PATH_SIZE    320
#define TEXT_SIZE    1024 /* of `resource`: at most 13 lines of 57 characters */

static void path_of(const struct pci *pci, const char *name, char path[PATH_SIZE])
{
	snprintf(path, PATH_SIZE, "%s/%s", pci->directory, name);
}

/* What is in a file that is short; NUL behind it. */
static int read_text(struct sluice_client *client, const struct pci *pci, const char *name, char text[TEXT_SIZE])
{
	char path[PATH_SIZE];
	ssize_t length = -1;
	int fd;

	path_of(pci, name, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		length = read(fd, text, TEXT_SIZE - 1);
	if (length < 0)
		client_fail(client, -errno, SLUICE_FAULT_SYSTEM, "cannot read %s: %s", path, strerror(errno));
	else
		text[length] = '\0';
	if (fd >= 0)
		close(fd);
	return length < 0 ? -EIO : 0;
}

/* One number that stands alone; what follows it begins at *text. */
static bool take_number(const char **text, int base, uint64_t *number)
{
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	errno = 0;
	*number = strtoull(*text, &end, base);
	if (errno != 0 || (*end != ' ' && *end != '\n' && *end != '\0'))
		return false;
	*text = end + (*end != '\0');
	return true;
}

static int read_number(struct sluice_client *client, const struct pci *pci, const char *name, uint64_t *number)
{
	char text[TEXT_SIZE];
	const char *at = text;
	int error = read_text(client, pci, name, text);

	if (error != 0)
		return error;
	if (take_number(&at, 0, number) && *at == '\0')
		return 0;
	return client_fail(client, -EPROTO, SLUICE_FAULT_SYSTEM, "%s/%s does not hold a number", pci->directory, name);
}

/* ---- Which device ---------------------------------------------------------------------------------- */

/* An address may leave out the domain. */
static int find_directory(struct pci *pci, struct sluice_client *client, const char *place)
{
	bool is_path = strchr(place, '/') != NULL;
	bool is_short = strlen(place) == strlen("01:00.0");
	int length = snprintf(pci->directory, sizeof(pci->directory), "%s%s%s", is_path ? "" : DEVICES,
			      !is_path && is_short ? "0000:" : "", place);

	if (place[0] == '\0' || (!is_path && strspn(place, "0123456789abcdefABCDEF:.") != strlen(place)))
		return client_fail(client, -EINVAL, SLUICE_FAULT_SYSTEM,
				   "'%.100s' is no PCI address, such as 0000:01:00.0, and no directory with a / in it",
				   place);
	if ((size_t)length >= sizeof(pci->directory))
		return client_fail(client, -ENAMETOOLONG, SLUICE_FAULT_SYSTEM, "device has too long a path: %.100s...",
				   place);
	return 0;
}

static int identify(struct pci *pci, struct sluice_client *client)
{
	static const struct {
		uint16_t vendor, device;
		uint8_t bar;
	} cards[] = {
#define X(vendor, device, bar, text) {vendor, device, bar},
		SLUICE_BAR_DEVICE_TABLE(X)
#undef X
	};
	uint64_t vendor, device;

	if (read_number(client, pci, "vendor", &vendor) != 0 || read_number(client, pci, "device", &device) != 0)
		return -EIO;
	for (size_t i = 0; i < sizeof(cards) / sizeof(cards[0]); i++) {
		pci->first_bar = cards[i].bar;
		if (cards[i].vendor == vendor && cards[i].device == device)
			return 0;
	}
	return client_fail(client, -ENODEV, SLUICE_FAULT_SYSTEM,
			   "%s is no Sluice card: vendor 0x%04" PRIx64 ", device 0x%04" PRIx64, pci->directory, vendor,
			   device);
}

/* A kernel's driver would do this, and cards have none. It stays on, as with a driver's. */
static int switch_on(const struct pci *pci, struct sluice_client *client)
{
	char path[PATH_SIZE];
	uint64_t enabled = 0;
	ssize_t written = -1;
	int fd;

	if (read_number(client, pci, "enable", &enabled) != 0)
		return -EIO;
	if (enabled > 0)
		return 0;
	path_of(pci, "enable", path);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		written = write(fd, "1\n", 2);
	if (written < 0)
		client_fail(client, -errno, SLUICE_FAULT_SYSTEM, "cannot switch the device on through %s: %s", path,
			    strerror(errno));
	if (fd >= 0)
		close(fd);
	return written < 0 ? -ENODEV : 0;
}

/* ---- How large its BARs are ------------------------------------------------------------------------ */

/* "start end flags"; all zero: no such BAR. One that is not memory is none for us. */
static bool take_line(const char **text, uint64_t *size)
{
	uint64_t start, end, flags;

	if (!take_number(text, 16, &start) || !take_number(text, 16, &end) || !take_number(text, 16, &flags))
		return false;
	*size = 0;
	if (start == 0 && end == 0 && flags == 0)
		return true;
	if (end < start || end - start == UINT64_MAX)
		return false;
	if (flags & RESOURCE_MEM)
		*size = end - start + 1;
	return true;
}

static int read_sizes(struct pci *pci, struct sluice_client *client)
{
	char text[TEXT_SIZE];
	const char *at = text;
	int error = read_text(client, pci, "resource", text);

	for (unsigned bar = 0; bar < SLUICE_BAR_COUNT && error == 0; bar++) {
		if (!take_line(&at, &pci->size[bar]))
			error = client_fail(client, -EPROTO, SLUICE_FAULT_SYSTEM,
					    "%s/resource: line %u is not of the form START END FLAGS", pci->directory,
					    bar + 1);
	}
	return error;
}

int pci_open(struct pci *pci, struct sluice_client *client, const char *place)
{
	int error;

	*pci = (struct pci){0};
	memset(pci->fd, -1, sizeof(pci->fd));
	error = find_directory(pci, client, place);
	if (error == 0)
		error = identify(pci, client);
	if (error == 0)
		error = switch_on(pci, client);
	if (error == 0)
		error = read_sizes(pci, client);
	return error;
}

void pci_close(struct pci *pci)
{
	for (unsigned bar = 0; bar < SLUICE_BAR_COUNT; bar++) {
		if (pci->fd[bar] >= 0)
			close(pci->fd[bar]);
		pci->fd[bar] = -1;
	}
}

/* ---- Its memory ------------------------------------------------------------------------------------ */

/* Not resourceN_wc: stores that are put together may be seen in another order, and the rings live by their order. */
static int open_bar(struct pci *pci, struct sluice_client *client, unsigned bar)
{
	char name[16], path[PATH_SIZE];

	snprintf(name, sizeof(name), "resource%u", bar);
	path_of(pci, name, path);
	if (pci->size[bar] == 0)
		return client_fail(client, -ENODEV, SLUICE_FAULT_SYSTEM, "%s/resource: there is no memory BAR %u",
				   pci->directory, bar);
	if (pci->fd[bar] < 0)
		pci->fd[bar] = open(path, O_RDWR | O_CLOEXEC);
	if (pci->fd[bar] < 0)
		return client_fail(client, -errno, SLUICE_FAULT_SYSTEM, "cannot open %s: %s", path, strerror(errno));
	return 0;
}

static bool is_whole(const struct pci *pci, unsigned bar)
{
	struct stat found;

	return fstat(pci->fd[bar], &found) == 0 && (uint64_t)found.st_size >= pci->size[bar];
}

bool pci_is_whole(const struct pci *pci)
{
	for (unsigned bar = 0; bar < SLUICE_BAR_COUNT; bar++) {
		if (pci->fd[bar] >= 0 && !is_whole(pci, bar))
			return false;
	}
	return true;
}

/* Now, not when it was opened: a file can shrink. */
static int check_size(const struct pci *pci, struct sluice_client *client, unsigned bar)
{
	if (is_whole(pci, bar))
		return 0;
	return client_fail(client, -EPROTO, SLUICE_FAULT_SYSTEM,
			   "%s/resource%u is shorter than the %" PRIu64 " bytes that %s/resource says", pci->directory,
			   bar, pci->size[bar], pci->directory);
}

int pci_lock(struct pci *pci, struct sluice_client *client)
{
	unsigned bar = pci->first_bar;
	int error = open_bar(pci, client, bar);

	if (error != 0)
		return error;
	if (flock(pci->fd[bar], LOCK_EX | LOCK_NB) == 0)
		return 0;
	return client_fail(client, -EBUSY, SLUICE_FAULT_SYSTEM, "%s/resource%u is in use by another program: %s",
			   pci->directory, bar, "a card behind PCI has one client at a time");
}

void *pci_map(struct pci *pci, struct sluice_client *client, const struct sluice_bar_region *part, const char *name)
{
	int protection = part->writer == SLUICE_BAR_WRITER_CARD ? PROT_READ : PROT_READ | PROT_WRITE;
	unsigned bar = part->bar;
	void *base;
	int error;

	if (open_bar(pci, client, bar) != 0)
		return NULL;
	if (part->length > pci->size[bar] || part->offset > pci->size[bar] - part->length) {
		client_fail(client, -EPROTO, SLUICE_FAULT_PROTOCOL,
			    "%s/resource%u has %" PRIu64 " bytes, which is too small for region %s", pci->directory,
			    bar, pci->size[bar], name);
		return NULL;
	}
	if (check_size(pci, client, bar) != 0)
		return NULL;
	base = mmap(NULL, part->length, protection, MAP_SHARED, pci->fd[bar], (off_t)part->offset);
	if (base == MAP_FAILED) {
		client_fail(client, -errno, SLUICE_FAULT_SYSTEM, "cannot map region %s of %s/resource%u: %s", name,
			    pci->directory, bar, strerror(errno));
		return NULL;
	}
	error = guard_add(base, part->length, protection);
	if (error == 0)
		return base;
	munmap(base, part->length);
	client_fail(client, error, SLUICE_FAULT_SYSTEM, "this program has too much of too many cards mapped");
	return NULL;
}
