# SPDX-License-Identifier: BSD-3-Clause
# Completion of sluicectl. The program knows its own commands: this only asks it.

_sluicectl()
{
	local IFS=$'\n'

	# Fails where the word is a file's name; the shell knows those.
	COMPREPLY=($("$1" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)) || compopt -o default
}

complete -F _sluicectl sluicectl
