"""The definitions of the activations against mpmath: saturated tails, kinks' surroundings, points of cancellation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest

from conformance.assemble import assemble
from conformance.spec import load
from reference_impls import Reference, dtypes
from reference_impls.arithmetic import Float64

from . import differences

SPECS = Path(__file__).parents[2] / "specs" / "torch"
SMOOTH = ("celu", "elu", "gelu", "logsigmoid", "mish", "selu", "silu", "softsign", "tanhshrink")
FUNCTIONAL = ("hardsigmoid", "hardswish", *SMOOTH)
LOADED = [load(SPECS / "nn" / "functional" / f"{name}.yaml") for name in FUNCTIONAL]
LOADED += [load(SPECS / f"{name}.yaml") for name in ("sigmoid", "tanh")]
FLOAT = assemble(LOADED, Reference(arithmetic=Float64()))
EXACT = assemble(LOADED, differences.multiprecise())

mp = mpmath.MPContext()
mp.prec = 400
SCALE, ALPHA = (
    mp.mpf("1.0507009873554804934193349852946"),
    mp.mpf("1.6732632423543772848170429916717"),
)


def sigmoid(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def gelu_tanh(x: Any) -> Any:
    return x * (1 + mp.tanh(mp.sqrt(2 / mp.pi) * (x + mp.mpf("0.044715") * x**3))) / 2


TAILS: list[tuple[str, dict[str, Any], Any, list[float]]] = [
    # name, arguments, the formula of the documentation, points
    ("sigmoid", {}, sigmoid, [-700.0, -40.0, 1e-20, 40.0, 700.0]),
    ("tanh", {}, mp.tanh, [-300.0, -20.0, 1e-20, 8.0]),
    ("logsigmoid", {}, lambda x: mp.log(sigmoid(x)), [-700.0, -1e-20, 40.0, 300.0]),
    ("silu", {}, lambda x: x * sigmoid(x), [-700.0, -40.0, 1e-20, 40.0, 700.0]),
    ("mish", {}, lambda x: x * mp.tanh(mp.log(1 + mp.exp(x))), [-700.0, -40.0, 1e-20, 20.0, 300.0]),
    ("gelu", {}, lambda x: x * (1 + mp.erf(x / mp.sqrt(2))) / 2, [-12.0, -6.0, -1e-20, 6.0]),
    ("gelu", {"approximate": "tanh"}, gelu_tanh, [-12.0, -6.0, -1e-20, 6.0]),
    ("elu", {"alpha": 0.5}, lambda x: x if x > 0 else (mp.exp(x) - 1) / 2, [-64.0, -1e-20, 700.0]),
    ("celu", {"alpha": 4.0}, lambda x: x if x > 0 else 4 * (mp.exp(x / 4) - 1), [-64.0, -1e-20, 700.0]),
    ("selu", {}, lambda x: SCALE * (x if x > 0 else ALPHA * (mp.exp(x) - 1)), [-64.0, -1e-20, 700.0]),
    ("softsign", {}, lambda x: x / (1 + abs(x)), [-1e100, -1e-20, 1e10]),
    ("hardswish", {}, lambda x: x * (x + 3) / 6, [-2.9375, 1e-20, 2.9375]),
    ("hardsigmoid", {}, lambda x: x / 6 + 0.5, [-2.9375, 1e-20, 2.9375]),
    ("tanhshrink", {}, lambda x: x - mp.tanh(x), [-40.0, 4.0]),
]
POINTS = [
    pytest.param(*case, x, id=f"{case[0]}-{i}-{x:.3g}") for i, (*case, xs) in enumerate(TAILS) for x in xs
]


def differentiated(reference: Reference, name: str, arguments: dict[str, Any], x: float) -> tuple[Any, Any]:
    """Value and slope of an assembled definition."""
    torch = reference.torch
    function = getattr(torch.nn.functional if name in FUNCTIONAL else torch, name)
    leaf = reference.tensor_from(np.array(x), dtypes.float64, requires_grad=True)
    result = function(leaf, **arguments)
    (slope,) = torch.autograd.grad(result, [leaf])
    return result.array[()], slope.array[()]


def relative(actual: Any, expected: Any) -> Any:
    """The error in relation to the truth, however small that is."""
    return abs((mp.convert(actual) - expected) / expected) if expected else abs(mp.convert(actual))


@pytest.mark.parametrize(("name", "arguments", "truth", "x"), POINTS)
def test_tails_keep_their_digits(name, arguments, truth, x):
    """Value and slope are right to a few roundings of each operand, and at 200 bits to nearly all of them."""
    point = mp.mpf(x)
    expected = truth(point)
    slope = mp.diff(truth, point, h=abs(point) * mp.mpf(2) ** -130)
    # What a rounding of the argument of an exponential does is no fault of the formula: with gelu that is x², with
    # approximate='tanh' x³, with softsign a logarithm.
    size = abs(x)
    growth = {
        "gelu": size**3 if arguments else size**2,
        "softsign": float(np.log1p(size)),
    }.get(name, size)
    with np.errstate(all="ignore"):
        value, gradient = differentiated(FLOAT, name, arguments, x)
        exact_value, exact_gradient = differentiated(EXACT, name, arguments, x)
    bound = 16 * (1 + growth) * mp.mpf(2) ** -53
    assert relative(value, expected) < bound
    assert relative(gradient, slope) < bound
    # The constants of definitions are numbers of double precision.
    constants = name == "selu" or "approximate" in arguments
    exact = mp.mpf(2) ** -40 if constants else mp.mpf(2) ** -110
    assert relative(exact_value, expected) < exact
    assert relative(exact_gradient, slope) < exact


def test_a_cancelling_formula_is_noticed():
    """The left tail of gelu by way of 1 + erf, as the documentation writes it, fails this measure."""
    x = -6.0
    naive = x * (1 + float(mp.erf(x / mp.sqrt(2)))) / 2
    truth = mp.mpf(x) * mp.erfc(6 / mp.sqrt(2)) / 2
    assert relative(naive, truth) > 16 * (1 + x * x) * mp.mpf(2) ** -53
