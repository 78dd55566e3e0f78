#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""sluicectl as a process, without a firmware: exit codes, and output that does not get out."""

import json
import os
import subprocess
import sys
import tempfile

SLUICECTL = sys.argv[1]


def run(*words, **more):
    environment = {**os.environ, "SLUICE_RUNTIME_DIR": "/nonexistent"}
    return subprocess.run([SLUICECTL, *words], capture_output="stdout" not in more, text=True, env=environment, **more)


def expect(result, code, part, where="stderr"):
    text = getattr(result, where)
    assert result.returncode == code, f"{result.args}: exit code {result.returncode} instead of {code}\n{text}"
    assert part in text, f"{result.args}: {part!r} is not in:\n{text}"


def exit_codes():
    expect(run("--version"), 0, "sluicectl ", "stdout")
    expect(run("--help"), 0, "exit codes:", "stdout")
    expect(run("help", "rule", "add"), 0, "priority", "stdout")
    expect(run("rule", "add", "--help"), 0, "priority", "stdout")
    expect(run(), 2, "no command is given")
    expect(run("inof"), 2, 'did you mean "info"?')
    expect(run("info", "surplus"), 2, "surplus")
    expect(run("info", "--dry-run"), 2, "--dry-run")
    expect(run("apply"), 2, "FILE")
    expect(run("rule", "add", "in", "prioritty"), 3, "prioritty")
    expect(run("rule", "delete", "no/name"), 3, "no/name")
    expect(run("oid", "set", "x", "gen-current-lookahead", "many"), 3, "many")
    expect(run("oid", "get", "x", "gen-nonsense"), 3, "gen-nonsense")
    expect(run("device", "call", "filter", "one"), 3, '"one" is not a code')
    expect(run("device", "call", "filter", "1", "0g"), 3, "character 2")
    expect(run("device", "call", "filter", "1", "@/nonexistent/bytes"), 3, "/nonexistent/bytes:")
    expect(run("driver", "load", "/nonexistent/driver.so"), 3, "/nonexistent/driver.so:")
    expect(run("driver", "load", "driver,so"), 3, "as in ./mirror.so")
    expect(run("stack", "insert", "main", "passthru"), 2, "STACK DRIVER NAME")
    expect(run("stack", "insert", "main", "passthru", "tap", "--top", "--above", "fw"), 2, "one place only")
    expect(run("stack", "insert", "main", "passthru", "tap", "--above", "f/w"), 3, "f/w")
    expect(run("stack", "remove", "main", "tap", "--top"), 2, "--top does not go with stack remove")
    expect(run("apply", "/nonexistent/policy.json"), 3, "/nonexistent/policy.json:")
    expect(run("info"), 4, "not running")
    expect(run("device", "list"), 4, "not running")
    expect(run("device", "call", "filter", "1", "00ff"), 4, "not running")
    expect(run("driver", "load", "passthru"), 4, "not running")
    expect(run("stack", "insert", "main", "passthru", "tap"), 4, "not running")
    expect(run("info"), 4, "sluice-fw --config")
    expect(run("info", "--runtime-dir", "/elsewhere"), 4, "/elsewhere")


def json_errors():
    for words, code in ((["info"], 4), (["inof"], 2), (["--nonsense"], 2), (["rule", "add", "in"], 3)):
        result = run(*words, "--json")
        error = json.loads(result.stderr)["error"]
        assert result.returncode == error["exit-code"] == code, result
        assert error["message"], result
    assert json.loads(run("--version", "--json").stdout)["version"]


def bad_documents_are_told_by_line():
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write('{\n  "sluice:ports": 3\n}\n')
        file.flush()
        expect(run("apply", file.name), 3, f"sluicectl: {file.name}:2:")
        error = json.loads(run("apply", file.name, "--json").stderr)["error"]
        assert (error["file"], error["line"]) == (file.name, 2), error
    expect(run("apply", "-", input="{"), 3, "<stdin>:1:")


def lost_output_is_an_error():
    with open("/dev/full", "w", encoding="ascii") as full:
        result = run("help", stdout=full, stderr=subprocess.PIPE)
    expect(result, 1, "cannot write the output")
    script = '"$0" help >&-'
    result = subprocess.run(["bash", "-c", script, SLUICECTL], stderr=subprocess.PIPE, text=True, check=False)
    expect(result, 1, "cannot write the output")


def a_reader_may_leave():
    script = '"$0" help --man | true; echo ${PIPESTATUS[0]}; "$0" help --man | head -1 >/dev/null; echo ${PIPESTATUS[0]}'
    result = subprocess.run(["bash", "-c", script, SLUICECTL], capture_output=True, text=True, check=False)
    assert (result.stdout, result.stderr) == ("0\n0\n", ""), result
    # Gone before the first byte: the error is met in the middle of the output.
    script = 'exec 3> >(exec true); sleep 0.2; "$0" help --man >&3; echo $?'
    result = subprocess.run(["bash", "-c", script, SLUICECTL], capture_output=True, text=True, check=False)
    assert (result.stdout, result.stderr) == ("0\n", ""), result


def completion():
    expect(run("__complete", "rule", "de"), 0, "delete\n", "stdout")
    expect(run("__complete", "apply", ""), 100, "", "stdout")


for test in (exit_codes, json_errors, bad_documents_are_told_by_line, lost_output_is_an_error, a_reader_may_leave,
             completion):
    test()
    print(f"ok {test.__name__}")
