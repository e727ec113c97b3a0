"""What a program yielded, captured at the statement that yields it.

A program reports through three calls that its ``yield``, ``assert`` and ``with raises`` statements are rewritten
to (see ``conformance/spec/program.py``). Each becomes an `Observation`: a statement, and the leaves of what it
yielded, copied there and then, so that what the program does afterwards cannot change them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .backends.contract import Backend


@dataclass(slots=True)
class Leaf:
    """One value without parts. ``value`` is an array for tensors and NumPy arrays, else a plain Python value."""

    path: str
    kind: str
    """``tensor``, ``array``, or the name of the Python type."""
    value: Any
    dtype: str = ""
    exact: bool = False


@dataclass(slots=True)
class Observation:
    """One statement and what it yielded.

    ``kind`` is ``yield``, ``expect`` (an equality, whose right side the reference evaluates), ``hold`` (any
    other assertion) or ``raises`` / ``warns``.
    """

    line: int
    kind: str
    left: list[Leaf]
    right: list[Leaf] | None = None


@dataclass
class Recorder:
    """Collects the observations of one run of a program on a backend.

    With ``both`` the right sides of equalities are evaluated too.
    """

    backend: Backend
    both: bool
    observations: list[Observation] = field(default_factory=list)

    def names(self) -> dict[str, Callable[..., Any]]:
        """The names that a rewritten program calls."""
        return {
            "__observe__": self.observe,
            "__expect__": self.expect,
            "__hold__": self.hold,
            "raises": self.raises,
            "warns": self.warns,
        }

    def observe(self, line: int, value: Any) -> None:
        self.observations.append(Observation(line, "yield", self.leaves(value)))

    def expect(self, line: int, left: Any, right: Callable[[], Any]) -> None:
        observation = Observation(line, "expect", self.leaves(left))
        self.observations.append(observation)
        if self.both:
            observation.right = self.leaves(right())

    def hold(self, line: int, truth: Any) -> None:
        self.observations.append(Observation(line, "hold", [Leaf("", "bool", bool(truth))]))

    @contextmanager
    def raises(self, *types: type[BaseException]) -> Iterator[None]:
        expected = " or ".join(t.__name__ for t in types)
        observation = Observation(_caller_line(), "raises", [], [Leaf("", "str", expected)])
        try:
            yield
        except Exception as error:
            if self.backend.is_unsupported(error):
                raise
            seen = type(error).__name__
            if isinstance(error, types) or not self.backend.exact_error_types:
                seen = expected
            observation.left = [Leaf("", "str", seen)]
        else:
            observation.left = [Leaf("", "str", "nothing")]
        self.observations.append(observation)

    @contextmanager
    def warns(self, *types: type[Warning]) -> Iterator[list[warnings.WarningMessage]]:
        """Like pytest's: what was caught can be looked at by its name after ``as``."""
        expected = " or ".join(t.__name__ for t in types)
        line = _caller_line()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield caught
        seen = [w.category.__name__ for w in caught if issubclass(w.category, types)]
        leaf = Leaf("", "str", expected if seen else "no such warning")
        self.observations.append(Observation(line, "warns", [leaf], [Leaf("", "str", expected)]))

    def leaves(self, value: Any) -> list[Leaf]:
        """The leaves of a yielded value in order, each with its path."""
        found: list[Leaf] = []
        self._collect(value, "", found)
        return found

    def _collect(self, value: Any, path: str, found: list[Leaf]) -> None:
        backend = self.backend
        if backend.is_tensor(value):
            exact = backend.is_exact(value)
            found.append(Leaf(path, "tensor", backend.freeze(value), backend.dtype_of(value), exact))
        elif (numbers := _numbers(value)) is not None:
            found.append(Leaf(path, "numbers", numbers))
        elif isinstance(value, (tuple, list)):
            found.append(Leaf(path, "sequence", len(value)))
            for index, part in enumerate(value):
                self._collect(part, f"{path}[{index}]", found)
        elif isinstance(value, dict):
            found.append(Leaf(path, "keys", tuple(map(str, value))))
            for key, part in value.items():
                self._collect(part, f"{path}[{key!r}]", found)
        elif isinstance(value, np.ndarray):
            found.append(Leaf(path, "array", value.copy(), value.dtype.name))
        elif isinstance(value, (bool, str, type(None))):
            found.append(Leaf(path, type(value).__name__, value))
        else:
            # Dtypes, devices, enumerations: what they are called is what is documented of them.
            found.append(Leaf(path, "name", str(value)))

    def settle(self) -> list[Observation]:
        """The observations, their tensors converted to arrays."""
        convert = self.backend.to_numpy
        for observation in self.observations:
            for leaf in (*observation.left, *(observation.right or ())):
                if leaf.kind == "tensor" and not isinstance(leaf.value, np.ndarray):
                    leaf.value = convert(leaf.value)
        return self.observations


def _numbers(value: Any) -> np.ndarray | None:
    """A Python number, or a nested list of nothing else, as an array; None for anything else."""
    if not _is_numeric(value):
        return None
    try:
        return np.asarray(value)
    except ValueError:  # ragged
        return None


def _is_numeric(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return bool(value) and all(map(_is_numeric, value))
    return isinstance(value, (int, float, complex)) and not isinstance(value, bool)


def _caller_line() -> int:
    """The line of the program that entered a context manager: outside contextlib and this module."""
    import sys

    frame = sys._getframe(1)
    while frame.f_globals.get("__name__") in (__name__, "contextlib"):
        assert frame.f_back is not None
        frame = frame.f_back
    return frame.f_lineno
