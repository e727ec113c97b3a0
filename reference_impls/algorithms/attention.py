"""Attention: scores that masks hide, weights from scores, and heads side by side.

https://arxiv.org/abs/1706.03762
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..composites.registry import composite, raw


@composite("causal_mask", "none")
def causal_mask(F: Any, rows: int, columns: int) -> Any:
    """Which columns each row may look at: those up to its own number, whatever the shape."""
    return F.as_tensor(np.tri(rows, columns, dtype=bool))


@composite("masked_scores", "none")
def masked_scores(F: Any, scores: Any, visible: Any = None) -> Any:
    """Scores with a mask: minus infinity where a boolean one is false; one of numbers is added."""
    if visible is None:
        return scores
    if raw(visible).dtype == bool:
        return F.where(visible, scores, -math.inf)
    return scores + visible


@composite("attention_weights", "none")
def attention_weights(F: Any, scores: Any) -> Any:
    """The softmax over the last dimension; a row with nothing to look at gets zeros."""
    shut = (raw(scores) == -math.inf).all(-1, keepdims=True)
    if not shut.any():
        return F.softmax(scores, -1)
    return F.where(shut, 0.0, F.softmax(F.where(shut, 0.0, scores), -1))


@composite("split_heads", "none")
def split_heads(F: Any, input: Any, num_heads: int) -> Any:
    """From (length, batch, features) to (batch, heads, length, features of a head)."""
    length, batch, features = input.shape
    parts = F.reshape(input, (length, batch, num_heads, features // num_heads))
    return F.permute(parts, (1, 2, 0, 3))


@composite("join_heads", "none")
def join_heads(F: Any, input: Any) -> Any:
    """Back from ``split_heads``."""
    batch, heads, length, features = input.shape
    return F.reshape(F.permute(input, (2, 0, 1, 3)), (length, batch, heads * features))


@composite("hidden_scores", "none")
def hidden_scores(F: Any, scores: Any, mask: Any) -> Any:
    """Scores with a mask whose ``True`` hides, or whose numbers are added; columns beyond its last stay as they are."""
    more = scores.shape[-1] - mask.shape[-1]
    if raw(mask).dtype == bool:
        hidden = np.pad(raw(mask), [(0, 0)] * (mask.ndim - 1) + [(0, more)])
        return F.masked_scores(scores, F.as_tensor(~hidden))
    return F.masked_scores(scores, F.pad_constant(mask, (0, more)))
