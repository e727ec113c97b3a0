"""What a program of a functional backend computed: values, the calls that made them, and replaying those calls.

Values never change. A call is a pure function of arrays, so that the part of a program between some inputs and
some outputs can be run again on other arrays - such as the tracers of a framework that differentiates it.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .contract import Unsupported

if TYPE_CHECKING:
    from .functional_tensor import Tensor


@dataclass(slots=True, eq=False)
class Value:
    """One array of the framework, and how it came about where that matters for a derivative."""

    array: Any
    call: Call | None = None
    """The call that made it; None for constants and leaves."""
    index: int = 0
    """Which of the call's results it is."""
    leaf: Tensor | None = None
    """The tensor whose ``.grad`` backward adds to, if this is a leaf that requires grad."""
    keeper: weakref.ref[Tensor] | None = None
    """The tensor inside the program that was asked to retain its gradient."""
    overwritten: bool = False
    """Whether its tensor was written to afterwards. What was recorded before speaks of the old values."""

    @property
    def requires_grad(self) -> bool:
        return self.call is not None or self.leaf is not None


@dataclass(slots=True, eq=False)
class Call:
    """One application of a function of the framework: ``function(*arrays)`` gives a list of arrays."""

    name: str
    function: Callable[..., list[Any]]
    inputs: tuple[Value, ...]
    saves: bool = True
    """Whether torch would keep something for the derivative, which a backward frees."""
    freed: bool = False


@dataclass
class Trace:
    """The calls between some cut values and some outputs, in the order in which they were made."""

    outputs: Sequence[Value]
    cut: frozenset[int] = frozenset()
    """Identities of the values beyond which it does not look."""
    calls: list[Call] = field(default_factory=list)
    leaves: list[Value] = field(default_factory=list)
    """The leaves that were found, without the cut ones."""
    met: dict[int, Value] = field(default_factory=dict)
    """Every value in it that requires grad, the cut ones included, by identity."""

    def __post_init__(self) -> None:
        pending = [(value, False) for value in reversed(self.outputs)]
        entered: set[int] = set()
        while pending:  # a program can be thousands of calls deep: no recursion
            value, finished = pending.pop()
            call = value.call
            if finished:
                assert call is not None
                self.calls.append(call)
                continue
            if not value.requires_grad:
                continue
            self.met[id(value)] = value
            if id(value) in self.cut:
                continue
            if call is None:
                if id(value) not in entered:
                    entered.add(id(value))
                    self.leaves.append(value)
            elif id(call) not in entered:
                entered.add(id(call))
                pending.append((value, True))
                pending.extend((source, False) for source in reversed(call.inputs))

    def between(self, inputs: Iterable[Value]) -> list[Call]:
        """The calls whose results depend on any of these values."""
        reached = {id(value) for value in inputs}
        made: set[int] = set()
        found = []
        for call in self.calls:
            if any(id(s) in reached or (s.call is not None and id(s.call) in made) for s in call.inputs):
                made.add(id(call))
                found.append(call)
        return found

    def replay(self, given: Mapping[int, Any]) -> list[Any]:
        """The outputs as a pure function of arrays that replace values, by the identity of those.

        What depends on none of them keeps the array that it has.
        """
        results: dict[int, list[Any]] = {}

        def lookup(value: Value) -> Any:
            if id(value) in given:
                return given[id(value)]
            made = results.get(id(value.call))
            return value.array if made is None else made[value.index]

        for call in self.calls:
            if any(id(s) in given or id(s.call) in results for s in call.inputs):
                results[id(call)] = call.function(*map(lookup, call.inputs))
        return [lookup(value) for value in self.outputs]

    def check(self, calls: Sequence[Call]) -> None:
        """Raises where a backward through these calls cannot be answered for."""
        if any(call.freed and call.saves for call in calls):
            raise RuntimeError("a second backward through a graph whose saved values have been freed")
        if any(value.overwritten for call in calls for value in call.inputs):
            raise Unsupported("inplace: a value was written to after the graph had used it")
