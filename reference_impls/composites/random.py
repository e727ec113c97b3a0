"""Random numbers from the reference's own generator: distributions are judged, streams are not."""

from __future__ import annotations

from .registry import composite, raw, sizes


@composite("uniform", "none")
def uniform(F, *shape, low=0.0, high=1.0):
    return F.random_uniform(low=low, high=high, shape=sizes(shape))


@composite("normal_numbers", "none")
def normal_numbers(F, *shape, mean=0.0, std=1.0):
    return F.random_normal(shape=sizes(shape)) * std + mean


@composite("bernoulli", "same")
def bernoulli(F, input, p=None):
    """Ones with the given probabilities; the gradient is zero."""
    return F.random_bernoulli(input if p is None else F.full_like(input, p))


@composite("dropout", "same")
def dropout(F, input, p=0.5, training=True):
    """Elements zeroed with probability p, the others scaled by 1 / (1 - p)."""
    if not 0 <= p <= 1:
        raise ValueError(f"a probability is between 0 and 1, not {p}")
    if not training or p == 0:
        return input
    if p == 1:
        return input * 0
    kept = F.random_uniform(shape=raw(input).shape) >= p
    return F.where(kept, input, 0) / (1 - p)
