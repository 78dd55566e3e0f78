#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Hold the code to its levels (docs/design.md, "Levels"): refuse, with the path of calls, whatever lets a worker wait.

    level_check.py --root SOURCES --handlers dataplane/im [--map FILE --executable FILE] [OBJECT ...]

The objects are those on the command line, and those of ours that the linker's map file names. Each was compiled by gcc
with -g and -fcallgraph-info=su, in the directory where this runs.
"""
import argparse
import sys
from collections import deque
from pathlib import Path

import image
import rules
from handlers import Handlers
from objects import Function
from program import Foreign, Program, Through, Unresolved
from stack import Recursion, Stack


def spelled(target):
    """As the source calls it."""
    return target.source_name if isinstance(target, Function) else target.name or "an unknown function"


class Check:
    def __init__(self, options, program):
        self.options, self.program = options, program
        self.handlers = Handlers(program, [options.root / folder for folder in options.handlers])
        self.findings = []
        self.parents = {}  # DISPATCH function -> (caller, Call), None at a root

    def where(self, function, place=None):
        place = place or function.place
        if place.line == 0:
            return str(function.object.path)
        path = function.object.resolve(place.file)
        return f"{self.show(path)}:{place.line}"

    def show(self, path):
        return path.relative_to(self.options.root) if path.is_relative_to(self.options.root) else path

    def complain(self, text, lines=()):
        finding = "\n".join([f"level: {text}", *("  " + line for line in lines)])
        if finding not in self.findings:
            self.findings.append(finding)

    # ---- What stands in handlers

    def check_handlers(self):
        for handler in self.handlers.all.values():
            if handler.level is None and handler.supplied:
                self.complain(f"{self.show(handler.path)}:{handler.line}: handler {handler.name} of {handler.structure} has no "
                              'level; end its docstring with "Level: PASSIVE." or "Level: DISPATCH."')
        for path, name, level in self.handlers.listed():
            if self.handlers.levels(name) - {level}:
                told = ", ".join(f"{one.level} in {one.structure}" for one in self.handlers.all.values() if one.name == name)
                self.complain(f"{self.show(path)}: {rules.HANDLER_TABLE} has {name} as {level}; its docstring says {told}")
        for function, handler in self.in_handlers():
            stands = (f"{function.source_name} ({function.level or 'no mark'}, {self.where(function)}) stands in "
                      f"{handler.structure}.{handler.name}")
            declared = f"{self.show(handler.path)}:{handler.line}"
            if not handler.supplied:
                self.complain(f"{stands}, which is never supplied ({declared})")
            elif handler.level == "DISPATCH" and function.level in ("PASSIVE", "INIT"):
                self.complain(f"{stands}, which is DISPATCH ({declared})")

    def in_handlers(self):
        for structure, name, function, _ in self.program.standing:
            if isinstance(function, Function):
                for handler in self.handlers.at(structure, name, self.program.signature_of(function)):
                    yield function, handler

    # ---- What DISPATCH code reaches

    def roots(self):
        """Functions with the mark, in DISPATCH handlers, started as a worker, and those of which only inlined copies are."""
        found = [function for function in self.program.functions + self.program.inlined if function.level == "DISPATCH"]
        found += [function for function, handler in self.in_handlers() if handler.level == "DISPATCH"]
        found += [function for _, source, name, function in self.program.candidates
                  if any(where[0] == "argument" and where[1] in rules.STARTERS for where in source.uses(name))]
        return list(dict.fromkeys(function for function in found if function.level in (None, "DISPATCH")))

    def walk(self):
        """Breadth first from all roots: what is found wrong is shown with the shortest path from the nearest one."""
        self.parents = dict.fromkeys(self.roots())
        todo = deque(self.parents)
        while todo:
            caller = todo.popleft()
            for call in self.program.calls(caller):
                if self.is_end(call.target):
                    continue
                wrong = self.judge(call)
                if wrong:
                    self.complain_path(caller, call, wrong)
                elif isinstance(call.target, Function) and call.target not in self.parents:
                    self.parents[call.target] = caller, call
                    todo.append(call.target)

    def is_end(self, target):
        """Whether what it does is nobody's fault; a compiler's clone of such a function is one too."""
        return getattr(target, "source_name", getattr(target, "name", None)) in rules.ENDS

    def judge(self, call):
        """Why DISPATCH code may not make this call, or None."""
        target = call.target
        if isinstance(target, Function):
            return f"{target.level}" if target.level in ("PASSIVE", "INIT") else None
        if isinstance(target, Through):
            levels = {handler and handler.level for handler in self.handlers.behind(target)}
            return "a handler that is PASSIVE" if levels == {"PASSIVE"} else None
        if isinstance(target, Unresolved):
            return "a function pointer that nothing tells about; call through a member of a structure, by its name"
        if not isinstance(target, Foreign):
            return None
        if target.name in rules.FORBIDDEN:
            return rules.FORBIDDEN[target.name]
        if target.name in rules.HARMLESS or target.name.startswith(rules.INSTRUMENTATION):
            return None
        return "a foreign function that fw/check/rules.py does not know: is it FORBIDDEN or HARMLESS?"

    def complain_path(self, caller, call, why):
        steps = [(call.target, caller, call.place)]
        while self.parents[caller] is not None:
            previous, earlier = self.parents[caller]
            steps.append((caller, previous, earlier.place))
            caller = previous
        lines = [f"{caller.source_name}  {self.where(caller)}"]
        lines += [f"{spelled(target)}  called at {self.where(source, place)}" for target, source, place in reversed(steps)]
        self.complain(f"{caller.source_name} (DISPATCH, {self.where(caller)}) reaches {spelled(call.target)} ({why}):", lines)

    # ---- Init code

    def check_init(self):
        """Resident code keeps no reference to init code, neither a call nor an address."""
        for one in self.program.objects:
            for reference in one.references:
                target = self.program.target(one, reference)
                if isinstance(target, Function) and target.level == "INIT":
                    self.check_reference(one, reference, target)
        for one, source, name, function in self.program.candidates:
            if isinstance(function, Function) and function.level == "INIT":
                for kind, what in source.uses(name):
                    self.complain(f"{function.source_name} (INIT, {self.where(function)}) is gone after boot, but its address is "
                                  f"kept: {self.kept(source, kind, what)}")

    def kept(self, source, kind, what):
        path = self.show(source.path)
        return f"in {what}, by {path}" if kind == "member" else f"given to {what}, by {path}" if kind == "argument" else \
            f"{path}:{what}"

    def check_reference(self, one, reference, target):
        head = f"{target.source_name} (INIT, {self.where(target)}) is gone after boot, but "
        referrer = reference.referrer
        if referrer is None:
            entry = one.facts.entries.get((reference.section_index, reference.offset))
            if entry is None:
                self.complain(f"{head}its address stands in {reference.section} of {one.path}")
            elif (entry.structure, entry.name) not in rules.INIT_MEMBERS:
                self.complain(f"{head}its address stands in {entry.structure or 'a table'}.{entry.name} of {one.path}")
        elif referrer.level != "INIT" and (referrer.source_name, target.source_name) not in rules.INIT_CALLS:
            call = next((call for call in self.program.calls(referrer) if call.target is target), None)
            how = f"calls it at {self.where(referrer, call.place)}" if call else "keeps its address"
            self.complain(f"{head}{referrer.source_name} ({referrer.level or 'no mark'}, {self.where(referrer)}) {how}")

    def check_init_calls(self):
        """What is not always there neither takes a spin lock, which raises it to DISPATCH, nor calls DISPATCH code (9.14)."""
        for function in [one for one in self.program.functions if one.level == "INIT"]:
            for call in self.program.calls(function):
                why = "takes a spin lock" if spelled(call.target) in rules.LOCKS else \
                    "is DISPATCH" if getattr(call.target, "level", None) == "DISPATCH" else None
                if why:
                    self.complain(f"{function.source_name} (INIT, {self.where(function)}) calls {spelled(call.target)}, "
                                  f"which {why}, at {self.where(function, call.place)}")

    # ---- Stack

    def check_stack(self):
        stack = Stack(self.program, self.handlers)
        for function in self.parents:
            if not function.node.bounded:
                self.complain(f"{function.source_name} ({self.where(function)}) is DISPATCH, and its frame has no bound: no alloca, "
                              "no array whose length is a variable")
        try:
            total, lines = stack.deepest(self.parents, [one for one, parent in self.parents.items() if parent is None],
                                         self.options.depth)
        except Recursion as recursion:
            names = [f"{one.source_name}  {self.where(one)}" for one in recursion.path]
            self.complain(f"{recursion.path[0].source_name} (DISPATCH) recurses without a bound on its depth:", names)
            return "no bound"
        if total > self.options.budget:
            self.complain(f"the deepest stack of DISPATCH code is {total} bytes, of {self.options.budget} that it may be:", lines)
        return f"{total} of {self.options.budget} bytes of stack"

    def run(self):
        self.check_handlers()
        self.walk()
        self.check_init()
        self.check_init_calls()
        depth = self.check_stack() if self.options.budget else "stack not judged"
        unmarked = sorted(f"{one.source_name}  {self.where(one)}" for one in self.parents if one.level is None)
        return (f"level: {len(self.parents)} functions are DISPATCH, {len(unmarked)} of them without a mark; {depth}", unmarked)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("objects", nargs="*", type=Path, metavar="OBJECT")
    parser.add_argument("--root", type=lambda text: Path(text).resolve(), required=True, help="of our sources")
    parser.add_argument("--handlers", action="append", default=[], help="folder below the root whose headers declare handlers")
    parser.add_argument("--map", type=Path, help="the linker's map file")
    parser.add_argument("--executable", type=Path, help="whose init pages are judged too")
    parser.add_argument("--depth", type=int, default=0, help="most drivers in a stack")
    parser.add_argument("--budget", type=int, default=0, help="most bytes of stack of DISPATCH code; 0: not judged")
    parser.add_argument("--stamp", type=Path, help="written where all is well")
    parser.add_argument("--verbose", action="store_true", help="name the DISPATCH functions that carry no mark")
    return parser.parse_args()


def main():
    options = arguments()
    objects = options.objects + (image.objects_of(options.map) if options.map else [])
    if not objects:
        sys.exit(f"level: no objects to judge: none is named, and {options.map} names none")
    try:
        program = Program(objects, Path.cwd())
    except FileNotFoundError as missing:
        sys.exit(f"level: {missing}")
    if changed := program.changed():
        sys.exit("\n".join(f"level: {source} is newer than {one}: build again" for source, one in changed))
    check = Check(options, program)
    summary, unmarked = check.run()
    if options.executable:
        summary += f"; {image.check(options.executable, check.complain)} bytes of init code"
    if check.findings:
        print("\n".join(check.findings), file=sys.stderr)
        return 1
    print("\n".join([summary, *(unmarked if options.verbose else [])]))
    if options.stamp:
        options.stamp.write_text(summary + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
