"""Composites of numbers: absolute values and parts, division, powers, choices, and functions with a kink."""

from __future__ import annotations

import math

from .. import dtypes
from ..structural import CAST
from .registry import composite, is_complex, is_floating, is_tensor

# Complex numbers and absolute values ----------------------------------------------------------------------


@composite("conj", "same")
def conj(F, input):
    return F.conjugate(input) if is_complex(input) else input


@composite("conj_physical", "same")
def conj_physical(F, input):
    return F.conjugate(input)


@composite("real", "none")
def real(F, input):
    return F.real_part(input) if is_complex(input) else input


@composite("imag", "none")
def imag(F, input):
    if not is_complex(input):
        raise RuntimeError("imag is defined for complex tensors")
    return F.imag_part(input)


@composite("abs", "none")
def absolute(F, input):
    return F.modulus(input) if is_complex(input) else F.magnitude(input)


@composite("angle", "none")
def angle(F, input):
    """The argument; of a real number 0 or pi, as a step function."""
    if is_complex(input):
        return F.angle_complex(input)
    return F.where(F.isnan(input), input, F.where(F.lt(input, 0), F.acos(-1), F.zeros_like(input * 1.0)))


@composite("sgn", "same")
def sgn(F, input):
    return F.divide_or_zero(input, F.abs(input)) if is_complex(input) else F.sign(input)


@composite("complex", "none")
def complex_of(F, real, imag):
    return F.make_complex(real, imag)


@composite("polar", "none")
def polar(F, abs, angle):
    return F.make_complex(abs * F.cos(angle), abs * F.sin(angle))


@composite("view_as_real", "none")
def view_as_real(F, input):
    if not is_complex(input):
        raise RuntimeError("view_as_real needs a complex tensor")
    return F.real_pairs(input)


@composite("view_as_complex", "none")
def view_as_complex(F, input):
    if is_complex(input) or not is_floating(input) or not input.ndim or input.shape[-1] != 2:
        raise RuntimeError("view_as_complex needs a floating tensor whose last dimension is a pair")
    return F.complex_of_pairs(input)


@composite("isreal", "none")
def isreal(F, input):
    return F.eq(F.imag(input), 0) if is_complex(input) else F.cast(F.ones_like(input), dtypes.bool_)


@composite("cast", "none")
def cast(F, input, dtype):
    """The same values under another label."""
    return F.apply(CAST, (input,), {"dtype": dtype})


# Sums, products, quotients --------------------------------------------------------------------------------


@composite("subtract")
def subtract(F, input, other, *, alpha=1):
    return F.sub(input, other, alpha)


@composite("rsub")
def rsub(F, input, other, *, alpha=1):
    return F.sub(other, input, alpha)


@composite("multiply")
def multiply(F, input, other):
    return F.mul(input, other)


@composite("negative")
def negative(F, input):
    return F.neg(input)


@composite("positive")
def positive(F, input):
    return input


@composite("div", "none")
def div(F, input, other, *, rounding_mode=None):
    if rounding_mode is None:
        return F.true_divide(input, other)
    if rounding_mode == "floor":
        return F.floor_divide(input, other)
    if rounding_mode == "trunc":
        return F.truncated_quotient(input, other)
    raise RuntimeError(f"rounding_mode is None, 'floor' or 'trunc', not {rounding_mode!r}")


@composite("divide", "none")
def divide(F, input, other, *, rounding_mode=None):
    return F.div(input, other, rounding_mode=rounding_mode)


@composite("divide_or_zero")
def divide_or_zero(F, input, other):
    """The quotient, and zero where the divisor is zero, with derivatives zero there."""
    zero = F.eq(other, 0)
    return F.where(zero, 0, F.true_divide(input, F.where(zero, 1, other)))


@composite("remainder")
def remainder(F, input, other):
    """The sign is that of the divisor, as in Python."""
    return F.remainder_of(input, other, F.floor_divide(input, other), floor=True)


