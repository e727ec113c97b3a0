"""L-BFGS against the formulas that it is derived from, exact line searches, and SciPy's minimizers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize

from reference_impls import dtypes
from reference_impls.algorithms import lbfgs
from reference_impls.reference import Reference

REF = Reference()
F = REF.ops
OPTIONS = {
    "lr": 1.0,
    "max_iter": 20,
    "max_eval": 25,
    "tolerance_grad": 0.0,
    "tolerance_change": 0.0,
    "history_size": 100,
    "line_search_fn": None,
}


def tensor(array):
    return REF.tensor_from(np.array(array, float), dtypes.float64)


class Objective:
    """A function of NumPy arrays and its gradient, as the algorithm evaluates it; keeps where that was."""

    def __init__(self, value, gradient):
        self.value, self.gradient = value, gradient
        self.visited = []

    def __call__(self, x):
        self.visited.append(x.array.copy())
        with np.errstate(over="ignore"):
            return lbfgs.Point(x, tensor(self.value(x.array)), tensor(self.gradient(x.array)))


def quadratic(n, seed=0):
    """A strictly convex one with condition number 10, and its minimum."""
    random = np.random.default_rng(seed)
    basis = np.linalg.qr(random.normal(size=(n, n)))[0]
    hessian = basis @ np.diag(np.geomspace(0.5, 5, n)) @ basis.T
    centre = random.normal(size=n)
    return Objective(
        lambda x: (x - centre) @ hessian @ (x - centre) / 2, lambda x: hessian @ (x - centre)
    ), centre


def rosenbrock():
    return Objective(optimize.rosen, optimize.rosen_der)


def minimized(objective, start, state=None, **options):
    state = {} if state is None else state
    return lbfgs.minimize(F, objective, tensor(start), state, **{**OPTIONS, **options}).array


def random_pairs(n, count):
    """Steps, and the changes of the gradient of a quadratic."""
    objective, centre = quadratic(n)
    steps = np.random.default_rng(1).normal(size=(count, n))
    return [(s, objective.gradient(s + centre)) for s in steps]


def inverse_hessian(pairs, n):
    """The product formula: Nocedal and Wright, equations 7.16 to 7.20."""
    s, y = pairs[-1]
    inverse = (s @ y) / (y @ y) * np.eye(n)
    for s, y in pairs:
        left = np.eye(n) - np.outer(s, y) / (s @ y)
        inverse = left @ inverse @ left.T + np.outer(s, s) / (s @ y)
    return inverse


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_two_loops_are_the_product(count):
    """The recursion gives what the explicit matrix gives, for fewer and more pairs than dimensions."""
    pairs = random_pairs(4, count)
    gradient = np.random.default_rng(2).normal(size=4)
    found = lbfgs.descent(F, tensor(gradient), [(tensor(s), tensor(y)) for s, y in pairs]).array
    np.testing.assert_allclose(found, -inverse_hessian(pairs, 4) @ gradient, rtol=1e-11)


def test_secant_equation():
    """The newest change of the gradient is taken back to its step."""
    pairs = random_pairs(5, 3)
    s, y = pairs[-1]
    found = lbfgs.descent(F, tensor(y), [(tensor(a), tensor(b)) for a, b in pairs]).array
    np.testing.assert_allclose(found, -s, rtol=1e-12)


def test_without_pairs_it_is_steepest_descent():
    assert np.array_equal(lbfgs.descent(F, tensor([1.0, -2.0]), []).array, [-1.0, 2.0])


def test_exact_termination():
    """With exact line searches on a quadratic the directions are conjugate, and n of them end at the minimum."""
    n = 6
    objective, centre = quadratic(n)
    x, pairs, directions = np.zeros(n), [], []
    hessian = np.array([objective.gradient(centre + row) for row in np.eye(n)])
    for _ in range(n):
        gradient = objective.gradient(x)
        d = lbfgs.descent(F, tensor(gradient), [(tensor(a), tensor(b)) for a, b in pairs]).array
        t = -(gradient @ d) / (d @ hessian @ d)
        pairs.append((t * d, objective.gradient(x + t * d) - gradient))
        directions.append(d / np.linalg.norm(d))
        x = x + t * d
    np.testing.assert_allclose(x, centre, atol=1e-9)
    products = np.array(directions) @ hessian @ np.array(directions).T
    np.testing.assert_allclose(products - np.diag(np.diag(products)), 0, atol=1e-7)
    np.testing.assert_allclose(inverse_hessian(pairs, n) @ hessian, np.eye(n), atol=1e-6)


CURVES = {
    "parabola": (lambda t: (t - 1) ** 2, lambda t: 2 * (t - 1)),
    "quartic": (lambda t: (t - 3) ** 4, lambda t: 4 * (t - 3) ** 3),
    "steep then flat": (lambda t: math.exp(-t) + t / 8, lambda t: -math.exp(-t) + 1 / 8),
    "flat then steep": (lambda t: np.exp(t - 8) - t / 8, lambda t: np.exp(t - 8) - 1 / 8),
    "two valleys": (
        lambda t: math.sin(3 * t) + (t - 4) ** 2 / 8,
        lambda t: 3 * math.cos(3 * t) + (t - 4) / 4,
    ),
    "bounded": (lambda t: t - math.log(t + 0.5) * 4, lambda t: 1 - 4 / (t + 0.5)),
}


@pytest.mark.parametrize("first", [2.0**-12, 0.125, 1.0, 7.9, 64.0, 4096.0])
@pytest.mark.parametrize("name", CURVES)
def test_wolfe_conditions(name, first):
    """The search ends where both conditions hold, wherever it begins."""
    value, slope = CURVES[name]
    sign = -math.copysign(1.0, slope(0.0))
    at = Objective(
        lambda x: value(sign * float(x[0])), lambda x: np.array([sign * slope(sign * float(x[0]))])
    )
    t, there = lbfgs.search(F, at, iter(range(60)), at(tensor([0.0])), tensor([1.0]), first)
    before, after = sign * slope(0.0), sign * slope(sign * t)
    assert t > 0
    assert value(sign * t) <= value(0.0) + lbfgs.DECREASE * t * before
    assert abs(after) <= -lbfgs.CURVATURE * before
    assert there.x.array == t


def test_search_turns_back_at_a_boundary():
    """What is not a number, or infinite, is no decrease."""
    for beyond in (math.nan, math.inf, -math.nan):
        at = Objective(
            lambda x, beyond=beyond: x[0] - math.log(x[0]) if x[0] > 0 else beyond,
            lambda x, beyond=beyond: 1 - 1 / x if x[0] > 0 else np.array([beyond]),
        )
        _, there = lbfgs.search(F, at, iter(range(40)), at(tensor([4.0])), tensor([-1.0]), 1000.0)
        assert 0 < there.x.array < 4


def test_search_that_gives_up():
    """It answers with the best that it has seen of those that are low enough: here the last, or where it began."""
    falling = Objective(lambda x: -x[0], lambda x: np.array([-1.0]))
    t, there = lbfgs.search(F, falling, iter(range(5)), falling(tensor([0.0])), tensor([1.0]), 1.0)
    assert (t, there.x.array) == (16.0, 16.0)
    rising = Objective(lambda x: x[0], lambda x: np.array([-1.0]))  # a gradient that is wrong
    t, there = lbfgs.search(F, rising, iter(range(5)), rising(tensor([0.0])), tensor([1.0]), 1.0)
    assert (t, there.x.array, len(rising.visited)) == (0.0, 0.0, 6)


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_quadratic_is_minimized(search):
    objective, centre = quadratic(5)
    options = {"max_iter": 40, "max_eval": 80, "tolerance_grad": 1e-12, "lr": 1.0 if search else 0.5}
    np.testing.assert_allclose(
        minimized(objective, np.zeros(5), line_search_fn=search, **options), centre, atol=1e-8
    )


def test_minimum_of_scipy():
    """The minimum of a curved valley is where SciPy's L-BFGS finds it, in a similar number of evaluations."""
    start = np.array([-1.2, 1.0, 0.5])
    objective = rosenbrock()
    options = {"max_iter": 200, "max_eval": 1000, "tolerance_grad": 1e-9, "line_search_fn": "strong_wolfe"}
    found = minimized(objective, start, **options)
    theirs = optimize.minimize(
        optimize.rosen, start, jac=optimize.rosen_der, method="L-BFGS-B", options={"gtol": 1e-9, "ftol": 0}
    )
    np.testing.assert_allclose(found, theirs.x, atol=1e-6)
    assert len(objective.visited) < 3 * theirs.nfev


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 30])
def test_evaluations_are_limited(search, limit):
    for lr in (2.0**-10, 1024.0 if search else 2.0**-8):
        objective = rosenbrock()
        minimized(objective, [-1.2, 1.0], lr=lr, max_eval=limit, line_search_fn=search)
        assert len(objective.visited) <= limit


