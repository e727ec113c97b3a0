"""The primitives of the tape, by name. The files list mathematics; ``Primitive`` says how to read it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..primitive import Primitive
from . import comparison, elementwise, indexing, linalg, movement, random, reductions, special

ELEMENTWISE = (elementwise, special)
FILES = (comparison, reductions, movement, indexing, linalg, random)


def merge(lists: Iterable[Iterable[Primitive]]) -> dict[str, Primitive]:
    """One table of several lists; a name that is given twice is an error."""
    table: dict[str, Primitive] = {}
    for primitives in lists:
        for primitive in primitives:
            if primitive.name in table:
                raise ValueError(f"primitive {primitive.name!r} is defined twice")
            table[primitive.name] = primitive
    return table


TABLE: dict[str, Primitive] = merge(
    [
        *([replace(primitive, elementwise=True) for primitive in file.PRIMITIVES] for file in ELEMENTWISE),
        *(file.PRIMITIVES for file in FILES),
    ]
)
