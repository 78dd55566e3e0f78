/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"
#include "shim.h"

int main(int argc, char **argv)
{
	struct options options;
	int status = options_parse(&options, argc, argv);

	return status >= 0 ? status : shim_run(&options);
}
