"""Connectionist temporal classification: how improbable it is that a sequence of frames spells a target.

A frame shows a class or the blank. What a path of frames spells is what is left once repetitions are merged and
blanks are dropped after that, so that a class that occurs twice in a row needs a blank between. All paths that spell
a target are summed by dynamic programming, as in Graves et al. (2006), equations 5 to 8; the backward half of the
algorithm is the tape's. https://www.cs.toronto.edu/~graves/icml_2006.pdf
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..composites.registry import composite, raw


def _lengths(lengths: Any, batch: int, limit: int, what: str) -> np.ndarray:
    """One length for each sequence of the batch."""
    found = raw(lengths).reshape(-1)
    if len(found) != batch:
        raise RuntimeError(f"{what} has {len(found)} lengths for {batch} sequences")
    if found.size and (found.dtype.kind not in "iu" or found.min() < 0 or found.max() > limit):
        raise RuntimeError(f"{what} holds integers from 0 to {limit}, not {found}")
    return found


def _labels(targets: np.ndarray, lengths: np.ndarray, batch: int) -> list[np.ndarray]:
    """The target of each sequence, from padded rows or from one row that holds all of them."""
    if targets.ndim == 2:
        if len(targets) != batch:
            raise RuntimeError(f"{len(targets)} targets for {batch} sequences")
        return [row[:n] for row, n in zip(targets, lengths, strict=True)]
    if targets.ndim != 1 or targets.size != lengths.sum():
        raise RuntimeError(f"targets of shape {targets.shape} cannot be cut into pieces of {lengths}")
    return np.split(targets, np.cumsum(lengths)[:-1])


def _log_sum(F: Any, terms: Any) -> Any:
    """log(sum(exp(terms))) along the first dimension; where all of them are impossible, -inf without a slope."""
    impossible = F.eq(F.amax(terms.detach(), 0), -math.inf)
    return F.where(impossible, -math.inf, F.logsumexp(F.where(impossible, 0, terms), 0))


@composite("alignment_loss", "none")
def alignment_loss(
    F: Any, log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0
) -> Any:
    """-log of the total probability of the paths that spell each target, for (T, N, C), or (T, C) without a batch."""
    if log_probs.ndim == 2:
        one = F.unsqueeze(log_probs, 1)
        return F.squeeze(F.alignment_loss(one, targets, input_lengths, target_lengths, blank), 0)
    if log_probs.ndim != 3:
        raise RuntimeError("log_probs has two or three dimensions")
    frames, batch, classes = log_probs.shape
    if not 0 <= blank < classes:
        raise RuntimeError(f"blank is a class, and {blank} is none of {classes}")
    labels = raw(targets)
    if labels.dtype.kind not in "iu":
        raise RuntimeError("targets are integers")
    ends = _lengths(input_lengths, batch, frames, "input_lengths")
    sizes = _lengths(
        target_lengths, batch, labels.shape[1] if labels.ndim == 2 else labels.size, "target_lengths"
    )

    # The states of a path: before the first label, on it, between it and the next, and so on.
    shown = np.full((batch, 2 * sizes.max(initial=0) + 1), blank)
    for row, target in zip(shown, _labels(labels, sizes, batch), strict=True):
        if ((target < 0) | (target >= classes) | (target == blank)).any():
            raise RuntimeError(f"a target holds classes other than the blank, not {target}")
        row[1 : 2 * len(target) : 2] = target
    states, rows = shown.shape[1], np.arange(batch)
    before = np.pad(shown, ((0, 0), (2, 0)), constant_values=blank)[:, :states]
    may_jump = (shown != blank) & (shown != before)

    reached = F.as_tensor(np.where(np.arange(states) == 0, 0.0, -math.inf) * np.ones((batch, 1)))
    history = [reached]
    for frame in F.unbind(log_probs, 0):
        step, jump = (F.pad_constant(reached, (n, -n), -math.inf) for n in (1, 2))
        arriving = F.stack((reached, step, F.where(may_jump, jump, -math.inf)), 0)
        reached = _log_sum(F, arriving) + F.index_advanced(frame, index=(rows[:, None], shown))
        history.append(reached)
    final = F.stack(history, 0)
    after = F.index_advanced(final, index=(ends, rows, 2 * sizes))
    upon = F.index_advanced(final, index=(ends, rows, np.maximum(2 * sizes - 1, 0)))
    return -_log_sum(F, F.stack((after, F.where(sizes > 0, upon, -math.inf)), 0))
