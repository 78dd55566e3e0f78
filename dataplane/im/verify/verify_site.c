/* SPDX-License-Identifier: BSD-3-Clause */
/* A code address for people: the function, or the file with the offset in it that addr2line takes. */
#include <dlfcn.h>
#include <string.h>

#include "verifier.h"

void im_append_site(char *text, size_t size, const void *site)
{
	const char *name;
	Dl_info where;

	if (site == NULL) {
		im_append(text, size, "(the core)");
		return;
	}
	if (dladdr(site, &where) == 0 || where.dli_fname == NULL) {
		im_append(text, size, "%p", site);
		return;
	}
	name = strrchr(where.dli_fname, '/');
	name = name != NULL ? name + 1 : where.dli_fname;
	if (where.dli_sname != NULL)
		im_append(text, size, "%s+0x%lx (%s+0x%lx)", where.dli_sname,
			  (unsigned long)((const char *)site - (const char *)where.dli_saddr), name,
			  (unsigned long)((const char *)site - (const char *)where.dli_fbase));
	else
		im_append(text, size, "%s+0x%lx", name,
			  (unsigned long)((const char *)site - (const char *)where.dli_fbase));
}