def test_memory_outlives_the_call():
    """One call of six iterations visits the same points as six calls of one."""
    options = {"lr": 0.5, "max_eval": 60, "history_size": 3}
    objective, _ = quadratic(4)
    together = minimized(objective, np.zeros(4), max_iter=6, **options)
    x, state = np.zeros(4), {}
    for _ in range(6):
        x = minimized(quadratic(4)[0], x, state, max_iter=1, **options)
    np.testing.assert_array_equal(x, together)
    assert len(state["pairs"]) == 3


def test_opposing_pairs_are_left_out():
    """Where the slope falls on the way nothing is remembered, and it goes on downhill."""
    objective = Objective(lambda x: -(x @ x) / 8, lambda x: -x / 4)
    state = {}
    found = minimized(objective, [0.5, -1.0], state, max_iter=5, max_eval=10)
    np.testing.assert_allclose(found, np.array([0.5, -1.0]) * 1.25**5)
    assert state["pairs"] == []


def test_tolerances():
    """It stops at the first point where the gradient is small enough, or nothing changes any more."""
    parabola = Objective(lambda x: 2 * (x @ x), lambda x: 4 * x)
    minimized(parabola, [0.125], tolerance_grad=1.0)
    assert [float(x[0]) for x in parabola.visited] == [0.125]
    parabola.visited.clear()
    minimized(parabola, [0.125], tolerance_grad=0.25)
    assert [float(x[0]) for x in parabola.visited] == [0.125, -0.375, 0.0]
    line = Objective(lambda x: x[0] / 16, lambda x: np.array([1 / 16]))
    minimized(line, [1.0], tolerance_change=0.5)
    assert len(line.visited) == 2


def test_nothing_to_minimize():
    empty = Objective(lambda x: 0.0, lambda x: x)
    assert minimized(empty, []).shape == (0,)
    assert len(empty.visited) == 1
