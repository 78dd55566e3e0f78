/* SPDX-License-Identifier: BSD-3-Clause */
/* Drivers from shared objects: each exports one struct im_module under a fixed name (1.1). */
#include <dlfcn.h>
#include <stdio.h>

#include <rte_version.h>

#include "inside.h"

#define EXPORTED "sluice_driver"

static void explain(const struct im_module *module, im_status_t status, char *error, size_t size)
{
	if (status == IM_STATUS_BAD_VERSION)
		snprintf(
			error, size,
			"driver '%s' was built for interface %u and DPDK %u.%u, this firmware has interface %u and DPDK %u.%u: "
			"build it again with pkg-config sluice-driver of this version",
			module->name, module->interface, module->dpdk >> 24, module->dpdk >> 16 & 0xff, IM_INTERFACE,
			RTE_VERSION >> 24, RTE_VERSION >> 16 & 0xff);
	else if (status == IM_STATUS_NOT_ACCEPTED)
		snprintf(error, size, "a driver called '%s' is loaded already", module->name);
	else
		snprintf(error, size, "driver '%s' refused to load: %s", module->name, im_status_text(status));
}

im_status_t im_load_shared_driver(const char *path, char *error, size_t size)
{
	const struct im_module *module;
	void *library;
	im_status_t status;

	library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (library == NULL) {
		snprintf(error, size, "%s", dlerror());
		return IM_STATUS_FAILURE;
	}
	module = dlsym(library, EXPORTED);
	if (module == NULL || module->name == NULL || module->entry == NULL) {
		snprintf(error, size,
			 "%s is not a Sluice driver: it has no '" EXPORTED "' (see IM_DRIVER() in im/im.h)", path);
		dlclose(library);
		return IM_STATUS_FAILURE;
	}
	if (!im_is_driver_name(module->name)) {
		snprintf(error, size,
			 "%s has '%s' as its driver's name, which is not 1 to 31 of [A-Za-z0-9_.-]; example: "
			 "IM_DRIVER(\"tally\", ...)",
			 path, module->name);
		dlclose(library);
		return IM_STATUS_FAILURE;
	}
	status = im_load_module(module, library);
	if (status != IM_STATUS_SUCCESS) {
		explain(module, status, error, size);
		dlclose(library);
	}
	return status;
}
