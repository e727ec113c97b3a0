"""Draws from ``xp.generator``. An outcome is a decision: noisy copies replay it."""

from __future__ import annotations

import numpy as np

from ..primitive import Kind, Primitive


def _draw(name, forward, vjp=None, dtype="float"):
    return Primitive(name, forward, vjp or {}, kind=Kind.DECISION, dtype=dtype)


def _bernoulli(xp, input):
    probability = xp.to_numpy(input)
    if not np.all((probability >= 0) & (probability <= 1)):
        raise RuntimeError("a probability is between 0 and 1")
    return xp.from_numpy((xp.generator.random(probability.shape) < probability) * 1.0)


PRIMITIVES = [
    _draw(
        "random_uniform",
        lambda xp, *, shape, low=0.0, high=1.0: xp.from_numpy(xp.generator.uniform(low, high, shape)),
    ),
    _draw("random_normal", lambda xp, *, shape: xp.from_numpy(xp.generator.standard_normal(shape))),
    _draw("random_bernoulli", _bernoulli, {"input": lambda F, g: F.zeros_like(g)}, "same"),
]
