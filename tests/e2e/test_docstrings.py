# SPDX-License-Identifier: BSD-3-Clause
"""Every call and handler of the installed headers has its level, errors and statements, and the check of that can fail."""
import re
import subprocess
import sys

import firmware as fw
import pytest

sys.path.insert(0, str(fw.REPO / "tests/conformance"))
import docstrings  # noqa: E402

MESON = "foreach name : ['a', 'b']\n    driver_headers += files('im' / name + '.h')\nendforeach\n"
STATEMENTS = "# 1 First\n\n1.1   One.\n1.2   Two.\n"
STATUS = '#define T(X) X(SUCCESS, 0, "") X(PENDING, 1, "") X(RESOURCES, 3, "")\n'
HEADER = """/* What it is. */
#ifndef A_H
#define A_H
typedef void (*im_never_supplied_t)(void);

/** Where it starts [1.1]. RESOURCES. Level: PASSIVE. */
typedef im_status_t (*entry_t)(void *object);

struct table {
	uint32_t number; /* of it */
	/** One of them [1.1-1.2]. Level: DISPATCH. */
	void (*one)(void *context);
	bool (*other)(void (*each)(void)); /* Another [1.2]. Level: any. */
	im_never_supplied_t never;
	struct {
		void (*hidden)(void);
	} core;
};

/**
 * Do it [1.1,
 * 1.2]. SUCCESS, or RESOURCES. Level: PASSIVE.
 */
IM_PASSIVE im_status_t do_it(struct table *table, void (*then)(void));

/** Both of them [1.2]. Level: any. */
void first(void);
void second(void);

/** How much [no statement: arithmetic alone]. Level: any. */
static inline struct table *how_much(const struct table *table)
{
	return other(table);
}

extern int variable __attribute__((tls_model("initial-exec")));
#endif
"""
NO_STATEMENT = "no statement, such as [6.16], nor a reason"


@pytest.fixture
def tree(tmp_path):
    """wrong() is what the check says of a tree with this header."""
    for name, text in {"dataplane/meson.build": MESON, "host-shim/abi/im_status.h": STATUS, "dataplane/im/b.h": "",
                       "tests/conformance/statements.txt": STATEMENTS}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    class Tree:
        @staticmethod
        def write(name, text):
            (tmp_path / name).write_text(text)

        @staticmethod
        def wrong(header=HEADER):
            (tmp_path / "dataplane/im/a.h").write_text(header)
            docstrings.source.load.cache_clear()
            return docstrings.check(tmp_path)

    yield Tree()
    docstrings.source.load.cache_clear()


def test_installed_headers_are_whole():
    done = subprocess.run([docstrings.HERE / "docstrings.py"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_function_that_drivers_link_is_looked_at():
    """What the linker's list for drivers names, and is no variable."""
    paths = docstrings.installed(fw.REPO)
    listed = subprocess.run([sys.executable, fw.REPO / "dataplane/im/exports.py", *paths], capture_output=True, text=True,
                            check=True).stdout
    text = "\n".join(path.read_text() for path in paths)
    functions = {name for name in re.findall(r"\w+", listed) if not re.search(rf"^extern [^;]*\b{name}\b", text, re.M)}
    found = {one.name for path in paths for one in docstrings.Header(path).found}
    assert len(functions) > 100 and functions <= found, functions - found


def test_calls_and_handlers_are_looked_at(tree, tmp_path):
    """And neither what is the core's own, nor what is never supplied, nor a parameter, nor a variable."""
    assert tree.wrong() == []
    found = docstrings.Header(tmp_path / "dataplane/im/a.h").found
    assert [one.name for one in found] == ["entry_t", "one", "other", "do_it", "first", "second", "how_much"]


@pytest.mark.parametrize("old, new, complaint", [
    ("/** Where it starts [1.1]. RESOURCES. Level: PASSIVE. */", "", "a.h:7: entry_t: no docstring"),
    ("/** How much", "/* How much", "a.h:31: how_much: no docstring"),
    ("void second", "\nvoid second", "a.h:29: second: no docstring"),
    ("[1.1-1.2]. Level: DISPATCH", "[1.1-1.2]", "a.h:12: one: no level: 'Level: PASSIVE.'"),
    ("Another [1.2]. Level: any", "Another. Level: any", f"a.h:13: other: {NO_STATEMENT}"),
    ("Another [1.2]", "Another (1.2)", f"a.h:13: other: {NO_STATEMENT}"),
    ("Another [1.2]", "Another of list[1]", f"a.h:13: other: {NO_STATEMENT}"),
    ("[1.1,\n * 1.2]", "[1.1,\n * 1.3]", "a.h:24: do_it: 1.3 is no statement"),
    ("[1.1-1.2]", "[1.1-1.3]", "a.h:12: one: 1.3 is no statement"),
    ("[1.1-1.2]", "[1.1-2.2]", "a.h:12: one: '1.1-2.2' is no number of a statement"),
    ("[1.1-1.2]", "[1]", "a.h:12: one: '1' is no number of a statement"),
    ("SUCCESS, or RESOURCES", "SUCCESS, or PENDING", "a.h:24: do_it: none of the errors that it returns"),
    ("RESOURCES. Level: PASSIVE. */\ntypedef", "Level: PASSIVE. */\ntypedef", "a.h:7: entry_t: none of the errors"),
    ("IM_PASSIVE im", "IM_DISPATCH im", "a.h:24: do_it: its level is PASSIVE, but it is marked IM_DISPATCH"),
    ("[no statement: arithmetic alone]", "[no statement]", f"a.h:31: how_much: {NO_STATEMENT}"),
    ("[no statement: arithmetic alone]", "[no statement: ]", f"a.h:31: how_much: {NO_STATEMENT}"),
], ids=["no-docstring", "no-docstring-but-comment", "no-group", "no-level", "no-number", "round-brackets", "an-index",
        "unknown", "unknown-in-range", "range-of-two-sections", "half-a-number", "no-error", "no-error-of-handler", "mark",
        "no-reason", "empty-reason"])
def test_the_check_can_fail(tree, old, new, complaint):
    """Each thing that can be wrong is named, with its place, and nothing else is."""
    assert HEADER.count(old) == 1
    wrong = tree.wrong(HEADER.replace(old, new))
    assert len(wrong) == 1 and f"dataplane/im/{complaint}" in wrong[0], wrong


def test_headers_that_are_not_found_are_an_error(tree):
    tree.write("dataplane/meson.build", "")
    assert tree.wrong() == ["dataplane/meson.build: no list of installed headers: foreach name : ['im', ...]"]
