# SPDX-License-Identifier: BSD-3-Clause
"""All objects together: who calls whom, with indirect calls resolved by the names and types of function pointers."""
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import callgraph
import rules
from objects import Function, Object
from source import load


MOST_STEPS = 4  # from a variable to what it was given, to what that was given ...


@dataclass(frozen=True)
class Foreign:
    """A function that none of the objects defines."""
    name: str


@dataclass
class Call:
    target: object  # Function, Foreign, Trusted, Through or Unresolved
    place: callgraph.Place
    handler: "Through" = None  # the member that it goes through


@dataclass(frozen=True)
class Unresolved:
    """An indirect call; @p name is what stands before its bracket, as far as that could be read."""
    name: str


@dataclass(frozen=True)
class Trusted:
    """A pointer of DPDK's inline functions, which rules.py vouches for."""
    name: str


@dataclass(frozen=True)
class Through:
    """The member through which a call goes, whoever stands there; of one of these structures."""
    name: str
    structures: frozenset


class Program:
    def __init__(self, paths, build):
        if len(paths) > 1:  # reading takes most of the time
            with ProcessPoolExecutor() as pool:
                self.objects = list(pool.map(Object, paths, [build] * len(paths), chunksize=4))
        else:
            self.objects = [Object(path, build) for path in paths]
        self.functions = [function for one in self.objects for function in one.functions.values()]
        self.calls_of = {}

    @cached_property
    def globals(self):
        return {name: one.by_name[name] for one in self.objects for name in one.global_names if name in one.by_name}

    @cached_property
    def inlined(self):
        """
        DISPATCH functions that the objects have inlined copies of alone. Each copy is taken for a function of its own, with
        those calls of the one around it that stand in its source or in that of what is inlined with it.
        """
        found = []
        for around in self.functions:
            one = around.object
            for _, name, file, line, inside in (copy for copy in one.facts.inlined if copy[0] in around.names):
                if name not in one.by_name and self.mark(one.resolve(file), name) == "DISPATCH":
                    calls = [call for call in around.node.calls if self.enclosing(around, call[2]) in inside]
                    node = callgraph.Node(name, callgraph.Place(file, line), around.node.frame, around.node.bounded, calls)
                    found.append(Function(name, one, "DISPATCH", node))
        return found

    def enclosing(self, function, place):
        """Name of the function in whose source a place is."""
        source = self.source_of(function, place) if place.line else None
        body = source.function_at(place.line) if source is not None else None
        return body and body.name

    def source_of(self, function, place=None):
        """The file in which a function or a place in it stands; None where it is not there to be read."""
        path = function.object.resolve((place or function.place).file)
        return load(path) if path.is_file() else None

    @staticmethod
    def mark(path, name):
        """The level that the source gives a function, for those of which the objects have inlined copies alone."""
        return load(path).mark_of(name) if path.is_file() else None

    # ---- Function pointers

    @cached_property
    def members(self):
        """name -> the Members of that name, each with the object that knows it."""
        found = {}
        for one in self.objects:
            for member in sorted(one.facts.members, key=lambda one: (one.structure, one.name, one.signature)):
                found.setdefault(member.name, {}).setdefault((member.structure, member.signature), (member, one))
        return {name: list(variants.values()) for name, variants in found.items()}

    def signature_of(self, function):
        return function.object.facts.signatures.get(function.source_name)

    @cached_property
    def main_sources(self):
        """(object, source) of each object's own files: where its functions stand."""
        found = []
        for one in self.objects:
            paths = {one.resolve(function.place.file) for function in one.functions.values() if function.place.line}
            found += [(one, load(path)) for path in sorted(paths) if path.is_file() and path.suffix == ".c"]
        return found

    def changed(self):
        """(source, object) of each file that is not the one any more that was compiled."""
        return [(source.path, one.path) for one, source in self.main_sources
                if source.path.stat().st_mtime > one.path.stat().st_mtime]

    def named(self, one, name):
        """The function of that name, seen from an object: Function, or Foreign."""
        return one.by_name.get(name) or self.globals.get(name) or Foreign(name)

    @cached_property
    def standing(self):
        """[(structure or None, member, function, where)] of every function known to stand at a member."""
        found = []
        for one in self.objects:
            for reference in one.references:
                if reference.referrer is None and not reference.branch and reference.section != ".init_array":
                    entry = one.facts.entries.get((reference.section_index, reference.offset))
                    function = self.target(one, reference)
                    if entry is not None and entry.structure is not None:
                        found.append((entry.structure, entry.name, function, None))
        for one, source, name, function in self.candidates:
            found += [(None, where[1], function, source) for where in source.uses(name) if where[0] == "member"]
        return found + [(None, member, Foreign(name), source) for one, source, member, names in self.assignments
                        for name in names if one is not None and self.is_unheard_of(one, name)]

    def is_unheard_of(self, one, name):
        """A name that is nothing of ours, so a foreign function: not a member, a call, a macro, a variable."""
        ours = name in one.facts.names or name in one.by_name or name in self.globals
        return name.isidentifier() and not name.isupper() and not ours

    @cached_property
    def assignments(self):
        """(object, source, member, names on the right side) of each assignment to a member that is a function pointer."""
        return [(one, source, member, names) for one, source in self.main_sources + self.headers
                for member in sorted(self.members.keys() & source.indices.keys()) for names in source.assignments(member)]

    @cached_property
    def candidates(self):
        """(object, source, name, function) for every function that could be meant by a name in a source."""
        found = []
        for one, source in self.main_sources:
            words = source.indices.keys()
            mine = {function.source_name: function for function in one.functions.values()}
            for name in sorted(words & (mine.keys() | self.globals.keys() | rules.FORBIDDEN.keys() | rules.HARMLESS.keys())):
                found.append((one, source, name, mine.get(name) or self.globals.get(name) or Foreign(name)))
        return found

    def target(self, one, reference):
        return reference.target if isinstance(reference.target, Function) else self.named(one, reference.target)

    @cached_property
    def escaped(self):
        """
        Functions whose address goes where it is not known what becomes of it: to a variable, or to a function. Code that
        has the address without the name got it from a table that the compiler looked into, or by a macro.
        """
        found = set()
        in_tables = {function for structure, _, function, _ in self.standing if structure is not None}
        for one in self.objects:
            placed = {name for other, _, name, _ in self.candidates if other is one}
            for reference in one.references:
                function = self.target(one, reference)
                if reference.branch or not isinstance(function, Function) or reference.section == ".init_array":
                    continue
                if reference.referrer is None:
                    entry = one.facts.entries.get((reference.section_index, reference.offset))
                    if entry is None or entry.structure is None:
                        found.add(function)
                elif function.source_name not in placed and function not in in_tables:
                    found.add(function)
        for one, source, name, function in self.candidates:
            if any(where[0] != "member" for where in source.uses(name)):
                found.add(function)
        return found

    @cached_property
    def address_taken(self):
        return self.escaped | {function for _, _, function, _ in self.standing}

    @cached_property
    def open_members(self):
        """Members that are assigned something else than functions: whatever has their type may stand there."""
        known = {}
        for _, source, name, _ in self.candidates:
            known.setdefault(source.path, set()).add(name)
        return {member for _, source, member, names in self.assignments
                if names - known.get(source.path, set()) - {"." + member, "NULL"}}

    @cached_property
    def headers(self):
        """The headers in which members stand: inline functions there may assign them."""
        paths = {one.resolve(member.file) for variants in self.members.values() for member, one in variants}
        return [(None, load(path)) for path in sorted(paths) if path.is_file() and path.suffix == ".h"]

    def behind(self, name, structures):
        """What a call through the pointer @p name can reach; None: there is no such member, nor a variable."""
        if structures:
            types = {member.signature for member, _ in self.members[name] if member.structure in structures}
            found = {function for structure, member, function, _ in self.standing if member == name and
                     (structure in structures or structure is None and self.fits(function, types))}
            pool = self.address_taken if name in self.open_members else self.escaped
        else:
            types = {kind for one in self.objects for kind in one.facts.variables.get(name, ())}
            found, pool = set(), self.address_taken
        if not types:
            return None
        return found | {one for one in pool if isinstance(one, Function) and self.signature_of(one) in types}

    def fits(self, function, types):
        """A foreign function's type is not known."""
        return not isinstance(function, Function) or self.signature_of(function) in types

    def structures_at(self, one, name, chain):
        """The structures whose member a call goes through: by the types of what leads there, or else all with that name."""
        known = {member.structure for member, _ in self.members.get(name, ())}
        told = known & one.facts.structures_with(chain) if len(chain) > 1 else set()
        return frozenset(told or known)

    # ---- Calls

    def calls(self, function):
        """Every call that a function makes."""
        if function not in self.calls_of:
            found = [call for name, static, place in function.node.calls
                     for call in self.resolve(function, name, static, place)]
            self.calls_of[function] = found
        return self.calls_of[function]

    def resolve(self, function, name, static, place):
        if name != callgraph.INDIRECT:
            target = function.object.by_name.get(name) if static else self.named(function.object, name)
            return [Call(target or Foreign(name), place)]
        return self.indirect(function, place)

    def indirect(self, function, place):
        """The calls that an indirect one can be; Unresolved where a pointer is not understood."""
        source = self.source_of(function, place) if place.line else None
        found, unknown = [], []
        for callee in source.callees_at(place) if source is not None else ():
            trusted = [name for name in callee.names if (source.path.name, name) in rules.TRUSTED_POINTERS]
            calls = [Call(Trusted(name), place) for name in trusted]
            for name in sorted(callee.names.difference(trusted)):
                calls += self.reached(function, source, callee.chain or (name,), place)
            found += calls
            if not calls and not any(self.is_function(function.object, name) for name in callee.names):
                unknown.append(Call(Unresolved("/".join(sorted(callee.names))), place))
        return found + unknown if found else unknown[-1:] or [Call(Unresolved(""), place)]

    def reached(self, function, source, chain, place, depth=0):
        """The calls that one of `a->b.c` can be: none where that is no function pointer."""
        one, name = function.object, chain[-1]
        structures = self.structures_at(one, name, chain)
        if len(chain) == 1 and name in one.by_name and depth > 0:
            return [Call(one.by_name[name], place)]
        if len(chain) == 1 and depth < MOST_STEPS and name in one.facts.variables:
            origins = source.origins(name, place.line)
            if origins:
                return [call for origin in origins for call in self.reached(function, source, origin, place, depth + 1)]
            return self.through(name, frozenset(), place)
        return self.through(name, structures, place)

    def through(self, name, structures, place):
        """The calls that one through the pointer @p name can be: none where there is no such pointer."""
        targets = self.behind(name, structures)
        if targets is None:
            return []
        through = Through(name, structures)
        handler = through if structures else None
        return [Call(through, place, handler)] + [
            Call(target, place, handler) for target in sorted(targets, key=lambda one: one.name)]

    def is_function(self, one, name):
        return name in one.facts.signatures or name in one.by_name or name in self.globals
