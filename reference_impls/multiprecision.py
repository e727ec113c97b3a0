"""NumPy's function names on object arrays of mpmath numbers: what ``arithmetic.Multiprecision`` looks up."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

from . import elimination

_AS_THEY_ARE = """
    where logical_and logical_or logical_xor equal not_equal greater greater_equal less less_equal
    matmul dot sum cumsum cumprod prod add subtract multiply negative conjugate absolute
"""
AS_THEY_ARE = frozenset(_AS_THEY_ARE.split())
"""NumPy functions that serve object arrays as they are, by way of Python's operators.

Those that only move elements need no arithmetic: primitives call NumPy for them.
"""


class Functions:
    """Finds the elementwise, reducing and ordering functions for one precision."""

    def __init__(self, bits: int) -> None:
        self.ctx = ctx = mpmath.MPContext()
        ctx.prec = bits
        self.nan, self.inf = ctx.nan, ctx.inf
        self._maximum = np.frompyfunc(self._greater_of, 2, 1, identity=None)
        self._minimum = np.frompyfunc(self._smaller_of, 2, 1, identity=None)

    def find(self, name: str) -> Callable[..., Any]:
        own = getattr(self, name, None)
        if own is not None and not name.startswith("_") and name not in ("ctx", "find", "nan", "inf"):
            return own
        if name in REAL:
            return self._unary(name)
        if name in AS_THEY_ARE:
            return self._boxed(getattr(np, name))
        raise AttributeError(f"multiprecision has no {name}")

    def _boxed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """NumPy unwraps zero-dimensional object results; arrays are what forwards expect.

        A Python integer is what a reduction of objects returns if all were integers, or none was there.
        """

        def call(*args: Any, **kwargs: Any) -> Any:
            out = function(*args, **kwargs)
            if isinstance(out, (np.ndarray, tuple, list)):
                return out
            return np.asarray(self.ctx.convert(out) if type(out) is int else out)

        return call

    def _unary(self, name: str) -> Callable[[Any], np.ndarray]:
        """The scalar function ``name`` mapped over arrays, with IEEE results where mpmath raises."""
        ctx, (low, high, special) = self.ctx, REAL[name]
        scalar = SCALARS.get(name) or (lambda ctx, x: getattr(ctx, name)(x))

        def one(x: Any) -> Any:
            x = ctx.convert(x)
            if isinstance(x, ctx.mpf):
                if ctx.isnan(x) or x < low or x > high:
                    return ctx.nan
                for point, value in special:
                    if x == point:
                        return ctx.mpf(value)
            return scalar(ctx, x)

        mapped = self._boxed(np.frompyfunc(one, 1, 1))
        if name not in STEPS:
            return mapped
        return lambda x: mapped(x) if np.asarray(x).dtype == object else np.asarray(getattr(np, name)(x))

    # Conversions -----------------------------------------------------------------------------------------

    def from_numpy(self, array: np.ndarray) -> np.ndarray:
        """Exact conversion of a floating or complex array; other arrays as they are."""
        array = np.asarray(array)
        if array.dtype.kind not in "fc":
            return array
        with np.errstate(invalid="ignore"):
            return np.asarray(np.frompyfunc(self.ctx.convert, 1, 1)(array), dtype=object)

    def to_numpy(self, array: np.ndarray) -> np.ndarray:
        """The nearest float64 (complex128 where any element is complex)."""
        if array.dtype != object:
            return array
        if any(isinstance(value, self.ctx.mpc) for value in array.flat):
            return np.asarray(np.frompyfunc(complex, 1, 1)(array)).astype(np.complex128)
        with np.errstate(invalid="ignore"):
            return np.asarray(np.frompyfunc(self._float, 1, 1)(array)).astype(np.float64)

    def _float(self, value: Any) -> float:
        try:
            return float(value)
        except OverflowError:
            return float("inf") if value > 0 else float("-inf")

    # Two operands ----------------------------------------------------------------------------------------

    def _binary(self, scalar: Callable[[Any, Any], Any], a: Any, b: Any) -> np.ndarray:
        convert = self.ctx.convert
        return np.asarray(np.frompyfunc(lambda x, y: scalar(convert(x), convert(y)), 2, 1)(a, b))

    def divide(self, a: Any, b: Any) -> np.ndarray:
        return np.asarray(np.frompyfunc(self._quotient, 2, 1)(a, b))

    def _quotient(self, a: Any, b: Any) -> Any:
        ctx, a = self.ctx, self.ctx.convert(a)
        if b != 0:
            return a / b
        if a == 0 or isinstance(a, ctx.mpc) or ctx.isnan(a):
            return ctx.nan
        return ctx.sign(a) * ctx.inf

    def power(self, a: Any, b: Any) -> np.ndarray:
        if np.asarray(a).dtype != object and np.asarray(b).dtype.kind in "iub":
            return np.asarray(np.power(a, b))
        return np.asarray(np.frompyfunc(self._raised, 2, 1)(a, b))

    def _raised(self, a: Any, b: Any) -> Any:
        ctx, a, b = self.ctx, self.ctx.convert(a), self.ctx.convert(b)
        if b == 0:
            return ctx.one
        if isinstance(a, ctx.mpc) or isinstance(b, ctx.mpc):
            return ctx.zero if a == 0 else a**b
        if a == 0:
            return b if ctx.isnan(b) else ctx.zero if b > 0 else ctx.inf
        if a < 0 and not ctx.isint(b):
            return ctx.nan
        return a**b

    def arctan2(self, y: Any, x: Any) -> np.ndarray:
        return np.asarray(
            np.frompyfunc(lambda a, b: self.ctx.atan2(self.ctx.convert(a), self.ctx.convert(b)), 2, 1)(y, x)
        )

    def hypot(self, a: Any, b: Any) -> np.ndarray:
        return np.asarray(
            np.frompyfunc(lambda a, b: self.ctx.hypot(self.ctx.convert(a), self.ctx.convert(b)), 2, 1)(a, b)
        )

    def logaddexp(self, a: Any, b: Any) -> np.ndarray:
        return self._binary(self._log_of_sum, a, b)

    def _log_of_sum(self, a: Any, b: Any) -> Any:
        """The larger, and what the smaller adds: relative accuracy remains where the larger is zero."""
        high, low = (a, b) if a >= b else (b, a)
        return high if self.ctx.isinf(high) else high + self.ctx.log1p(self.ctx.exp(low - high))

    def floor_divide(self, a: Any, b: Any) -> np.ndarray:
        if np.asarray(a).dtype != object and np.asarray(b).dtype != object:
            return np.asarray(np.floor_divide(a, b))
        return self.find("floor")(self.divide(a, b))

    def remainder(self, a: Any, b: Any) -> np.ndarray:
        """Python's modulus: the sign is that of the divisor."""
        return np.asarray(a - self.floor_divide(a, b) * b)

    def fmod(self, a: Any, b: Any) -> np.ndarray:
        """C's modulus: the sign is that of the dividend."""
        return np.asarray(a - self.find("trunc")(self.divide(a, b)) * b)

    def polygamma(self, n: int, x: Any) -> np.ndarray:
        return np.asarray(np.frompyfunc(lambda v: self.ctx.psi(n, v), 1, 1)(x))

    def zeta(self, s: Any, q: Any) -> np.ndarray:
        return self._binary(self.ctx.zeta, s, q)

    def gammainc(self, a: Any, x: Any) -> np.ndarray:
        return np.asarray(
            np.frompyfunc(lambda a, x: self.ctx.gammainc(a, 0, x, regularized=True), 2, 1)(a, x)
        )

    def gammaincc(self, a: Any, x: Any) -> np.ndarray:
        return self._binary(lambda a, x: self.ctx.gammainc(a, x, regularized=True), a, x)

    # Linear algebra --------------------------------------------------------------------------------------

    def solve(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return elimination.batched(elimination.solve, a, b)

    def det(self, a: np.ndarray) -> np.ndarray:
        return elimination.batched(elimination.determinant, a)

    def cholesky(self, a: np.ndarray) -> np.ndarray:
        return elimination.batched(lambda matrix: elimination.cholesky(matrix, self.ctx.sqrt), a)

    # Parts and classes -----------------------------------------------------------------------------------

    def real(self, x: Any) -> np.ndarray:
        return np.asarray(np.frompyfunc(lambda v: self.ctx.convert(v).real, 1, 1)(x))

    def imag(self, x: Any) -> np.ndarray:
        return np.asarray(np.frompyfunc(lambda v: self.ctx.convert(v).imag, 1, 1)(x))

    def complex(self, real: Any, imag: Any) -> np.ndarray:
        return np.asarray(np.frompyfunc(self.ctx.mpc, 2, 1)(real, imag))

    def angle(self, x: Any) -> np.ndarray:
        return np.asarray(np.frompyfunc(self.ctx.arg, 1, 1)(x))

    def isnan(self, x: Any) -> np.ndarray:
        return np.asarray(np.frompyfunc(self.ctx.isnan, 1, 1)(x)).astype(bool)

    def isinf(self, x: Any) -> np.ndarray:
        return np.asarray(np.frompyfunc(self.ctx.isinf, 1, 1)(x)).astype(bool)

    def isfinite(self, x: Any) -> np.ndarray:
        return np.asarray(np.frompyfunc(self.ctx.isfinite, 1, 1)(x)).astype(bool)

    def signbit(self, x: Any) -> np.ndarray:
        return np.less(x, 0)

    # Order -----------------------------------------------------------------------------------------------

    def _greater_of(self, a: Any, b: Any) -> Any:
        return a if a > b or a != a else b

    def _smaller_of(self, a: Any, b: Any) -> Any:
        return a if a < b or a != a else b

    def maximum(self, a: Any, b: Any) -> np.ndarray:
        return np.asarray(self._maximum(a, b))

    def minimum(self, a: Any, b: Any) -> np.ndarray:
        return np.asarray(self._minimum(a, b))

    def amax(self, x: np.ndarray, axis: Any = None, keepdims: bool = False) -> np.ndarray:
        return np.asarray(self._maximum.reduce(x, axis=axis, keepdims=keepdims))

    def amin(self, x: np.ndarray, axis: Any = None, keepdims: bool = False) -> np.ndarray:
        return np.asarray(self._minimum.reduce(x, axis=axis, keepdims=keepdims))

    def argsort(self, x: np.ndarray, axis: int = -1, kind: str = "stable") -> np.ndarray:
        """Stable, nan last."""
        missing = self.isnan(x)
        order = np.argsort(np.where(missing, self.inf, x), axis=axis, kind="stable")
        last = np.argsort(np.take_along_axis(missing, order, axis), axis=axis, kind="stable")
        return np.take_along_axis(order, last, axis)

    def argmax(self, x: np.ndarray, axis: Any = None, keepdims: bool = False) -> np.ndarray:
        return self._extreme(x, operator.gt, axis, keepdims)

    def argmin(self, x: np.ndarray, axis: Any = None, keepdims: bool = False) -> np.ndarray:
        return self._extreme(x, operator.lt, axis, keepdims)

    def _extreme(
        self, x: np.ndarray, better: Callable[[Any, Any], bool], axis: Any, keepdims: bool
    ) -> np.ndarray:
        """First index of the extreme value along an axis; a nan is more extreme than any number."""

        def first(row: np.ndarray) -> int:
            best = 0
            for i in range(1, len(row)):
                if row[best] == row[best] and (row[i] != row[i] or better(row[i], row[best])):
                    best = i
            return best

        rows = x.reshape(-1) if axis is None else x
        out = np.apply_along_axis(first, -1 if axis is None else axis, rows).astype(np.int64)
        if not keepdims:
            return np.asarray(out)
        return out.reshape((1,) * x.ndim) if axis is None else np.expand_dims(out, axis)


_INF = float("inf")
_EVERYWHERE = """
    exp exp2 expm1 sin cos tan sinh cosh tanh arctan arcsinh sigmoid lgamma erf erfc erfcx
    i0 i1 i0e i1e log_ndtr rint floor ceil trunc sign
"""


def _log_gamma(ctx: Any, x: Any) -> Any:
    if isinstance(x, ctx.mpf):
        if ctx.isinf(x) or (x <= 0 and ctx.isint(x)):
            return ctx.inf
        return ctx.convert(ctx.loggamma(x)).real
    return ctx.loggamma(x)


def _digamma(ctx: Any, x: Any) -> Any:
    return ctx.nan if x < 0 and ctx.isint(x) else ctx.psi(0, x)


def _log_normal_distribution(ctx: Any, x: Any) -> Any:
    tail = ctx.erfc(abs(x) / ctx.sqrt(2)) / 2
    return ctx.log1p(-tail) if x > 0 else ctx.log(tail)


STEPS = frozenset({"floor", "ceil", "trunc", "rint", "sign"})
"""Functions that leave integers integers."""
SCALARS: dict[str, Callable[[Any, Any], Any]] = {
    "exp2": lambda ctx, x: ctx.power(2, x),
    "log2": lambda ctx, x: ctx.log(x) / ctx.log(2),
    "log10": lambda ctx, x: ctx.log10(x),
    "arcsin": lambda ctx, x: ctx.asin(x),
    "arccos": lambda ctx, x: ctx.acos(x),
    "arctan": lambda ctx, x: ctx.atan(x),
    "arcsinh": lambda ctx, x: ctx.asinh(x),
    "arccosh": lambda ctx, x: ctx.acosh(x),
    "arctanh": lambda ctx, x: ctx.atanh(x),
    "sigmoid": lambda ctx, x: 1 / (1 + ctx.exp(-x)),
    "lgamma": _log_gamma,
    "digamma": _digamma,
    "erfcx": lambda ctx, x: ctx.exp(x * x) * ctx.erfc(x),
    "i0": lambda ctx, x: ctx.besseli(0, x),
    "i1": lambda ctx, x: ctx.besseli(1, x),
    "i0e": lambda ctx, x: ctx.besseli(0, x) * ctx.exp(-abs(x)),
    "i1e": lambda ctx, x: ctx.besseli(1, x) * ctx.exp(-abs(x)),
    "ndtri": lambda ctx, x: ctx.sqrt(2) * ctx.erfinv(2 * x - 1),
    "log_ndtr": _log_normal_distribution,
    "rint": lambda ctx, x: x if ctx.isinf(x) else ctx.nint(x),
    "floor": lambda ctx, x: x if ctx.isinf(x) else ctx.floor(x),
    "ceil": lambda ctx, x: x if ctx.isinf(x) else ctx.ceil(x),
    "trunc": lambda ctx, x: x if ctx.isinf(x) else ctx.sign(x) * ctx.floor(abs(x)),
}
"""Functions for which mpmath has another name, or another convention; the rest go by their own."""

REAL: dict[str, tuple[float, float, tuple[tuple[float, float], ...]]] = {
    **{name: (-_INF, _INF, ()) for name in _EVERYWHERE.split()},
    "sqrt": (0.0, _INF, ()),
    "log": (0.0, _INF, ((0.0, -_INF),)),
    "log2": (0.0, _INF, ((0.0, -_INF),)),
    "log10": (0.0, _INF, ((0.0, -_INF),)),
    "log1p": (-1.0, _INF, ((-1.0, -_INF), (_INF, _INF))),
    "arcsin": (-1.0, 1.0, ()),
    "arccos": (-1.0, 1.0, ()),
    "arccosh": (1.0, _INF, ()),
    "arctanh": (-1.0, 1.0, ((-1.0, -_INF), (1.0, _INF))),
    "erfinv": (-1.0, 1.0, ((-1.0, -_INF), (1.0, _INF))),
    "ndtri": (0.0, 1.0, ((0.0, -_INF), (1.0, _INF))),
    "digamma": (-_INF, _INF, ((0.0, -_INF),)),
}
"""For each elementwise function: where it is real, and its values at special points."""
