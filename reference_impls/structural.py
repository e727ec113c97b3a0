"""Primitives that the tape itself needs: they move values and belong to no operator of the vocabulary."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dtypes import BOOL, COMPLEX, DType
from .primitive import Kind, Primitive


def _cast(xp: Any, input: np.ndarray, dtype: DType, rounded: bool = False) -> np.ndarray:
    """Values in the storage of ``dtype``; with ``rounded`` also in its precision, as of a conversion."""
    if input.dtype == object and dtype.category > 1:
        return input if dtype.is_complex else xp.real(input)
    if input.dtype != dtype.storage:
        if input.dtype.kind == "c" and dtype.category not in (COMPLEX, BOOL):
            input = input.real
        input = input.astype(dtype.storage)
    return dtype.round(input) if rounded else input


def _overwritten(
    xp: Any, input: np.ndarray, value: np.ndarray, path: tuple[Any, ...], layout: Any
) -> np.ndarray:
    # In the layout of the base: what is a view of it may be a copy of an array that lies otherwise in memory.
    base = np.empty([input.shape[axis] for axis in layout], np.result_type(input, value.real)).transpose(
        np.argsort(layout)
    )
    base[...] = input
    through(xp, base, path)[...] = value
    return base


def memory(array: np.ndarray) -> np.ndarray:
    """All the memory that an array is a part of, as one dimension."""
    owner: Any = array
    while getattr(array, "base", None) is not None:  # there may be proxies in the chain, which are no arrays
        array = array.base  # type: ignore[assignment]
        owner = array if isinstance(array, np.ndarray) else owner
    return owner.transpose(np.argsort([-n for n in owner.strides], kind="stable")).reshape(-1)


def storage_offset(array: np.ndarray) -> int:
    """Where in its memory an array begins, counted in elements."""
    first, start = (a.__array_interface__["data"][0] for a in (array, memory(array)))
    return (first - start) // array.itemsize


def through(xp: Any, array: np.ndarray, path: tuple[Any, ...]) -> np.ndarray:
    """The view of an array that a chain of view functions, (record, attributes, result index), arrives at."""
    for record, attributes, index in path:
        array = record.forward(xp, array, **attributes)
        if index is not None:
            array = array[index]
    return array


def _view_again(F: Any, g: Any, path: tuple[Any, ...]) -> Any:
    for record, attributes, index in path:
        g = F.apply(record, (g,), attributes)
        if index is not None:
            g = g[index]
    return g


CAST = Primitive(
    "cast",
    lambda xp, input, *, dtype, rounded=False: _cast(xp, input, dtype, rounded),
    {"input": lambda g: g},
    kind=Kind.MOVEMENT,
    dtype="attribute",
)
CLONE = Primitive(
    "clone", lambda xp, input: input.copy(order="K"), {"input": lambda g: g}, kind=Kind.MOVEMENT, dtype="same"
)
COPY = Primitive(
    # The new value of a tensor after ``copy_``: nothing of the old one remains.
    "copy",
    lambda xp, input, source: np.broadcast_to(source, input.shape),
    {"input": lambda F, g: F.zeros_like(g), "source": lambda g: g},
    kind=Kind.MOVEMENT,
    dtype="same",
)
OVERWRITE: Primitive = Primitive(
    # What a write to a view does to its base.
    "copy_slices",
    lambda xp, input, value, *, path, layout: _overwritten(xp, input, value, path, layout),
    {
        "input": lambda F, g, path, layout: F.apply(OVERWRITE, (g, 0.0), {"path": path, "layout": layout}),
        "value": lambda F, g, path: _view_again(F, g, path),
    },
    kind=Kind.MOVEMENT,
    dtype="same",
)
