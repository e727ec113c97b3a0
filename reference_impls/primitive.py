"""What a primitive is: a forward function, one derivative formula per differentiable input, and a kind.

The tables in ``primitives/`` are lists of these. Everything else (what is saved for backward, broadcasting,
labels, noise, version checks) follows from the declaration.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any


class Kind(Enum):
    MOVEMENT = "movement"
    """Copies, selects or negates values: exact in every dtype, so the judge allows no error at all."""
    ARITHMETIC = "arithmetic"
    """Rounds once per result element."""
    ACCUMULATING = "accumulating"
    """Sums n terms; its forward passes the addends through ``xp.addends(values, axes)``."""
    DECISION = "decision"
    """A discrete outcome; recorded by the base run, replayed by noisy copies. Its derivative is zero or none."""


@dataclass(frozen=True)
class Primitive:
    """One primitive of the tape.

    ``forward(xp, *arrays, **attributes)`` computes on arrays with the functions of an arithmetic ``xp``
    (float64 NumPy, or multiprecision object arrays); its positional parameters after ``xp`` name the tensor
    inputs and its keyword-only parameters the attributes. It returns an array, or a tuple of arrays.

    ``vjp[name]`` is the formula of the cotangent of input ``name``, on *tensors* (so that it can itself be
    differentiated). Its parameters are taken by name from: ``F`` (the vocabulary), ``g`` (the cotangent of the
    result; a tuple where there are several results), ``result``, the inputs, the attributes, and the shapes of
    inputs (``input_shape`` for the input ``input``). What it names is what is saved, and only while ``name``
    needs a gradient; a shape keeps no tensor. A variadic primitive has one formula, which returns a list.
    """

    name: str
    forward: Callable[..., Any]
    vjp: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    kind: Kind = Kind.ARITHMETIC
    dtype: str = "promote"
    """Label of the result: ``promote``, ``float`` (promote, integers becoming the default dtype), ``bool``,
    ``int64``, ``same`` (that of the first input), ``real`` (the real dtype of the first input's), ``complex``
    (its complex dtype) or ``sum`` (promote, bool and integers becoming int64). An attribute ``dtype`` wins."""
    view: bool = False
    """Whether the result shares memory with the first input."""
    elementwise: bool = False
    """Whether an element of the result depends on the elements in its own place alone, so that the derivative is
    a factor for each element, and the formulas are right for tangents as well as for cotangents."""
    linear: bool = False
    """Whether it is linear in each of its differentiable inputs, the others held."""
    saves: tuple[str, ...] | None = None
    """What torch saves for backward, where the formulas read something else for the sake of accuracy: then writes
    to these are noticed, and of what the formulas read besides, a copy is kept."""

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """Names of the tensor inputs, in order."""
        parameters = list(inspect.signature(self.forward).parameters.values())[1:]
        return tuple(p.name for p in parameters if p.kind is not p.KEYWORD_ONLY)

    @cached_property
    def variadic(self) -> bool:
        """Whether it takes any number of tensors (``*tensors``), as concatenation does."""
        return any(p.kind is p.VAR_POSITIONAL for p in inspect.signature(self.forward).parameters.values())

    @cached_property
    def attributes(self) -> tuple[str, ...]:
        """Names of the attributes, in order."""
        parameters = inspect.signature(self.forward).parameters.values()
        return tuple(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)

    @cached_property
    def uses(self) -> dict[str, tuple[str, ...]]:
        """For each differentiable input, the names that its formula reads."""
        return {name: tuple(inspect.signature(formula).parameters) for name, formula in self.vjp.items()}
