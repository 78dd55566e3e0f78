# SPDX-License-Identifier: BSD-3-Clause
"""Every statement of the contract is tested or has its reason, docs/contract.md says so, and the check can fail."""
import subprocess
import sys

import firmware as fw
import pytest

CONFORMANCE = fw.REPO / "tests/conformance"
sys.path.insert(0, str(CONFORMANCE))
import contract  # noqa: E402
import mutation  # noqa: E402

STATEMENTS = """What it is.

# C Choices

C1  Reset: may be NULL [1.1]

# 1 First

## 1A Part

1.1   One.
1.2   Two.
      n/a: there is none [1.1]

# T The most important

T.1   First of all. [1.1 1.2]
"""
TEST = """static void c1_1_one_holds(void **state)
{
}
int main(void) { return run(c1_1_one_holds); }
"""
MUTATION = """breaks: T.1
why: It is broken.
killed by: conformance/one c1_1_one_holds
--- x.c
-a(b);
+a(c);
"""


@pytest.fixture
def tree(tmp_path):
    """A tree whose contract is whole; write() changes a file of it, wrong() is what the check says."""
    folder = tmp_path / "tests/conformance"
    (folder / "mutations").mkdir(parents=True)

    class Tree:
        @staticmethod
        def write(name, text):
            (folder / name).write_text(text)

        @staticmethod
        def load():
            return contract.load(tmp_path)

        def wrong(self):
            return "\n".join(self.load().wrong)

    one = Tree()
    one.write("statements.txt", STATEMENTS)
    one.write("test_one.c", TEST)
    one.write("meson.build", "'one'")
    one.write("mutations/broken.mutation", MUTATION)
    (tmp_path / "x.c").write_text("a(b);\n")
    assert one.wrong() == ""
    return one


def test_contract_is_whole_and_documented():
    done = subprocess.run([CONFORMANCE / "contract.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_document_names_tests_reasons_and_mutations(tree):
    text = contract.document(tree.load())
    assert "- **1.1** One.\n  - `tests/conformance/test_one.c`: `c1_1_one_holds`\n" in text
    assert "- **1.2** Two.\n  - does not apply: there is none [1.1]\n" in text
    assert "| C1 | Reset | may be NULL | 1.1 |" in text
    assert "- **T.1** First of all. [1.1, 1.2]\n  - `broken`: It is broken. Noticed by `c1_1_one_holds`" in text


def test_lines_above_tests_are_found(tree):
    more = STATEMENTS.replace("1.2   Two.", "1.4   Two.").replace("One.", "One.\n1.2   Other.\n1.3   Third.")
    tree.write("statements.txt", more)
    tree.write("test_two.c", "/* contract: 1.2 */\n/* why */\nstatic void two(void **state)\n{ }\nint x = run(two);\n")
    tree.write("meson.build", "'one' 'two'")
    tree.write("test_three.py", "# " + "contract: 1.2 1.3\n@pytest.mark.slow\ndef test_three():\n    pass\n")
    loaded = tree.load()
    assert not loaded.wrong
    assert loaded.by_number["1.2"].tests == [("tests/conformance/test_two.c", "two"),
                                             ("tests/conformance/test_three.py", "test_three")]
    assert [name for _, name in loaded.by_number["1.3"].tests] == ["test_three"]


@pytest.mark.parametrize("name, text, complaint", [
    ("statements.txt", STATEMENTS.replace("One.", "One.\n1.2   More.").replace("1.2   Two.", "1.3   Two."),
     "without a test or a reason: 1.2"),
    ("statements.txt", STATEMENTS.replace("      n/a: there is none [1.1]\n", ""), "without a test or a reason: 1.2"),
    ("statements.txt", STATEMENTS.replace("One.", "One.\n      n/a: no"),
     "1.1 does not apply, says its reason, but c1_1_one_holds"),
    ("statements.txt", STATEMENTS.replace("1.2   Two.", "1.3   Two."), "statements.txt:12: 1.3 does not follow here"),
    ("statements.txt", STATEMENTS.replace("1.2   Two.", "Two."), "statements.txt:12: 'Two.' is no statement; example: 4.1"),
    ("statements.txt", STATEMENTS.replace("One.", "One" * 60), "statements.txt:11: 1.1 is longer than 160 characters"),
    ("statements.txt", STATEMENTS.replace("[1.1 1.2]", "[1.1 7.2]"), "T.1 refers to 7.2, which is no statement"),
    ("statements.txt", STATEMENTS.replace("none [1.1]", "none [1.9]"), "1.2 refers to 1.9, which is no statement"),
    ("test_one.c", TEST.replace("c1_1_one", "c1_1_c9_9_one"), "c1_1_c9_9_one_holds is for 9.9, which is no statement"),
    ("test_one.c", TEST.replace("run(c1_1_one_holds)", "0"), "c1_1_one_holds is never run"),
    ("test_one.c", TEST + "/* contract: 1.1 */\nint x;\n", "no test stands right below '/* contract: 1.1 */'"),
    ("test_two.c", TEST, "test_two.c is not built"),
    ("mutations/broken.mutation", MUTATION.replace("T.1", "T.2"), "T.2 is none of the 25"),
    ("mutations/broken.mutation", MUTATION.replace("c1_1_one", "c1_1_other"), "there is no test c1_1_other_holds to kill it"),
    ("mutations/broken.mutation", MUTATION.replace("why: It is broken.\n", ""), "are all needed"),
    ("mutations/broken.mutation", "", "without a test or a reason: T.1"),
    ("mutations/broken.mutation", MUTATION.replace("a(b)", "a(d)"), "broken: a hunk stands 0 times in x.c, not once: a(d)"),
    ("mutations/broken.mutation", MUTATION.replace("x.c", "y.c"), "broken: there is no file y.c"),
],
                         ids=["untested", "no-reason", "both", "gap", "no-number", "long", "T-refers", "reason-refers",
                              "unknown", "not-run", "loose-line", "not-built", "none-of-25", "unknown-killer", "no-why",
                              "unbroken", "stale", "no-file"])
def test_the_check_can_fail(tree, name, text, complaint):
    """Each thing that can be wrong is named."""
    tree.write(name, text)
    assert complaint in tree.wrong()


def hunk(text):
    """The hunk of a mutation with this body."""
    lines = text.split("\n")
    old = [line[1:] for line in lines if line[:1] != "+"]
    return mutation.Hunk("x.c", old, [line[1:] for line in lines if line[:1] != "-"])


def test_hunks_survive_a_new_layout():
    text = "\tif (a) {\n\t\tcall(one,\n\t\t     two);\n\t}\n\tcall(one, three);\n"
    changed = mutation.applied(mutation.Mutation("m"), hunk(" if (a) {\n-call(one, two);\n+call(two, one);"), text)
    assert changed == "\tif (a) {\ncall(two, one);\n\t}\n\tcall(one, three);\n"


@pytest.mark.parametrize("body, times", [
    ("-call(one);", 2), ("-call(two);", 0), ("-all(one);", 0), ("-call(one)", 2), ("+x;", 0)])
def test_hunks_stand_exactly_once(body, times):
    with pytest.raises(mutation.Wrong, match=f"stands {times} times in x.c, not once"):
        mutation.applied(mutation.Mutation("m"), hunk(body), "call(one);\ncall( one );\n")
