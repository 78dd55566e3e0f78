# SPDX-License-Identifier: BSD-3-Clause
"""
The deepest stack of DISPATCH code.

Calls through handlers go round: core, driver, core, next driver. The round is taken as often as a stack of drivers can be
deep, down and, for what completes inside the call, up again; each time at the cost of the dearest round there is, and
once at either end at that of an edge's. Without the handlers the graph has no circle, or the depth has no bound, and
is refused.
"""
import rules
from objects import Function
from program import Foreign, Trusted


class Recursion(Exception):
    def __init__(self, path):
        super().__init__("recursion")
        self.path = path


def cost(way):
    return way[0]


class Stack:
    def __init__(self, program, handlers):
        self.program, self.handlers = program, handlers
        self.leaves, self.rounds, self.open = {}, {}, []

    def is_crossing(self, call):
        """Whether the call goes on to the next driver: through a handler, or to what stands for a driver."""
        if call.handler is not None:
            return any(self.handlers.behind(call.handler))
        return isinstance(call.target, Function) and self.key(call.target) in rules.ROUNDS

    @staticmethod
    def key(function):
        return f"{function.place.file.rsplit('/', 1)[-1]}:{function.source_name}"

    def steps(self, function):
        """The functions called other than through a handler."""
        found = [call.target for call in self.program.calls(function)
                 if isinstance(call.target, Function) and not self.is_crossing(call)]
        return list(dict.fromkeys(found))

    def leaf(self, function, guards=frozenset()):
        """(bytes, path) of the deepest way from a function down to one that calls no more, without a handler."""
        if function in guards:
            return function.node.frame, (function,)
        if (function, guards) not in self.leaves:
            if (function, guards) in self.open:
                raise Recursion([one for one, _ in self.open[self.open.index((function, guards)):]] + [function])
            self.open.append((function, guards))
            below = self.inside(function, guards)
            ways = [self.leaf(step, below) for step in self.steps(function)]
            best = max(ways, key=cost, default=(0, ()))
            foreign = rules.FOREIGN_STACK if self.calls_foreign(function) else 0
            self.open.pop()
            best = best if best[0] >= foreign else (foreign, ())
            self.leaves[function, guards] = function.node.frame + best[0], (function, *best[1])
        return self.leaves[function, guards]

    def round(self, function, guards=frozenset()):
        """(bytes, path) of the dearest way from a function to a call through a handler; None where there is none."""
        if function in guards:
            return None
        if (function, guards) not in self.rounds:
            below = self.inside(function, guards)
            ways = [(0, ())] if any(self.is_crossing(call) for call in self.program.calls(function)) else []
            ways += [way for step in self.steps(function) if (way := self.round(step, below)) is not None]
            best = max(ways, key=cost, default=None)
            self.rounds[function, guards] = best and (function.node.frame + best[0], (function, *best[1]))
        return self.rounds[function, guards]

    def inside(self, function, guards):
        return guards | {function} if self.key(function) in rules.GUARDED else guards

    def calls_foreign(self, function):
        return any(isinstance(call.target, (Foreign, Trusted)) and call.target.name not in rules.ENDS
                   for call in self.program.calls(function))

    def deepest(self, reached, roots, depth):
        """(bytes, lines that say how) over everything that is @p reached, begun at @p roots."""
        nothing = 0, ()
        leaf = max(map(self.leaf, reached), key=cost, default=nothing)
        begin = max(filter(None, map(self.round, roots)), key=cost, default=nothing)
        entered = {call.target for function in reached for call in self.program.calls(function)
                   if isinstance(call.target, Function) and self.is_crossing(call)}
        at_ends = {one for one in entered if rules.EDGES in one.place.file}
        driver = max(filter(None, map(self.round, entered - at_ends)), key=cost, default=nothing)
        end = max(filter(None, map(self.round, at_ends)), key=cost, default=nothing)
        total = begin[0] + 2 * depth * driver[0] + 2 * end[0] + leaf[0]
        parts = [("begin", begin), (f"{2 * depth} rounds through drivers, each", driver),
                 ("2 rounds through an edge, each", end), ("the last", leaf)]
        return total, [self.show(title, way) for title, way in parts if way[1]]

    @staticmethod
    def show(title, way):
        return f"{title} {way[0]} bytes: " + ", ".join(f"{one.source_name} {one.node.frame}" for one in way[1])
