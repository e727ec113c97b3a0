"""Where composites are entered, and what nearly all of them need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..primitives.movement import wrapped as wrap

__all__ = ["COMPOSITES", "composite", "is_complex", "is_floating", "is_tensor", "raw", "sizes", "wrap"]

COMPOSITES: dict[str, Callable[..., Any]] = {}
"""Every composite of the vocabulary by name."""


def composite(name: str, dtype: str = "promote") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enters a function as ``name``; ``dtype`` is the rule for the label of its result.

    The words are those of ``Primitive.dtype``, and ``none``: the labels are right as they come.
    """

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        if name in COMPOSITES:
            raise ValueError(f"composite {name!r} is defined twice")
        function.dtype = dtype  # type: ignore[attr-defined]
        COMPOSITES[name] = function
        return function

    return enter


def raw(value: Any) -> np.ndarray:
    """The array of a tensor, or of what can become one."""
    return value.array if hasattr(value, "array") else np.asarray(value)


def is_tensor(value: Any) -> bool:
    return hasattr(value, "array")


def is_complex(value: Any) -> bool:
    return value.is_complex() if is_tensor(value) else isinstance(value, complex)


def is_floating(value: Any) -> bool:
    """Whether arithmetic on it is inexact: floating or complex."""
    if is_tensor(value):
        return value.is_floating_point() or value.is_complex()
    return isinstance(value, (float, complex))


def sizes(arguments: tuple[Any, ...]) -> tuple[int, ...]:
    """Sizes given one by one or as one sequence."""
    if (
        len(arguments) == 1
        and not isinstance(arguments[0], (int, np.integer))
        and not is_tensor(arguments[0])
    ):
        arguments = tuple(arguments[0])
    return tuple(int(n) for n in arguments)
