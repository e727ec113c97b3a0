"""NaN, infinities, signed zeros, overflow, subnormals and Python numbers: what is the same, and what is not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from .bench import FLOATING, Judged, judged, sample, torch_with

NAN, INF = math.nan, math.inf


def disagrees(dtype, expected, seen, program="yield x * 1"):
    """Whether the judge refuses ``seen`` where the program gives ``expected``."""
    one = Judged(sample(program, x=f"literal([{expected!r}, 1.0])"), dtype)
    assert one.judge().difference is None
    one.values()[0][0] = seen
    return one.judge().difference is not None


@pytest.mark.parametrize("dtype", FLOATING)
@pytest.mark.parametrize("program", ["yield x * 1", "yield x"])
def test_special_values(program, dtype):
    """nan is nan, an infinity is that infinity; neither is a number, however large, and a number is not they."""
    same = [(NAN, NAN), (INF, INF), (-INF, -INF)]
    other = [
        (NAN, 0.0), (NAN, INF), (0.0, NAN), (1.0, NAN), (INF, NAN), (INF, -INF), (INF, 1.0), (-INF, INF), (1.0, INF),
        (1.0, -INF), (0.0, INF),
    ]  # fmt: skip
    for expected, seen in same:
        assert not disagrees(dtype, expected, seen, program)
    for expected, seen in other:
        assert disagrees(dtype, expected, seen, program), (expected, seen)


def test_the_sign_of_a_zero_is_not_compared():
    """A zero equals a zero: x * 0 and sums of nothing differ in its sign with no documentation to say which."""
    for program in ("yield x * 1", "yield x"):
        assert not disagrees("float32", 0.0, -0.0, program)
        assert not disagrees("float32", -0.0, 0.0, program)


def test_the_sign_of_a_zero_shows_by_division():
    """Where a sign of zero is the claim, a program can ask for it."""
    for value, sign in (("0.0", INF), ("-0.0", -INF)):
        one = Judged(sample("yield 1 / x", x=f"literal([{value}])"))
        assert one.judge().difference is None and one.values()[0][0] == sign
        one.values()[0][0] = -sign
        assert one.judge().difference is not None


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_overflow_at_the_boundary(dtype):
    """Where the value does not quite fit, infinity and the largest number are a rounding apart; else they are not."""
    largest = {"float16": 65504.0, "bfloat16": 3.3895313892515355e38}[dtype]
    ulp = {"float16": 32.0, "bfloat16": 2.0**120}[dtype]
    one = Judged(sample("yield x.sum()", x=f"literal([{largest!r}, {0.6 * ulp!r}])"), dtype)
    one.values()[0][...] = INF  # rounds to infinity
    assert one.judge().difference is None
    one.values()[0][...] = largest  # one rounding below
    assert one.judge().difference is None
    one.values()[0][...] = largest / 2
    assert one.judge().difference is not None
    small = Judged(sample("yield x.sum()", x=f"literal([{largest / 2!r}, {ulp!r}])"), dtype)
    small.values()[0][...] = INF
    assert small.judge().difference is not None


def test_overflow_far_away():
    """A value that is far too large for the dtype is an infinity there; its largest number is two ulp away at most."""
    one = Judged(sample("yield x * x", x="literal([1024.0, 2.0])"), "float16")
    assert one.values()[0].tolist() == [INF, 4.0]
    assert one.judge().difference is None
    one.values()[0][0] = -INF
    assert one.judge().difference is not None
    one.values()[0][0] = NAN
    assert one.judge().difference is not None
    one.values()[0][0] = 60000.0
    assert one.judge().difference is not None


@pytest.mark.parametrize(
    ("dtype", "smallest"), [("float32", 2.0**-126), ("float64", 2.0**-1022), ("bfloat16", 2.0**-126)]
)
def test_underflow(dtype, smallest):
    """A result below the normal numbers may be flushed to zero; what was moved may not, nor what is larger."""
    program = "yield x * 0.5"
    one = Judged(sample(program, x=f"literal([{smallest!r}, 1.0])"), dtype)
    assert one.judge().difference is None
    one.values()[0][0] = 0.0
    assert one.judge().difference is None
    one.values()[0][0] = 2 * smallest
    assert one.judge().difference is not None
    moved = Judged(sample("yield x[:1]", x=f"literal([{smallest / 2!r}, 1.0])"), dtype)
    assert moved.judge().difference is None
    moved.values()[0][0] = 0.0
    assert moved.judge().difference is not None
    normal = Judged(sample(program, x=f"literal([{8 * smallest!r}, 1.0])"), dtype)
    normal.values()[0][0] = 0.0
    assert normal.judge().difference is not None


def test_float16_has_subnormals():
    """float16 is computed in float32, whose range is far wider: its subnormals are held to absolute steps."""
    one = Judged(sample("yield x * 0.5", x="literal([0.00006103515625, 1.0])"), "float16")
    assert one.judge().difference is None and one.values()[0][0] == 2.0**-15
    one.values()[0][0] += 2.0**-24
    assert one.judge().difference is None
    one.values()[0][0] = 0.0
    assert one.judge().difference is not None


def test_complex_parts():
    """Both parts are compared, each with the ulp of the modulus: a tiny part of a product has few digits of its own."""
    one = Judged(sample("yield x * x", x="literal([1 + 2j, 0.25 - 1j])"), "complex64")
    assert one.judge().difference is None
    kept = one.values()[0][0]
    for part in (1e-4, 1e-4j):
        one.values()[0][0] = kept + part
        assert one.judge().difference is not None
    one.values()[0][0] = complex(NAN, kept.imag)
    assert one.judge().difference is not None


NUMBERS = "lr = 0.1 * 0.9 ** 3\nyield lr\nyield [lr, 8.0]\nassert lr == 0.0729"


def test_python_floats_by_ulp():
    """Python numbers are compared in ulp of float64 at the largest magnitude of their statement."""
    assert judged(NUMBERS, x="tensor(1)").difference is None
    one = Judged(sample(NUMBERS, x="tensor(1)"))
    number = one.seen[0].left[0]
    start = float(number.value)
    number.value = np.asarray(start + 8 * np.spacing(start))
    assert one.judge().difference is None
    number.value = np.asarray(start + 40 * np.spacing(start))
    assert one.judge().difference is not None
    number.value = np.asarray(start)
    pair = one.seen[1].left[0]
    pair.value = np.array([start + 8 * np.spacing(8.0), 8.0])
    assert one.judge().difference is None
    pair.value = np.array([start + 40 * np.spacing(8.0), 8.0])
    assert one.judge().difference is not None


def test_python_integers_and_floats_mix():
    """An integer and a float are the same number, and True is no number."""
    assert judged("assert 2 * 1.0 == 2\nassert [1, 2.0] == [1.0, 2]", x="tensor(1)").difference is None
    one = Judged(sample("yield 1", x="tensor(1)"))
    one.seen[0].left[0].kind, one.seen[0].left[0].value = "bool", True
    assert one.judge().difference is not None


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("exp", lambda x: x.exp().nan_to_num(posinf=1e30)),
        ("log", lambda x: x.log().nan_to_num(nan=0.0)),
        ("exp", lambda x: x.exp().clamp(max=3e38)),
    ],
)
def test_backends_that_hide_infinities(name, wrong):
    """A backend that gives large numbers for infinities, or zeros for nan, fails."""
    program = f"yield torch.{name}(x)"
    inputs = {"x": "literal([-1.0, 0.5, 800.0, inf])"}
    assert judged(program, **inputs).difference is None
    assert judged(program, backend=torch_with(**{name: wrong}), **inputs).difference is not None


@pytest.mark.parametrize("dtype", FLOATING)
def test_a_computed_zero(dtype):
    """Where a zero is expected of arithmetic, a number of the size of the unit roundoff is not two ulp away."""
    one = Judged(sample("yield x * 0.3", x="literal([0.0, 1.0])"), dtype)
    one.values()[0][0] = one.dtype.unit_roundoff
    assert one.judge().difference is not None
