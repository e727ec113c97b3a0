"""Labels of results: which torch dtype a backend would have given."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dtypes import BOOL, COMPONENT, FLOATING, INTEGER, NAMES, DType, int64, promote, to_complex
from .dtypes import bool_ as boolean

CATEGORY = {"b": 0, "i": 1, "u": 1, "f": 2, "c": 3}


def promoted(tensors: list[Any], default: DType) -> DType:
    """The common label of tensors, of which there is at least one."""
    first = tensors[0].dtype
    for tensor in tensors:
        if tensor.dtype is not first:
            return promote(*[(t.dtype, 2 if t.array.ndim else 1) for t in tensors], default=default)
    return first


def label(rule: str, tensors: list[Any], array: np.ndarray, default: DType) -> DType:
    """The label of the result ``array`` of an operator on ``tensors`` (``rule``: see ``Primitive.dtype``).

    Categories are right already in what NumPy computed (comparisons give bools, division gives floats, a
    Python number may have raised it); what is left to decide is the width.
    """
    if rule in NAMES:
        return NAMES[rule]
    common = default
    if tensors:
        common = tensors[0].dtype if rule == "same" else promoted(tensors, default)
    category = CATEGORY.get(array.dtype.kind)
    if category is None and rule == "real":
        category = FLOATING
    elif category is None:  # an object array: only its elements tell whether a number made it complex
        category = max(common.category, 3 if any(hasattr(v, "_mpc_") for v in array.flat) else FLOATING)
    if rule == "sum" and category == INTEGER:
        return int64
    if category == common.category:
        return common
    if category == BOOL:
        return boolean
    if category == INTEGER:
        return int64
    if category == FLOATING:
        return COMPONENT[common] if common.is_complex else default
    return to_complex(common if common.is_floating_point else default)
