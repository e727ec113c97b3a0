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


@composite("mask_of_heads", "none")
def mask_of_heads(F: Any, attn_mask: Any, batch: int, num_heads: int, more: int) -> Any:
    """A mask of (batch * heads, rows, columns), or one for all of them, as (batch, heads, rows, columns + more).

    Where ``True`` hid a column it is now false: the other way round, as in attention without heads.
    """
    if raw(attn_mask).dtype == bool:
        attn_mask = np.pad(~raw(attn_mask), [(0, 0)] * (attn_mask.ndim - 1) + [(0, more)], constant_values=True)
        attn_mask = F.as_tensor(attn_mask)
    else:
        attn_mask = F.pad_constant(attn_mask, (0, more))
    return attn_mask if attn_mask.ndim == 2 else F.unflatten(attn_mask, 0, (batch, num_heads))
