"""Special functions. Each derivative is one of the family again, so every order exists and none cancels."""

from __future__ import annotations

import math

import numpy as np

from ..primitive import Primitive


def _unary(name, forward, derivative):
    return Primitive(name, forward, {"input": derivative}, dtype="float")


def _sinc_derivative(xp, input, order):
    """The ``order``-th derivative of sin(pi x) / (pi x): a power series near zero, a recurrence elsewhere."""
    near = xp.less(xp.absolute(input), 0.5)
    far = _sinc_far(xp, xp.where(near, 1, input), order)
    return xp.where(near, _sinc_near(xp, xp.where(near, input, 0), order), far) if near.any() else far


def _sinc_near(xp, x, order):
    total = x * 0.0
    for k in range((order + 1) // 2, (order + 1) // 2 + 22):
        weight = (-1) ** k * xp.pi ** (2 * k) * math.perm(2 * k, order) / math.factorial(2 * k + 1)
        total = total + weight * xp.power(x, 2 * k - order)
    return total


def _sinc_far(xp, x, order):
    """By Leibniz' rule, x f_n + n f_(n-1) is the n-th derivative of sin(pi x) / pi."""
    f = xp.sin(xp.pi * x) / (xp.pi * x)
    for n in range(1, order + 1):
        wave = (xp.sin, xp.cos)[n % 2](xp.pi * x) * (-1) ** (n // 2)
        f = (xp.pi ** (n - 1) * wave - n * f) / x
    return f


PRIMITIVES = [
    # The normal distribution
    _unary("erf", lambda xp, input: xp.erf(input), lambda F, g, input: g * F.erf_slope(input)),
    _unary("erfc", lambda xp, input: xp.erfc(input), lambda F, g, input: -(g * F.erf_slope(input))),
    _unary(
        "erf_slope",
        # 2 / sqrt(pi) * exp(-x²)
        lambda xp, input: xp.multiply(2 / xp.pi**0.5, xp.exp(xp.negative(input * input))),
        lambda g, input, result: g * (-2 * input * result),
    ),
    _unary("erfinv", lambda xp, input: xp.erfinv(input), lambda F, g, result: g / F.erf_slope(result)),
    _unary(
        "erfcx",
        lambda xp, input: xp.erfcx(input),
        lambda F, g, input, result: g * (2 * input * result - 2 * F.rsqrt(F.acos(-1))),
    ),
    _unary(
        "log_ndtr",
        lambda xp, input: xp.log_ndtr(input),
        # phi(x) / Phi(x) by way of erfcx, which neither underflows nor cancels in the left tail.
        lambda F, g, input: g * F.true_divide(F.sqrt(2 / F.acos(-1)), F.erfcx(-input * F.rsqrt(2))),
    ),
    _unary(
        "ndtri",
        lambda xp, input: xp.ndtri(input),
        lambda F, g, result: g * F.sqrt(2 * F.acos(-1)) * F.exp(result * result / 2),
    ),
    # The gamma function
    _unary("lgamma", lambda xp, input: xp.lgamma(input), lambda F, g, input: g * F.digamma(input)),
    _unary("digamma", lambda xp, input: xp.digamma(input), lambda F, g, input: g * F.polygamma(1, input)),
    Primitive(
        "polygamma_of",
        lambda xp, input, *, order: xp.polygamma(order, input),
        {"input": lambda F, g, input, order: g * F.polygamma(order + 1, input)},
        dtype="float",
    ),
    Primitive(
        "zeta",
        lambda xp, input, other: xp.zeta(input, other),
        # Hurwitz: only the derivative by the second argument has a closed form.
        {"other": lambda F, g, input, other: -(g * input * F.zeta(input + 1, other))},
        dtype="float",
    ),
    Primitive(
        "gammainc",
        lambda xp, input, other: xp.gammainc(input, other),
        {"other": lambda F, g, input, other: g * F.gamma_density(input, other)},
        dtype="float",
    ),
    Primitive(
        "gammaincc",
        lambda xp, input, other: xp.gammaincc(input, other),
        {"other": lambda F, g, input, other: -(g * F.gamma_density(input, other))},
        dtype="float",
    ),
    # Bessel functions
    _unary("i0", lambda xp, input: xp.i0(input), lambda F, g, input: g * F.i1(input)),
    _unary(
        "i1",
        lambda xp, input: xp.i1(input),
        lambda F, g, input, result: g * (F.i0(input) - F.quotient_at_zero(result, input, 0.5)),
    ),
    _unary(
        "i0e",
        lambda xp, input: xp.i0e(input),
        lambda F, g, input, result: g * (F.i1e(input) - F.sign(input) * result),
    ),
    _unary(
        "i1e",
        lambda xp, input: xp.i1e(input),
        lambda F, g, input, result: (
            g * (F.i0e(input) - F.sign(input) * result - F.quotient_at_zero(result, input, 0.5))
        ),
    ),
    # Removable singularities
    Primitive(
        "sinc_derivative",
        lambda xp, input, *, order=0: _sinc_derivative(xp, input * 1.0, order),
        {"input": lambda F, g, input, order: g * F.sinc_derivative(input, order + 1)},
        dtype="float",
    ),
    Primitive(
        "xlogy",
        lambda xp, input, other: _zero_wins(xp, input, other, xp.log(xp.where(xp.equal(input, 0), 1, other))),
        {
            "input": lambda F, g, other: g * F.log(other),
            "other": lambda F, g, input, other: g * (input / other),
        },
        dtype="float",
    ),
    Primitive(
        "xlog1py",
        lambda xp, input, other: _zero_wins(
            xp, input, other, xp.log1p(xp.where(xp.equal(input, 0), 0, other))
        ),
        {
            "input": lambda F, g, other: g * F.log1p(other),
            "other": lambda F, g, input, other: g * (input / (1 + other)),
        },
        dtype="float",
    ),
    _unary(
        "entr",
        # -x log(x), with its limit 0 at zero and minus infinity where it is not defined.
        lambda xp, input: xp.where(
            xp.less(input, 0),
            -np.inf,
            -_zero_wins(xp, input, input, xp.log(xp.where(xp.greater(input, 0), input, 1))),
        ),
        lambda F, g, input: g * (-F.log(input) - 1),
    ),
]


def _zero_wins(xp, x, y, factor):
    """x * factor, where a zero x gives zero whatever the factor, except that a nan in y stays."""
    return xp.where(xp.equal(x, 0), xp.where(xp.not_equal(y, y), y, 0.0), xp.multiply(x, factor))
