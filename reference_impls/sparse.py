"""Gradients of a sparse layout: dense values, and which of the elements there are.

No operator knows of the layout but ``to_dense``: it matters to optimizers that leave alone what a gradient lacks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .reference import Reference
    from .tensor import Tensor


def for_reference(ref: Reference) -> dict[str, Any]:
    """The factories of sparse tensors."""

    def sparse_coo_tensor(indices: Tensor, values: Tensor, size: Any) -> Tensor:
        """Values at some places, given as one row of numbers for each dimension; of one place they are added."""
        places = tuple(indices.array)
        array = np.zeros(tuple(size), values.array.dtype)
        np.add.at(array, places, values.array)
        tensor = ref.tensor_from(array, values.dtype)
        tensor.specified = np.zeros(array.shape, bool)
        tensor.specified[places] = True
        return tensor

    return {"sparse_coo_tensor": sparse_coo_tensor}