@composite("fmod")
def fmod(F, input, other):
    """The sign is that of the dividend, as in C."""
    return F.remainder_of(input, other, F.truncated_quotient(input, other), floor=False)


@composite("addcmul")
def addcmul(F, input, tensor1, tensor2, *, value=1):
    return input + value * tensor1 * tensor2


@composite("addcdiv")
def addcdiv(F, input, tensor1, tensor2, *, value=1):
    return input + value * F.true_divide(tensor1, tensor2)


@composite("lerp")
def lerp(F, input, end, weight):
    return input + weight * (end - input)


# Powers and logarithms ------------------------------------------------------------------------------------


@composite("pow")
def power(F, input, exponent):
    if not isinstance(exponent, (int, float, complex)) or not is_tensor(input):
        return F.pow_tensor(input, exponent)
    if is_floating(input) and not (is_complex(exponent) and not is_complex(input)):
        return F.pow_number(input, exponent)
    if isinstance(exponent, int) and not is_floating(input):
        if exponent < 0:
            raise RuntimeError("integers cannot be raised to negative integer powers")
        return F.pow_number(input, exponent)
    return F.pow_tensor(input, exponent)


@composite("square")
def square(F, input):
    return input * input


@composite("float_power", "none")
def float_power(F, input, exponent):
    double = dtypes.complex128 if is_complex(input) or is_complex(exponent) else dtypes.float64
    return F.pow(F.cast(input, double), exponent)


@composite("logaddexp2", "float")
def logaddexp2(F, input, other):
    ln2 = F.log(2)
    return F.logaddexp(input * ln2, other * ln2) / ln2


@composite("logit", "float")
def logit(F, input, eps=None):
    if eps is not None:
        input = F.clamp(input, eps, 1 - eps)
    return F.log(input) - F.log1p(-input)


@composite("logsigmoid", "float")
def logsigmoid(F, input):
    """-log(1 + exp(-x)), which is min(x, 0) - log1p(exp(-|x|)); both tails keep their relative accuracy."""
    return F.neg(F.logaddexp(F.neg(input), 0))


@composite("heaviside")
def heaviside(F, input, values):
    return F.where(F.eq(input, 0), values, F.where(F.gt(input, 0), 1, F.where(F.isnan(input), input, 0)))


@composite("deg2rad", "float")
def deg2rad(F, input):
    return input * (F.acos(-1) / 180)


@composite("rad2deg", "float")
def rad2deg(F, input):
    return input * (180 / F.acos(-1))


@composite("ldexp", "float")
def ldexp(F, input, other):
    return input * F.exp2(other)


# Choices --------------------------------------------------------------------------------------------------


@composite("relu")
def relu(F, input):
    """Zero up to and at zero, where the subgradient of least norm is zero."""
    return F.where(F.le(input, 0), 0, input)


@composite("clamp")
def clamp(F, input, min=None, max=None):
    """First from below, then from above: where the bounds cross the upper one is the result.

    On a bound that is a number one side is flat, and the slope of least size is zero; with a tensor it is a tie.
    https://docs.pytorch.org/docs/stable/notes/autograd.html#gradients-for-non-differentiable-functions
    """
    if min is None and max is None:
        raise RuntimeError("clamp needs at least one of min and max")
    if min is not None:
        ties = is_tensor(min) or min != min  # a bound that is nan is beaten by nothing
        input = F.maximum(input, min) if ties else F.where(F.le(input, min), min, input)
    if max is not None:
        ties = is_tensor(max) or max != max
        input = F.minimum(input, max) if ties else F.where(F.ge(input, max), max, input)
    return input


@composite("clip")
def clip(F, input, min=None, max=None):
    return F.clamp(input, min, max)


@composite("clamp_min")
def clamp_min(F, input, min):
    return F.clamp(input, min)


