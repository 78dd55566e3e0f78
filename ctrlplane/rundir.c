/* SPDX-License-Identifier: BSD-3-Clause */
#include "rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/base.h"

#define LOCK_NAME      "lock"
#define LISTEN_BACKLOG 64

/*
 * Who may connect: root, and who root puts into the socket's group with chgrp. Whoever connects can occupy
 * a place and read the whole policy, so that is not for every user of the machine; and what they may do
 * is then still decided by their role.
 */
#define SOCKET_MODE 0660

/* A lock file is removed by its holder; who opened it just before holds a file that nobody else will find. */
#define LOCK_ATTEMPTS 8

static int say(char *error, size_t error_size, int code, const char *what, const char *path)
{
	snprintf(error, error_size, "%s '%s': %s", what, path, strerror(-code));
	return code;
}

static int make_paths(struct rundir *rundir, const char *dir, char *error, size_t error_size)
{
	size_t limit = sizeof(rundir->socket_path);

	if ((size_t)snprintf(rundir->socket_path, limit, "%s/" SLUICE_SOCKET_NAME, dir) >= limit) {
		snprintf(error, error_size,
			 "runtime directory '%s' has too long a path: at most %zu characters fit a socket's address",
			 dir, limit - sizeof("/" SLUICE_SOCKET_NAME));
		return -ENAMETOOLONG;
	}
	snprintf(rundir->lock_path, limit, "%s/" LOCK_NAME, dir);
	return 0;
}

static int in_use(int lock_fd, const char *dir, char *error, size_t error_size)
{
	char pid[16] = "";
	ssize_t length = pread(lock_fd, pid, sizeof(pid) - 1, 0);

	pid[length > 0 ? length : 0] = '\0';
	pid[strcspn(pid, "\n")] = '\0';
	snprintf(error, error_size,
		 "runtime directory '%s' is in use by another firmware (pid %s); give this one its own with "
		 "--runtime-dir DIR",
		 dir, pid[0] != '\0' ? pid : "unknown");
	return -EBUSY;
}

static int is_still_there(int fd, const char *path)
{
	struct stat held, named;

	return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_dev == named.st_dev &&
	       held.st_ino == named.st_ino;
}

/* The locked descriptor, -EAGAIN where the file went away under us, or -errno. */
static int try_lock(const char *path, const char *dir, char *error, size_t error_size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	int code;

	if (fd < 0)
		return say(error, error_size, -errno, "cannot open lock", path);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		code = errno == EWOULDBLOCK ? in_use(fd, dir, error, error_size)
					    : say(error, error_size, -errno, "cannot lock", path);
	else if (is_still_there(fd, path))
		return fd;
	else
		code = say(error, error_size, -EAGAIN, "cannot lock", path);
	close(fd);
	return code;
}

static int take_lock(struct rundir *rundir, const char *dir, char *error, size_t error_size)
{
	int fd = -EAGAIN;

	for (int i = 0; i < LOCK_ATTEMPTS && fd == -EAGAIN; i++)
		fd = try_lock(rundir->lock_path, dir, error, error_size);
	if (fd < 0)
		return fd;
	rundir->lock_fd = fd;
	if (ftruncate(fd, 0) != 0 || dprintf(fd, "%d\n", (int)getpid()) < 0)
		return say(error, error_size, -errno, "cannot write lock", rundir->lock_path);
	return 0;
}

static int remove_stale_socket(const char *path, char *error, size_t error_size)
{
	struct stat found;

	if (lstat(path, &found) != 0)
		return errno == ENOENT ? 0 : say(error, error_size, -errno, "cannot look at", path);
	if (!S_ISSOCK(found.st_mode)) {
		snprintf(error, error_size, "'%s' is in the way: it is not a socket", path);
		return -EEXIST;
	}
	return unlink(path) == 0 ? 0 : say(error, error_size, -errno, "cannot remove stale socket", path);
}

static int listen_there(struct rundir *rundir, char *error, size_t error_size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = rundir->socket_path;

	memcpy(address.sun_path, path, sizeof(address.sun_path));
	rundir->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (rundir->listen_fd < 0)
		return say(error, error_size, -errno, "cannot make socket", path);
	/* Before bind(): the file must not exist for a moment with more permissions than it will have. */
	if (fchmod(rundir->listen_fd, SOCKET_MODE) != 0 ||
	    bind(rundir->listen_fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		return say(error, error_size, -errno, "cannot make socket", path);
	/* After it: the umask took bits away. */
	if (chmod(path, SOCKET_MODE) != 0 || listen(rundir->listen_fd, LISTEN_BACKLOG) != 0) {
		int code = say(error, error_size, -errno, "cannot listen on", path);

		unlink(path);
		return code;
	}
	return 0;
}

static int lock_and_listen(struct rundir *rundir, const char *dir, char *error, size_t error_size)
{
	int code = take_lock(rundir, dir, error, error_size);

	if (code == 0)
		code = remove_stale_socket(rundir->socket_path, error, error_size);
	if (code == 0)
		code = listen_there(rundir, error, error_size);
	return code;
}

int rundir_open(struct rundir *rundir, const char *dir, char *error, size_t error_size)
{
	int code;

	*rundir = (struct rundir){.lock_fd = -1, .listen_fd = -1};
	code = make_paths(rundir, dir, error, error_size);
	if (code != 0)
		return code;
	if (mkdir(dir, 0755) != 0 && errno != EEXIST)
		return say(error, error_size, -errno, "cannot make runtime directory", dir);
	code = lock_and_listen(rundir, dir, error, error_size);
	if (code == 0)
		return 0;
	if (rundir->listen_fd >= 0)
		close(rundir->listen_fd);
	if (rundir->lock_fd >= 0) {
		unlink(rundir->lock_path);
		close(rundir->lock_fd);
	}
	return code;
}

/* The lock goes last, and its file while it is still held: see is_still_there(). */
void rundir_close(struct rundir *rundir)
{
	unlink(rundir->socket_path);
	close(rundir->listen_fd);
	unlink(rundir->lock_path);
	close(rundir->lock_fd);
}
