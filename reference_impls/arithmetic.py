"""The two arithmetics in which the reference computes: float64 NumPy, and mpmath at a fixed precision.

A primitive's forward function receives one of them as ``xp`` and uses NumPy's names (``xp.exp``, ``xp.sum``,
``xp.matmul``) and, for special functions, torch's (``xp.erf``, ``xp.lgamma``). ``xp.addends`` and
``xp.decide`` belong to the noise of the current run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import noise as noises


class Arithmetic:
    """What both arithmetics share: the noise of the current run and a random generator."""

    generator: np.random.Generator
    addends: Callable[..., np.ndarray]
    decide: Callable[[np.ndarray], np.ndarray]
    result: Callable[[np.ndarray], np.ndarray]

    def __init__(self) -> None:
        self.noise = noises.Silent()
        self.generator = np.random.Generator(np.random.PCG64())

    @property
    def noise(self) -> noises.Base | noises.Noisy:
        return self._noise

    @noise.setter
    def noise(self, value: noises.Base | noises.Noisy) -> None:
        self._noise = value
        self.addends, self.decide, self.result = value.addends, value.decide, value.result


SCIPY_NAMES = {
    "erf": "erf",
    "erfc": "erfc",
    "erfcx": "erfcx",
    "erfinv": "erfinv",
    "gammaln": "gammaln",
    "psi": "psi",
    "polygamma": "polygamma",
    "zeta": "zeta",
    "i0": "i0",
    "i0e": "i0e",
    "i1": "i1",
    "i1e": "i1e",
    "ndtri": "ndtri",
    "log_ndtr": "log_ndtr",
    "gammainc": "gammainc",
    "gammaincc": "gammaincc",
}
"""Special functions by torch's name (or NumPy's manner), with SciPy's name for them."""

LINEAR_ALGEBRA = frozenset({"solve", "det", "cholesky"})


class Float64(Arithmetic):
    """float64 and complex128: NumPy's functions under their own names, SciPy's where NumPy has none.

    A function is looked up once; SciPy is imported when the first special function is asked for.
    """

    name = "float64"

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name in LINEAR_ALGEBRA:
            function = getattr(np.linalg, name)
        elif name in SCIPY_NAMES:
            import scipy.special

            function = getattr(scipy.special, SCIPY_NAMES[name])
        elif name.startswith("_"):
            raise AttributeError(name)
        else:
            function = getattr(np, name)
            if isinstance(function, np.ufunc) and function.types[0] == "e->e":
                function = _of_float64(function)
        self.__dict__[name] = function
        return function

    @staticmethod
    def from_numpy(array: np.ndarray) -> np.ndarray:
        return array

    @staticmethod
    def to_numpy(array: np.ndarray) -> np.ndarray:
        return array

    @staticmethod
    def sigmoid(x: np.ndarray) -> np.ndarray:
        """The logistic function, to full relative accuracy in both tails."""
        if np.iscomplexobj(x):
            return 1.0 / (1.0 + np.exp(-x))
        small = np.exp(-np.abs(x))
        return np.where(x >= 0, 1.0, small) / (1.0 + small)

    def lgamma(self, x: np.ndarray) -> np.ndarray:
        """Infinite at both ends, as in C (ISO C, F.9.5.3) and at 200 bits; SciPy has minus infinity at the left one."""
        return np.where(np.isneginf(x), np.inf, self.gammaln(x))

    def digamma(self, x: np.ndarray) -> np.ndarray:
        """By reflection where x is negative, from the distance to the nearest pole, which is exact."""
        beside = x - np.rint(x)
        reflected = self.psi(1 - x) - np.pi / np.tan(np.pi * np.where(beside == 0, np.nan, beside))
        return np.where(x < 0, reflected, self.psi(np.where(x < 0, 1, x)))

    @staticmethod
    def complex(real: np.ndarray, imag: np.ndarray) -> np.ndarray:
        """From parts, so that infinities stay where they are."""
        out = np.empty(np.broadcast_shapes(np.shape(real), np.shape(imag)), np.complex128)
        out.real, out.imag = real, imag
        return out


def _of_float64(function: Callable[..., Any]) -> Callable[..., Any]:
    """NumPy computes functions of booleans in half precision; here they are the numbers 0 and 1."""
    return lambda x: function(x.astype(np.float64) if x.dtype == bool else x)


class Multiprecision(Arithmetic):
    """mpmath at ``bits`` of working precision, elementwise on object arrays of ``mpf`` and ``mpc``.

    Integer and bool arrays stay native. The conventions at singular points are those of IEEE arithmetic
    (``log(0) = -inf``, ``1/0 = inf``, ``sqrt(-1) = nan``); there is no negative zero.
    """

    name = "multiprecision"

    def __init__(self, bits: int = 200) -> None:
        super().__init__()
        from . import multiprecision

        self.bits = bits
        self._functions = multiprecision.Functions(bits)
        self.pi = +self._functions.ctx.pi

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        function = self._functions.find(name)
        self.__dict__[name] = function
        return function
