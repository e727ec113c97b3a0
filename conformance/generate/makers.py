"""Makes the inputs that a spec asks for: fixed, reproducible, and exact in every dtype.

A spec writes ``given: {x: leaf(3)}`` or ``try: {wide: "input=tensor(2, 64)"}``; these are the functions that it
calls. Random values are spread evenly over their range (one in each of n equal parts, in a shuffled order) and
rounded to eight significant bits, so that bfloat16, float16, float32 and float64 hold the same numbers.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from reference_impls.dtypes import bfloat16

from ..case import Given

if TYPE_CHECKING:
    from ..spec import Formula


def values(shape: tuple[int, ...], low: float, high: float, key: str) -> np.ndarray:
    """Evenly spread values in [low, high], each representable in bfloat16; ``key`` chooses their order."""
    count = int(np.prod(shape))
    random = np.random.Generator(np.random.PCG64(zlib.crc32(key.encode())))
    parts = (random.permutation(count) + random.uniform(0.0, 1.0, count)) / max(count, 1)
    spread = low + (high - low) * parts
    # Rounding must not leave the range: an end of the range that bfloat16 lacks would be passed.
    rounded = bfloat16.round(spread)
    outside = (rounded < low) | (rounded > high)
    if outside.any():
        rounded = np.where(outside, bfloat16.round(spread * (1 - 2.0**-7)), rounded)
    return rounded.reshape(shape)


class Makers:
    """The makers as a namespace for one sample; each call draws from a stream of its own.

    ``key`` names the sample, and ``low`` and ``high`` are the range that the spec declares for the input.
    """

    def __init__(self, key: str, low: float = -2.0, high: float = 2.0) -> None:
        self.key = key
        self.low, self.high = low, high
        self._calls = 0

    def _next(self) -> str:
        self._calls += 1
        return f"{self.key}#{self._calls}"

    def tensor(
        self, *shape: int, low: float | None = None, high: float | None = None, dtype: str | None = None
    ) -> Given:
        """A floating tensor that does not require grad."""
        low, high = self.low if low is None else low, self.high if high is None else high
        return Given(values(shape, low, high, self._next()), dtype=dtype)

    def leaf(self, *shape: int, low: float | None = None, high: float | None = None) -> Given:
        """A floating tensor that requires grad."""
        return Given(self.tensor(*shape, low=low, high=high).values, requires_grad=True)

    def complex_tensor(self, *shape: int) -> Given:
        """A complex tensor that does not require grad."""
        real, imaginary = (values(shape, self.low, self.high, self._next()) for _ in range(2))
        return Given(real + 1j * imaginary)

    def complex_leaf(self, *shape: int) -> Given:
        """A complex tensor that requires grad."""
        return Given(self.complex_tensor(*shape).values, requires_grad=True)

    def integers(self, *shape: int, low: int = -4, high: int = 5, dtype: str | None = None) -> Given:
        """An integer tensor with values in [low, high)."""
        random = np.random.Generator(np.random.PCG64(zlib.crc32(self._next().encode())))
        return Given(random.integers(low, high, shape), dtype=dtype)

    def booleans(self, *shape: int) -> Given:
        """A boolean tensor, about half of it true."""
        random = np.random.Generator(np.random.PCG64(zlib.crc32(self._next().encode())))
        return Given(random.integers(0, 2, shape).astype(bool))

    def literal(self, data: Any, dtype: str | None = None, requires_grad: bool = False) -> Given:
        """A tensor with just these values."""
        array = np.asarray(data)
        kinds = {"f": np.float64, "c": np.complex128, "b": np.bool_, "i": np.int64, "u": np.int64}
        return Given(array.astype(kinds[array.dtype.kind]), requires_grad, dtype)

    def names(self) -> dict[str, Callable[..., Given]]:
        """The makers by name, as expressions see them."""
        return {name: getattr(self, name) for name in MAKERS}


MAKERS = ("tensor", "leaf", "complex_tensor", "complex_leaf", "integers", "booleans", "literal")
CONSTANTS: dict[str, Any] = {"inf": math.inf, "nan": math.nan, "pi": math.pi}
FUNCTIONS = {
    name: getattr(math, name) for name in ("log", "exp", "sqrt", "sin", "cos", "tanh", "erf", "gamma")
}


def evaluate(expression: Formula, makers: Makers) -> Any:
    """The value of a maker expression of a spec (which the loader has linted)."""
    return expression.evaluate({**CONSTANTS, **makers.names()})


def number(formula: Formula) -> Any:
    """A number of a spec, which may be written as a formula of constants such as ``log(2)``."""
    return formula.evaluate({**CONSTANTS, **FUNCTIONS})
