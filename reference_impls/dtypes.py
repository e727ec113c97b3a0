"""torch's dtypes as labels: names, categories, rounding and promotion.

The reference computes in float64, complex128, int64 and bool whatever the label says; a label is what a
backend under test would have stored, and rounding to a label is an explicit operation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

BOOL, INTEGER, FLOATING, COMPLEX = range(4)


@dataclass(frozen=True, eq=False)
class DType:
    """A dtype of torch's vocabulary. Labels are singletons: compare them with ``is`` or ``==``."""

    name: str
    category: int
    bits: int
    precision: int = 0
    """Bits of significand, the implicit one included (floating and complex)."""
    min_exponent: int = 0
    """The smallest normal number is ``2 ** min_exponent``."""
    signed: bool = True

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self):
        return (by_name, (self.name,))

    @property
    def is_floating_point(self) -> bool:
        return self.category == FLOATING

    @property
    def is_complex(self) -> bool:
        return self.category == COMPLEX

    @property
    def is_signed(self) -> bool:
        return self.signed

    @property
    def itemsize(self) -> int:
        return max(self.bits // 8, 1)

    @cached_property
    def unit_roundoff(self) -> float:
        """Half the distance from one to the next number: the largest relative error of one rounding."""
        return 2.0**-self.precision

    @cached_property
    def smallest_subnormal(self) -> float:
        return 2.0 ** (self.min_exponent - self.precision + 1)

    @cached_property
    def largest(self) -> float:
        """The largest finite number (the exponent range of every IEEE-like format is symmetric)."""
        return float((2.0 - 2.0 ** (1 - self.precision)) * 2.0 ** (1 - self.min_exponent))

    @cached_property
    def storage(self) -> np.dtype:
        """The NumPy dtype that the reference computes in for this label."""
        return np.dtype((np.bool_, np.int64, np.float64, np.complex128)[self.category])

    @cached_property
    def native(self) -> np.dtype | None:
        """NumPy's own format of this name, where it has one to round to."""
        return np.dtype(self.name) if self.category == FLOATING and hasattr(np, self.name) else None

    def spacing(self, values: np.ndarray) -> np.ndarray:
        """One ulp of this dtype at the magnitude of each value (float64 in, float64 out)."""
        _, exponent = np.frexp(np.maximum(np.abs(values), 2.0**self.min_exponent))
        return np.ldexp(1.0, exponent - self.precision)

    def round(self, values: np.ndarray) -> np.ndarray:
        """Values rounded once, to nearest and ties to even, to this dtype; overflow gives infinities.

        Integers wrap around, as torch's do.
        """
        if self.category == COMPLEX or np.iscomplexobj(values):
            part = COMPONENT.get(self, self)
            return part.round(values.real) + 1j * part.round(values.imag)
        if self.category == INTEGER:
            low = -(1 << (self.bits - 1)) if self.signed else 0
            return values if self.bits == 64 else (values - low) % (1 << self.bits) + low
        if self.category == BOOL or self.precision == 53:
            return values
        with np.errstate(over="ignore", invalid="ignore"):
            if self.native is not None:
                return np.asarray(values).astype(self.native).astype(np.float64)
            ulp = self.spacing(values)
            rounded = np.rint(values / ulp) * ulp
            rounded = np.where(np.abs(rounded) > self.largest, np.copysign(np.inf, values), rounded)
        return np.where(np.isfinite(values), rounded, values)


bool_ = DType("bool", BOOL, 8, signed=False)
uint8 = DType("uint8", INTEGER, 8, signed=False)
int8 = DType("int8", INTEGER, 8)
int16 = DType("int16", INTEGER, 16)
int32 = DType("int32", INTEGER, 32)
int64 = DType("int64", INTEGER, 64)
float16 = DType("float16", FLOATING, 16, 11, -14)
bfloat16 = DType("bfloat16", FLOATING, 16, 8, -126)
float32 = DType("float32", FLOATING, 32, 24, -126)
float64 = DType("float64", FLOATING, 64, 53, -1022)
complex64 = DType("complex64", COMPLEX, 64, 24, -126)
complex128 = DType("complex128", COMPLEX, 128, 53, -1022)

ALL = (bool_, uint8, int8, int16, int32, int64, float16, bfloat16, float32, float64, complex64, complex128)
NAMES = {dtype.name: dtype for dtype in ALL}
COMPONENT = {complex64: float32, complex128: float64}
"""The real dtype of a complex one's parts."""
ALIASES = {"double": float64, "float": float32, "half": float16, "long": int64, "int": int32, "short": int16}


def by_name(name: str) -> DType:
    return NAMES[name]


def of_array(array: np.ndarray) -> DType:
    """The label of a NumPy array, as ``torch.from_numpy`` gives it."""
    return NAMES[array.dtype.name]


def to_complex(dtype: DType) -> DType:
    """The complex dtype whose parts hold this one (half precisions have none of their own here)."""
    return dtype if dtype.is_complex else complex128 if dtype is float64 else complex64


def _promote_pair(a: DType, b: DType) -> DType:
    if a is b:
        return a
    if a.category != b.category:
        low, high = sorted((a, b), key=lambda dtype: dtype.category)
        if high.is_complex and low.is_floating_point:
            return to_complex(low) if low is float64 else high
        return high
    if a.category == INTEGER:
        if a.signed == b.signed:
            return a if a.bits >= b.bits else b
        unsigned, signed = (b, a) if a.signed else (a, b)
        return signed if signed.bits > unsigned.bits else int16
    if a.bits == b.bits:  # float16 with bfloat16
        return float32
    return a if a.bits > b.bits else b


def promote(*operands: tuple[DType, int], default: DType = float32) -> DType:
    """torch's result type of operands given as (dtype, rank) pairs.

    ``rank`` is 2 for a tensor with dimensions, 1 for a zero-dimensional tensor and 0 for a Python number: an
    operand of a lower rank decides only where its category is higher than that of every operand of a higher rank.
    Source: https://docs.pytorch.org/docs/stable/tensor_attributes.html#type-promotion-doc
    """
    result: DType | None = None
    for rank in (2, 1, 0):
        dtypes = [dtype for dtype, level in operands if level == rank]
        if not dtypes:
            continue
        here = dtypes[0]
        for dtype in dtypes[1:]:
            here = _promote_pair(here, dtype)
        if result is None:
            result = here
        elif here.category > result.category:
            if here.is_complex and result.is_floating_point:  # the width stays that of the higher rank
                here = to_complex(result)
            elif rank == 0:  # a Python number carries a category, not a width
                here = {
                    FLOATING: default,
                    COMPLEX: to_complex(result if result.is_floating_point else default),
                }.get(here.category, here)
            result = here
    assert result is not None
    return result
