"""L-BFGS: Newton's method with an inverse Hessian that is made of the last few steps and changes of the gradient.

Nocedal and Wright, Numerical Optimization (2006), algorithms 7.4 (the two-loop recursion) and 7.5, after Liu and
Nocedal (1989), https://doi.org/10.1007/BF01589116; the line search is algorithms 3.5 and 3.6, and what these leave
open (where to try next) is the simplest: twice as far, or the middle. https://doi.org/10.1007/978-0-387-40065-5
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

DECREASE, CURVATURE = 1e-4, 0.9
"""The constants of the Wolfe conditions that Nocedal and Wright give for quasi-Newton methods (page 62)."""

Pair = tuple[Any, Any]
"""A step, and by how much the gradient changed with it."""


@dataclass(frozen=True)
class Point:
    """Where the objective was evaluated. Vectors have one dimension."""

    x: Any
    loss: Any
    gradient: Any


Evaluate = Callable[[Any], Point]


def dot(F: Any, a: Any, b: Any) -> Any:
    return F.sum(a * b)


def largest(F: Any, vector: Any) -> Any:
    """The largest magnitude of its elements, zero if there are none."""
    return F.amax(F.abs(vector), 0) if vector.shape[0] else F.sum(vector)


def descent(F: Any, gradient: Any, pairs: Sequence[Pair]) -> Any:
    """Minus the inverse Hessian times the gradient (algorithm 7.4). Without pairs, minus the gradient."""
    d = -gradient
    weights = []
    for s, y in reversed(pairs):
        weights.append(dot(F, s, d) / dot(F, y, s))
        d = d - weights[-1] * y
    if pairs:
        s, y = pairs[-1]
        d = d * (dot(F, s, y) / dot(F, y, y))
    for s, y in pairs:
        d = d + (weights.pop() - dot(F, y, d) / dot(F, y, s)) * s
    return d


def search(
    F: Any, evaluate: Evaluate, budget: Iterator[int], start: Point, d: Any, t: Any
) -> tuple[Any, Point]:
    """A step length that fulfils the strong Wolfe conditions, and its point (algorithms 3.5 and 3.6 in one).

    An acceptable length lies between ``low``, the best with enough decrease, and ``high``. Each evaluation takes one
    from the budget; where it is not enough, ``low`` is the answer.
    """
    slope = dot(F, start.gradient, d)
    low, at_low, high = 0.0, start, math.inf
    for _ in budget:
        there = evaluate(start.x + t * d)
        rising = dot(F, there.gradient, d)
        # A loss that is not a number is no decrease.
        if not (F.le(there.loss, start.loss + DECREASE * t * slope) and F.lt(there.loss, at_low.loss)):
            high = t
        elif F.le(F.abs(rising), -CURVATURE * slope):
            return t, there
        else:
            if F.ge(rising, 0) if high > low else F.le(rising, 0):
                high = low
            low, at_low = t, there
        t = t + t if math.isinf(high) else 0.5 * (low + high)
    return low, at_low


def minimize(
    F: Any,
    evaluate: Evaluate,
    x: Any,
    state: dict[str, Any],
    *,
    lr: float,
    max_iter: int,
    max_eval: int,
    tolerance_grad: float,
    tolerance_change: float,
    history_size: int,
    line_search_fn: str | None,
) -> Any:
    """Iterates from ``x`` until a limit or a tolerance is reached (algorithm 7.5), and returns where it has come to.

    ``state`` is what is kept from one call to the next: the pairs, and the last step and gradient, which become a
    pair as soon as the gradient after the step is known.
    """
    budget = iter(range(max_eval))
    next(budget, None)
    here = evaluate(x)
    pairs: list[Pair] = state.setdefault("pairs", [])
    for _ in range(max_iter):
        if F.le(largest(F, here.gradient), tolerance_grad):
            break
        if "last" in state:
            s, before = state["last"]
            y = here.gradient - before
            if F.gt(dot(F, s, y), 0):
                pairs.append((s, y))
                del pairs[:-history_size]
        d = descent(F, here.gradient, pairs)
        if line_search_fn is None:
            t, there = lr, None if next(budget, None) is None else evaluate(here.x + lr * d)
        else:
            t, there = search(F, evaluate, budget, here, d, lr)
        state["last"] = t * d, here.gradient
        if there is None:
            return here.x + t * d
        change = F.abs(there.loss - here.loss)
        here = there
        if F.le(change, tolerance_change) or F.le(largest(F, t * d), tolerance_change):
            break
    return here.x
