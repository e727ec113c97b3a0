"""The NumPy reference as a backend: what judges the others is judged like them."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np

from reference_impls import Reference
from reference_impls.dtypes import NAMES
from reference_impls.tape import Node

from .contract import Backend, Unsupported


class ReferenceBackend(Backend):
    """A reference whose namespace has been assembled (see ``conformance/assemble.py``).

    It computes in float64 whatever a label says, so only float64 and complex128 of the floating dtypes are
    offered for judging; as the judge it takes any label.
    """

    name = "reference"
    version = "1"
    exact_error_types = True
    dtypes = frozenset({"float64", "complex128", "int64", "int32", "int16", "int8", "uint8", "bool"})
    lacks = {
        "serialization": "the reference keeps no files",
        "data-loading": "the reference loads no data",
        "generators": "the reference's generators can be seeded, and no more",
        "autocast": "the reference computes in one precision",
        "warnings": "the reference gives no warnings",
        "error-checks": "definitions say what is right; what is refused is said beside them",
        "meta": "the reference has one device",
        "float8": "the reference has no eight-bit labels",
        "strides": "the reference has no memory layouts",
    }

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        self.torch = reference.torch

    def from_numpy(self, values: np.ndarray, dtype: str, device: str, requires_grad: bool = False) -> Any:
        label = NAMES[dtype]
        return self.reference.tensor_from(
            label.round(np.array(values)).astype(label.storage), label, requires_grad
        )

    def is_tensor(self, value: Any) -> bool:
        return isinstance(value, self.reference.Tensor)

    def freeze(self, tensor: Any) -> Any:
        return tensor.array.copy()

    def dtype_of(self, tensor: Any) -> str:
        return tensor.dtype.name

    def to_numpy(self, tensor: Any) -> np.ndarray:
        return tensor if isinstance(tensor, np.ndarray) else tensor.array

    def is_exact(self, tensor: Any) -> bool:
        return tensor.exact

    def lay_out(self, tensor: Any, layout: str) -> Any:
        return tensor

    @contextmanager
    def running(self, device: str, mode: str):
        yield

    def taking(self, path: str, optimizer: Any) -> AbstractContextManager[Any]:
        return nullcontext()  # it has one implementation, which is the documented algorithm

    def is_unsupported(self, error: Exception) -> str | None:
        if isinstance(error, Unsupported):
            return error.what
        # A module that is assembled from its spec has no methods beside its forward.
        lacking = (self.reference.Tensor, Node, self.torch.nn.Module)
        return str(error) if isinstance(error, AttributeError) and isinstance(error.obj, lacking) else None
