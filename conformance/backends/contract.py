"""What a backend is: the one object that an adapter provides.

A backend offers torch's vocabulary. What it must have: a name, a version, a namespace that plays ``torch``, and
the way in and out of NumPy. Everything else has a default. A name that the namespace lacks makes the cases that
use it *unsupported*, never failed, and the report says which name; a dtype or a capability likewise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

CAPABILITIES: dict[str, str] = {
    "autograd": "Tensors record a graph, and `backward` and `torch.autograd.grad` differentiate it.",
    "double-backward": "Gradients can themselves be differentiated (`create_graph=True`).",
    "forward-mode": "Directional derivatives by `torch.func.jvp`.",
    "inplace": "Tensors can be written to in place.",
    "views": "Slices and reshapes share memory with their base.",
    "float8": "Tensors of eight-bit floating dtypes exist, and those of others can be cast to them.",
    "strides": "Tensors can lie in memory in other orders than the contiguous one.",
    "deep-graphs": "A graph may be a hundred thousand operators deep.",
    "hooks": "Functions can be registered to run during backward.",
    "custom-function": "`torch.autograd.Function` can be subclassed.",
    "modules": "`torch.nn.Module` and its state.",
    "meta": "A device `meta`, on which tensors have shapes and no values.",
    "optimizers": "`torch.optim` and its state.",
    "differentiable-optimizers": "The step of an optimizer records a graph where it is asked to.",
    "sparse": "Gradients may have a sparse layout.",
    "serialization": "`torch.save` and `torch.load`.",
    "data-loading": "`torch.utils.data.DataLoader`, also with worker processes.",
    "randomness": "Seeded random numbers that programs can draw.",
    "generators": "`torch.Generator` with a state that can be read and set, and random functions that all take one.",
    "autocast": "Regions of `torch.autocast` for the backend's devices.",
    "warnings": "The documented warnings are given.",
    "optimizer-checks": "Optimizers and schedulers refuse hyperparameters that make no sense.",
    "error-checks": "Wrong arguments are refused with an exception.",
}
"""Every capability that a clause may need, documented. A backend has each unless it says that it lacks it."""


class Unsupported(Exception):
    """The backend lacks something that has a name: a capability, a dtype, or a documented API."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class Backend:
    """Base of every adapter; the attributes below without a default must be set.

    ``torch`` is the namespace that plays torch in programs. ``devices`` and ``dtypes`` name what it offers,
    the first device being the default.
    """

    name: str
    version: str
    torch: Any
    devices: tuple[str, ...] = ("cpu",)
    dtypes: frozenset[str] = frozenset({"float64", "float32", "int64", "bool"})
    lacks: Mapping[str, str] = {}
    """Capabilities that it does not have, each with the reason."""
    documentation: str | None = None
    """The version of PyTorch whose documentation it is judged by; None for the newest that the specs know."""
    modes: tuple[str, ...] = ("eager",)
    deviations: Sequence[Path] = ()
    """YAML files of known deviations, beside the adapter."""
    host: Any = None
    """What the modules, optimizers and schedulers of the specs are assembled on, where the backend has none of
    its own: an object with the ``torch``, ``ops``, ``Tensor`` and ``define`` of a reference."""
    exact_error_types: bool = False
    """Whether the type of an exception is normative. It is for torch; of others only the fact is asked."""

    def from_numpy(self, values: np.ndarray, dtype: str, device: str, requires_grad: bool = False) -> Any:
        """A new tensor with these values (float64, complex128, int64 or bool), rounded to ``dtype``."""
        raise NotImplementedError

    def is_tensor(self, value: Any) -> bool:
        """Whether a value is one of this backend's tensors."""
        raise NotImplementedError

    def freeze(self, tensor: Any) -> Any:
        """A copy of a tensor that later writes to it do not reach; cheap, converted by ``to_numpy`` later."""
        return tensor

    def dtype_of(self, tensor: Any) -> str:
        """The name of the tensor's dtype in torch's words, such as ``bfloat16``."""
        raise NotImplementedError

    def to_numpy(self, tensor: Any) -> np.ndarray:
        """The values of a tensor as float64, complex128, int64 or bool, exactly."""
        raise NotImplementedError

    def is_exact(self, tensor: Any) -> bool:
        """Whether the values reached this tensor by data movement alone (only the reference knows)."""
        return False

    def lay_out(self, tensor: Any, layout: str) -> Any:
        """The same values in another memory layout: transposed, channels-last, strided, offset or expanded."""
        raise Unsupported("strides")

    def require_grad(self, tensor: Any) -> Any:
        """The tensor as a leaf that requires grad."""
        return tensor.requires_grad_()

    def seed(self, number: int) -> None:
        """Seed the backend's random generator; called before each program."""
        self.torch.manual_seed(number)

    def synchronize(self, device: str) -> None:
        """Wait until the device has done all that was asked of it."""

    def running(self, device: str, mode: str) -> AbstractContextManager[Any]:
        """Entered around each program: sets the default device, collects evidence that a mode was taken."""
        return nullcontext()

    def transform(self, mode: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """What a mode does to the function under test. It must raise where the mode was not really taken."""
        if mode != "eager":
            raise Unsupported(f"mode {mode}")
        return lambda function: function

    def taking(self, path: str, optimizer: Any) -> AbstractContextManager[Any]:
        """Entered around a step of an optimizer that was asked for another implementation (``foreach``, ``fused``,
        ``capturable``, ``differentiable``). It must raise where that one did not run."""
        raise Unsupported(f"proof that the {path} implementation ran")

    def offers(self) -> frozenset[str]:
        """The optimizers and schedulers that it has, as dotted names, read from what is installed."""
        return frozenset()

    def supplied(self) -> tuple[str, ...]:
        """Names that were supplied by the suite in place of the backend since the last call."""
        return ()

    def is_unsupported(self, error: Exception) -> str | None:
        """What the backend lacks, where an exception says so in its own way; None for any other exception."""
        return error.what if isinstance(error, Unsupported) else None

    def describe(self) -> dict[str, str]:
        """Facts for the fingerprint in the header of a results file."""
        return {"backend": self.name, "version": self.version}


def missing_name(namespace: Any, dotted: str) -> str | None:
    """The shortest prefix of a dotted name that ``namespace`` (playing ``torch``) lacks; None if it has all."""
    root, *parts = dotted.split(".")
    if root != "torch":
        return None
    here, path = namespace, root
    for part in parts:
        path += "." + part
        try:
            here = getattr(here, part)
        except AttributeError:
            return path
    return None
