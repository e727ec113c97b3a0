"""Elementwise arithmetic: smooth functions of one, two or three numbers, with their derivatives.

Cotangents of complex inputs are conjugate Wirtinger derivatives, so a holomorphic f contributes g * conj(f').
"""

from __future__ import annotations

from ..primitive import Kind, Primitive


def _unary(name, forward, derivative, **options):
    """A function of one number, from the formula of its cotangent."""
    return Primitive(name, forward, {"input": derivative}, dtype="float", **options)


PRIMITIVES = [
    # Ring operations
    Primitive(
        "add",
        lambda xp, input, other, *, alpha=1: xp.add(
            input, other if alpha == 1 else xp.multiply(alpha, other)
        ),
        {"input": lambda g: g, "other": lambda g, alpha: g if alpha == 1 else g * alpha},
    ),
    Primitive(
        "sub",
        lambda xp, input, other, *, alpha=1: xp.subtract(
            input, other if alpha == 1 else xp.multiply(alpha, other)
        ),
        {"input": lambda g: g, "other": lambda g, alpha: g * -alpha},
    ),
    Primitive(
        "mul",
        lambda xp, input, other: xp.multiply(input, other),
        {"input": lambda F, g, other: g * F.conj(other), "other": lambda F, g, input: g * F.conj(input)},
    ),
    Primitive(
        "true_divide",
        lambda xp, input, other: xp.divide(input, other),
        {
            "input": lambda F, g, other: g / F.conj(other),
            "other": lambda F, g, result, other: -(g * F.conj(result / other)),
        },
        dtype="float",
    ),
    Primitive(
        "neg", lambda xp, input: xp.negative(input), {"input": lambda g: -g}, kind=Kind.MOVEMENT, dtype="same"
    ),
    _unary(
        "reciprocal",
        lambda xp, input: xp.divide(1.0, input),
        lambda F, g, result: -(g * F.conj(result * result)),
    ),
    # Exponentials and logarithms
    _unary("exp", lambda xp, input: xp.exp(input), lambda F, g, result: g * F.conj(result)),
    _unary("exp2", lambda xp, input: xp.exp2(input), lambda F, g, result: g * F.conj(result * F.log(2))),
    _unary(
        "expm1",
        lambda xp, input: xp.expm1(input),
        lambda F, g, input: g * F.conj(F.exp(input)),
        saves=("result",),
    ),
    _unary("log", lambda xp, input: xp.log(input), lambda F, g, input: g / F.conj(input)),
    _unary("log2", lambda xp, input: xp.log2(input), lambda F, g, input: g / F.conj(input * F.log(2))),
    _unary("log10", lambda xp, input: xp.log10(input), lambda F, g, input: g / F.conj(input * F.log(10))),
    _unary("log1p", lambda xp, input: xp.log1p(input), lambda F, g, input: g / F.conj(input + 1)),
    _unary("sqrt", lambda xp, input: xp.sqrt(input), lambda F, g, result: g / F.conj(2 * result)),
    _unary(
        "rsqrt",
        lambda xp, input: xp.divide(1.0, xp.sqrt(input)),
        lambda F, g, result: -0.5 * g * F.conj(result * result * result),
    ),
    _unary(
        "root_or_zero",
        # The square root of a sum of squares, whose subgradient of least norm at zero is zero.
        lambda xp, input: xp.sqrt(input),
        lambda F, g, result: g * F.divide_or_zero(0.5, result),
    ),
    # Trigonometric and hyperbolic functions
    _unary("sin", lambda xp, input: xp.sin(input), lambda F, g, input: g * F.conj(F.cos(input))),
    _unary("cos", lambda xp, input: xp.cos(input), lambda F, g, input: -(g * F.conj(F.sin(input)))),
    _unary("tan", lambda xp, input: xp.tan(input), lambda F, g, result: g * F.conj(1 + result * result)),
    _unary(
        "asin", lambda xp, input: xp.arcsin(input), lambda F, g, input: g * F.conj(F.rsqrt(1 - input * input))
    ),
    _unary(
        "acos",
        lambda xp, input: xp.arccos(input),
        lambda F, g, input: -(g * F.conj(F.rsqrt(1 - input * input))),
    ),
    _unary("atan", lambda xp, input: xp.arctan(input), lambda F, g, input: g / F.conj(1 + input * input)),
    _unary("sinh", lambda xp, input: xp.sinh(input), lambda F, g, input: g * F.conj(F.cosh(input))),
    _unary("cosh", lambda xp, input: xp.cosh(input), lambda F, g, input: g * F.conj(F.sinh(input))),
    _unary(
        "tanh",
        lambda xp, input: xp.tanh(input),
        lambda F, g, input: g * F.conj(F.sech_squared(input)),
        saves=("result",),
    ),
    _unary(
        "sech_squared",
        # Not 1 - tanh², which cancels where tanh saturates.
        lambda xp, input: xp.divide(1.0, xp.cosh(input) ** 2),
        lambda F, g, input, result: -2 * g * F.conj(result * F.tanh(input)),
    ),
    _unary(
        "asinh",
        lambda xp, input: xp.arcsinh(input),
        lambda F, g, input: g * F.conj(F.rsqrt(input * input + 1)),
    ),
    _unary(
        "acosh",
        lambda xp, input: xp.arccosh(input),
        # sqrt(x - 1) sqrt(x + 1), not sqrt(x² - 1): the branch cut of a complex acosh is that of the product.
        lambda F, g, input: g * F.conj(F.rsqrt(input - 1) * F.rsqrt(input + 1)),
    ),
    _unary(
        "atanh",
        lambda xp, input: xp.arctanh(input),
        lambda F, g, input: g / F.conj((1 - input) * (1 + input)),
    ),
    _unary(
        "sigmoid",
        lambda xp, input: xp.sigmoid(input),
        # 1 - sigmoid(x) is sigmoid(-x), without cancellation.
        lambda F, g, input, result: g * F.conj(result * F.sigmoid(-input)),
        saves=("result",),
    ),
    Primitive(
        "atan2",
        lambda xp, input, other: xp.arctan2(input, other),
        {
            "input": lambda F, g, input, other: g * F.divide_or_zero(other, input * input + other * other),
            "other": lambda F, g, input, other: -(g * F.divide_or_zero(input, input * input + other * other)),
        },
        dtype="float",
    ),
    Primitive(
        "hypot",
        lambda xp, input, other: xp.hypot(input, other),
        {
            "input": lambda F, g, input, result: g * F.divide_or_zero(input, result),
            "other": lambda F, g, other, result: g * F.divide_or_zero(other, result),
        },
        dtype="float",
    ),
    Primitive(
        "logaddexp",
        lambda xp, input, other: xp.logaddexp(input, other),
        {
            "input": lambda F, g, input, other: g * F.sigmoid(input - other),
            "other": lambda F, g, input, other: g * F.sigmoid(other - input),
        },
        dtype="float",
    ),
    Primitive(
        "remainder_of",
        # The quotient has been decided: where this run's own differs, the remainder follows the decision.
        lambda xp, input, other, quotient, *, floor: _remainder(xp, input, other, quotient, floor),
        {"input": lambda g: g, "other": lambda g, quotient: -(g * quotient)},
    ),
    # Powers
    Primitive(
        "pow_number",
        lambda xp, input, *, exponent: xp.power(input, exponent),
        {"input": lambda F, g, input, exponent: _slope_of_power(F, g, input, exponent)},
    ),
    Primitive(
        "pow_tensor",
        lambda xp, input, exponent: xp.power(input, exponent),
        {
            "input": lambda F, g, input, exponent: _cotangent_of_base(F, g, input, exponent),
            "exponent": lambda F, g, input, exponent, result: _cotangent_of_exponent(
                F, g, input, exponent, result
            ),
        },
    ),
    # Distances from zero
    Primitive(
        "magnitude",
        lambda xp, input: xp.absolute(input),
        {"input": lambda F, g, input: g * F.sign(input)},
        kind=Kind.MOVEMENT,
        dtype="same",
    ),
    Primitive(
        "modulus",
        lambda xp, input: xp.absolute(input),
        {"input": lambda F, g, input: g * F.sgn(input)},
        dtype="real",
    ),
    Primitive(
        "angle_complex",
        lambda xp, input: xp.angle(input),
        # d angle = Im(conj(z) dz) / |z|²; zero at the origin.
        {"input": lambda F, g, input: g * F.divide_or_zero(input, F.real(input * F.conj(input))) * 1j},
        dtype="real",
    ),
    # Choices: exact, with a cotangent for whichever operand was chosen
    Primitive(
        "where",
        lambda xp, condition, input, other: xp.where(condition, input, other),
        {
            "input": lambda F, g, condition: F.where(condition, g, 0),
            "other": lambda F, g, condition: F.where(condition, 0, g),
        },
        kind=Kind.MOVEMENT,
    ),
    Primitive(
        "maximum",
        lambda xp, input, other: xp.maximum(input, other),
        {
            "input": lambda F, g, input, other: F.weigh(g, F.share(input, other, largest=True)),
            "other": lambda F, g, input, other: F.weigh(g, F.share(other, input, largest=True)),
        },
        kind=Kind.MOVEMENT,
    ),
    Primitive(
        "minimum",
        lambda xp, input, other: xp.minimum(input, other),
        {
            "input": lambda F, g, input, other: F.weigh(g, F.share(input, other, largest=False)),
            "other": lambda F, g, input, other: F.weigh(g, F.share(other, input, largest=False)),
        },
        kind=Kind.MOVEMENT,
    ),
    Primitive(
        "weigh",
        # A weight of zero excludes: no nan where the excluded cotangent is infinite.
        lambda xp, input, weight: xp.where(xp.equal(weight, 0), 0, xp.multiply(input, weight)),
        {"input": lambda F, g, weight: F.weigh(g, weight)},
    ),
    # Complex numbers and their parts
    Primitive(
        "conjugate",
        lambda xp, input: xp.conjugate(input),
        {"input": lambda F, g: F.conj(g)},
        kind=Kind.MOVEMENT,
        dtype="same",
    ),
    Primitive(
        "make_complex",
        lambda xp, input, other: xp.complex(input, other),
        {"input": lambda F, g: F.real(g), "other": lambda F, g: F.imag(g)},
        kind=Kind.MOVEMENT,
        dtype="complex",
    ),
]


def _remainder(xp, x, y, quotient, floor):
    rest, own = (
        (xp.remainder(x, y), xp.floor_divide(x, y)) if floor else (xp.fmod(x, y), xp.trunc(xp.divide(x, y)))
    )
    return xp.where(xp.equal(own, quotient), rest, rest + (own - quotient) * y)


def _slope_of_power(F, g, x, n):
    """g * n * x**(n-1), without the 0 * inf of a constant."""
    if n == 0:
        return F.zeros_like(g)
    return g if n == 1 else g * F.conj(n * F.pow(x, n - 1))


def _cotangent_of_base(F, g, x, n):
    """x**0 is the constant one, whatever x is: where x and n are both zero, x is kept away from the pole."""
    safe = F.where(F.logical_and(F.eq(n, 0), F.eq(x, 0)), F.ones_like(x), x)
    return g * F.conj(n * F.pow(safe, n - 1))


def _cotangent_of_exponent(F, g, x, n, result):
    """0**n does not depend on n where n >= 0 (PyTorch takes this at n = 0 too); elsewhere x**n * log(x)."""
    constant = F.logical_and(F.eq(x, 0), F.ge(F.real(n), 0))
    return g * F.conj(result * F.log(F.where(constant, F.ones_like(x), x)))
