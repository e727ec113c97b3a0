"""The functional tier: frameworks without define-by-run autograd plug in functions and a ``vjp``.

An adapter subclasses `FunctionalBackend` and provides

- ``functions``: what the framework has, by name. A bare name is one of the vocabulary (``add``, ``matmul``,
  ``reshape``, ``getitem`` ...), and becomes ``torch.add``, ``Tensor.add`` and ``+``; a dotted name
  (``torch.nn.functional.softplus``) becomes that only. Functions take torch's arguments with the framework's
  arrays for tensors and names for dtypes, and return arrays, or tuples of them. They adapt arguments and nothing
  else: what the framework lacks is left out, and an argument that it has no counterpart for raises `Unsupported`.
  ``to(array, dtype)``, ``clone(array)``, ``expand(array, *sizes)``, ``add`` and ``detach(array)`` (which stops a
  gradient) are needed by the shell itself;
- ``vjp(function, primals)``, which returns the list of outputs and a function from a list of cotangents to the
  gradients of the primals, in torch's convention for complex numbers; and ``jvp(function, primals, tangents)``,
  which returns outputs and their tangents, where the framework has forward mode;
- ``array_from``, ``numpy_from``, ``dtype_name`` and ``is_array``: the way in and out.

All state is the suite's: which tensors require grad, ``.grad``, retaining and freeing graphs, modules, optimizers.
What a program took of it is reported by ``supplied``. What takes more than functions of arrays is lacking.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from reference_impls.dtypes import NAMES

from .contract import Backend
from .functional_shell import Shell

LACKS = {
    "inplace": "a functional backend records no writes",
    "views": "arrays of a functional backend do not share memory that can be written to",
    "strides": "a functional backend has no memory layouts",
    "deep-graphs": "a functional backend goes through the whole program again for each gradient",
    "hooks": "a functional backend hands the whole program to one vjp",
    "custom-function": "a functional backend has no torch.autograd.Function",
    "meta": "arrays have values",
    "modules": "the bookkeeping of modules is the suite's own here, and is not judged",
    "optimizer-checks": "the optimizers are the suite's own here, and check nothing",
    "warnings": "optimizers and modules are the suite's own here, and give no warnings",
    "serialization": "a functional backend has no file format",
    "data-loading": "a functional backend loads no data",
}

Function = Callable[..., list[Any]]


class FunctionalBackend(Backend):
    """Base of the adapters of functional frameworks; see the description of this module."""

    functions: ClassVar[Mapping[str, Callable[..., Any]]]
    lacks: Mapping[str, str] = LACKS
    jvp: Callable[[Function, Sequence[Any], Sequence[Any]], tuple[list[Any], list[Any]]] | None = None

    def __init__(self) -> None:
        self.shell = Shell(self)
        self.host = self.shell
        self.torch = self.shell.torch
        if self.jvp is None:
            self.lacks = {**self.lacks, "forward-mode": "the framework has no jvp"}

    def vjp(
        self, function: Function, primals: Sequence[Any]
    ) -> tuple[list[Any], Callable[[list[Any]], Sequence[Any]]]:
        raise NotImplementedError

    def array_from(self, values: np.ndarray, dtype: str) -> Any:
        """A new array with these values (float64, complex128, int64 or bool), which ``dtype`` can hold exactly."""
        raise NotImplementedError

    def numpy_from(self, array: Any) -> np.ndarray:
        """The values as float64, complex128, int64 or bool, exactly."""
        raise NotImplementedError

    def dtype_name(self, array: Any) -> str:
        """The name of an array's dtype in torch's words."""
        raise NotImplementedError

    def is_array(self, value: Any) -> bool:
        """Whether a value is one of the framework's arrays, or what it puts in their place while it traces."""
        raise NotImplementedError

    # The contract, by way of the shell

    def category(self, array: Any) -> int:
        """Boolean, integer, floating or complex (`reference_impls.dtypes`)."""
        name = self.dtype_name(array)
        return NAMES[name].category if name in NAMES else 1

    def from_numpy(self, values: np.ndarray, dtype: str, device: str, requires_grad: bool = False) -> Any:
        label = NAMES[dtype]
        rounded = label.round(np.array(values)).astype(label.storage)
        return self.shell.tensor_from(rounded, label, requires_grad)

    def is_tensor(self, value: Any) -> bool:
        return self.shell.is_tensor(value)

    def freeze(self, tensor: Any) -> Any:
        return tensor.value.array

    def dtype_of(self, tensor: Any) -> str:
        return self.dtype_name(tensor.value.array)

    def to_numpy(self, tensor: Any) -> np.ndarray:
        return self.numpy_from(tensor.value.array if self.is_tensor(tensor) else tensor)

    def seed(self, number: int) -> None:
        """Seeds the numbers that modules start from; an adapter whose framework draws its own seeds those too."""
        self.shell.arithmetic.generator = np.random.default_rng(number)

    def is_unsupported(self, error: Exception) -> str | None:
        missing = isinstance(error, AttributeError) and str(error).startswith("torch.")
        return str(error) if missing else super().is_unsupported(error)

    def supplied(self) -> tuple[str, ...]:
        names = tuple(self.shell.noted)
        self.shell.noted.clear()
        return names