@composite("clamp_max")
def clamp_max(F, input, max):
    return F.clamp(input, max=max)


@composite("fmax")
def fmax(F, input, other):
    """The larger; a nan loses against a number."""
    return F.where(F.isnan(input), other, F.where(F.isnan(other), input, F.maximum(input, other)))


@composite("fmin")
def fmin(F, input, other):
    return F.where(F.isnan(input), other, F.where(F.isnan(other), input, F.minimum(input, other)))


@composite("nan_to_num", "same")
def nan_to_num(F, input, nan=None, posinf=None, neginf=None):
    largest = input.dtype.largest
    out = F.where(F.isnan(input), nan or 0.0, input)
    out = F.where(F.eq(out, math.inf), largest if posinf is None else posinf, out)
    return F.where(F.eq(out, -math.inf), -largest if neginf is None else neginf, out)


@composite("copysign", "float")
def copysign(F, input, other):
    """The magnitude of one with the sign bit of the other; the slope at a zero is zero."""
    flip = F.ne(F.signbit(input), F.signbit(other))
    out = F.where(flip, F.neg(input), input)
    return F.where(F.eq(input, 0), out.detach(), out)


@composite("round")
def rounded(F, input, *, decimals=0):
    """To the nearest, ties to even."""
    if decimals == 0:
        return F.rint(input)
    scale = 10.0 ** abs(decimals)
    return F.rint(input * scale) / scale if decimals > 0 else F.rint(input / scale) * scale


@composite("fix")
def fix(F, input):
    return F.trunc(input)


@composite("frac")
def frac(F, input):
    return input - F.trunc(input)


@composite("isposinf", "bool")
def isposinf(F, input):
    return F.eq(input, math.inf)


@composite("isneginf", "bool")
def isneginf(F, input):
    return F.eq(input, -math.inf)


@composite("isclose", "bool")
def isclose(F, input, other, rtol=1e-05, atol=1e-08, equal_nan=False):
    with F.reference.no_grad():
        close = F.logical_or(F.eq(input, other), F.le(F.abs(input - other), atol + rtol * F.abs(other)))
        close = F.logical_and(close, F.logical_or(F.isfinite(other), F.eq(input, other)))
        if equal_nan:
            close = F.logical_or(close, F.logical_and(F.ne(input, input), F.ne(other, other)))
        return close


@composite("allclose", "none")
def allclose(F, input, other, rtol=1e-05, atol=1e-08, equal_nan=False):
    return bool(F.all(F.isclose(input, other, rtol, atol, equal_nan)))


@composite("equal", "none")
def equal(F, input, other):
    return tuple(input.shape) == tuple(other.shape) and bool(F.all(F.eq(input, other)))


# Special functions ----------------------------------------------------------------------------------------


@composite("sinc", "float")
def sinc(F, input):
    return F.sinc_derivative(input, 0)


@composite("polygamma", "float")
def polygamma(F, n, input):
    return F.digamma(input) if n == 0 else F.polygamma_of(input, n)


@composite("mvlgamma", "float")
def mvlgamma(F, input, p):
    terms = [F.lgamma(input - j / 2) for j in range(p)]
    return sum(terms[1:], terms[0]) + F.log(F.acos(-1)) * (p * (p - 1) / 4)


@composite("ndtr", "float")
def ndtr(F, input):
    return F.erfc(-input * F.rsqrt(2)) / 2


@composite("gamma_density", "float")
def gamma_density(F, input, other):
    """x**(a-1) exp(-x) / gamma(a): the derivative by x of the regularised incomplete gamma function."""
    return F.exp(F.xlogy(input - 1, other) - other - F.lgamma(input))


@composite("quotient_at_zero")
def quotient_at_zero(F, input, other, limit):
    """input / other, and ``limit`` where both vanish."""
    zero = F.eq(other, 0)
    return F.where(zero, limit, F.true_divide(input, F.where(zero, 1, other)))
