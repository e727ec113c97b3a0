"""A new device registered with torch from Python, as a stand-in for one that somebody is bringing up.

The device is called ``conformance``. It occupies torch's PrivateUse1 slot; each of its tensors is a wrapper with a
twin on the CPU that holds the data, and each of its kernels runs the CPU's on the twins.

What this exercises is everything between a program and a kernel: the device as an argument, as a default and in
``.to``; dispatch of factories, operators and their in-place, ``out=`` and view forms to the device; autograd's
device queues, view tracking and version counters over it; modules, optimizers and the choice of their
implementations; the refusal to mix devices. What it does not exercise: kernels, memory, streams, random numbers
and storages of its own.
"""

from __future__ import annotations

import functools
import re
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map

from .torch_backend import DTYPES, WIDEST, TorchBackend

NAME = "conformance"
CROSSING = ("copy_", "_to_copy", "set_")
"""Operators that take tensors of two devices."""


LAZY = (torch._C.DispatchKey.Conjugate, torch._C.DispatchKey.Negative, torch._C.DispatchKey.ZeroTensor)
"""What torch notes down on a tensor before it carries it out. The kernels below dispatch leave it to the twins."""

NO_KERNEL = re.compile(r"Could not run '([\w:.]+)' with arguments from the 'CPU' backend")
"""Operators that torch calls on devices only, and that the CPU of the twins lacks."""


class DeviceTensor(torch.Tensor):
    """A tensor of the device; ``twin`` is the CPU tensor with its data."""

    twin: torch.Tensor

    @staticmethod
    def __new__(cls, twin: torch.Tensor) -> DeviceTensor:
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            twin.shape,
            strides=twin.stride(),
            storage_offset=twin.storage_offset(),
            dtype=twin.dtype,
            device=torch.device(NAME, 0),
        )
        made.twin = twin
        return made

    def __init__(self, twin: torch.Tensor) -> None:
        super().__init__()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        return return_and_correct_aliasing(func, args, kwargs, run(func, *args, **kwargs))

    @property
    def data(self) -> torch.Tensor:
        return super().data

    @data.setter
    def data(self, other: DeviceTensor) -> None:
        torch.Tensor.data.__set__(self, other)
        self.twin = other.twin

    def tolist(self) -> Any:
        # torch refuses it to subclasses, which the tensors of a device are not.
        return self.detach().cpu().tolist()

    @classmethod
    def around(cls, twin: torch.Tensor) -> DeviceTensor:
        """A tensor with this twin, whose pending conjugation or sign goes to where torch will ask for it."""
        conjugated, negated = twin.is_conj(), twin.is_neg()
        twin = twin.conj() if conjugated else twin
        made = cls(twin._neg_view() if negated else twin)
        torch._C._set_conj(made, conjugated)
        torch._C._set_neg(made, negated)
        return made

    def seen(self) -> torch.Tensor:
        """The twin with the pending conjugation or sign of this tensor."""
        twin = self.twin.conj() if self.is_conj() else self.twin
        return twin._neg_view() if self.is_neg() else twin

    def __repr__(self, **_: Any) -> str:
        return f"{self.twin!r} on {NAME}"


def run(operator: Any, *args: Any, **kwargs: Any) -> Any:
    """The kernel of every operator: the CPU's, on the twins."""
    name = operator._schema.name.removeprefix("aten::")
    leaves = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    twins = {id(leaf): leaf.seen() for leaf in leaves if isinstance(leaf, DeviceTensor)}
    ours = {id(twins[id(leaf)]): leaf for leaf in leaves if isinstance(leaf, DeviceTensor)}
    shapes_only = any(
        leaf.is_meta for leaf in leaves
    )  # torch asks itself, and passes what it was given along
    for leaf in leaves:
        if (
            ours
            and not isinstance(leaf, DeviceTensor)
            and leaf.dim()
            and name not in CROSSING
            and not shapes_only
        ):
            raise RuntimeError(f"{name} was given a tensor on {leaf.device} beside one on {NAME}")
    device = kwargs.get("device")
    results_here = torch.device(device).type == NAME if device is not None else bool(ours) and not shapes_only
    if device is not None:
        kwargs = {**kwargs, "device": torch.device("cpu")}

    def unwrapped(leaf: Any) -> Any:
        twin = twins.get(id(leaf), leaf)
        return twin.to("meta") if shapes_only and twin is not leaf else twin

    def wrapped(result: Any) -> Any:
        if not isinstance(result, torch.Tensor):
            return result
        if id(result) in ours:
            return ours[id(result)]
        return DeviceTensor.around(result) if results_here else result

    args, kwargs = tree_map(unwrapped, (args, kwargs))
    with ExitStack() as stack:
        for key in LAZY:
            stack.enter_context(torch._C._SetExcludeDispatchKeyGuard(key, False))
        return tree_map(wrapped, operator(*args, **kwargs))


@functools.cache
def register() -> tuple[Any, ...]:
    """Makes the device known to torch, once in a process; the registrations live as long as what is returned."""
    torch.utils.backend_registration._setup_privateuseone_for_python_backend(NAME)
    library = torch.library.Library("_", "IMPL")
    library.fallback(run, "PrivateUse1")
    # `torch.tensor` reaches this one where a fallback in Python is refused by an internal assertion of torch 2.13.
    copying = torch.library.Library("aten", "IMPL")
    copying.impl("copy_", functools.partial(run, torch.ops.aten.copy_.default), "PrivateUse1")
    return library, copying


class PrivateUse1Backend(TorchBackend):
    """torch on the device ``conformance``."""

    name = "privateuse1"
    devices = (NAME,)
    modes = ("eager",)
    lacks = {
        "serialization": "the stand-in has no storages of its own",
        "generators": "the stand-in has no random numbers of its own",
        "autocast": "the stand-in tells no dtypes for it",
    }

    def __init__(self) -> None:
        super().__init__()
        register()
        self.devices = (NAME,)

    def from_numpy(self, values: np.ndarray, dtype: str, device: str, requires_grad: bool = False) -> Any:
        tensor = torch.tensor(values, dtype=DTYPES[dtype]).to(device)
        return tensor.requires_grad_() if requires_grad else tensor

    def to_numpy(self, tensor: torch.Tensor) -> np.ndarray:
        tensor = tensor.detach().to("cpu").to(WIDEST.get(tensor.dtype, torch.int64))
        return np.array(tensor.resolve_conj().resolve_neg().numpy())

    def is_unsupported(self, error: Exception) -> str | None:
        missing = NO_KERNEL.match(str(error)) if isinstance(error, NotImplementedError) else None
        return missing[1] if missing else super().is_unsupported(error)

    def synchronize(self, device: str) -> None:
        """Kernels have finished when they return."""
