"""The namespace that plays ``torch`` in programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import (
    backward,
    batching,
    checkpoint,
    clipping,
    creation,
    dtypes,
    func,
    function,
    functional,
    grad_mode,
    grad_scaler,
    gradcheck,
    graph,
    hooks,
    initialization,
    kernels,
    nn,
    packing,
    random_state,
    settings,
    sparse,
    stateless,
)
from .tensor import Size

if TYPE_CHECKING:
    from .reference import Reference


class Device:
    """A device. The reference has one."""

    def __init__(self, name: Any) -> None:
        self.type = str(name).split(":")[0]
        self.index = None

    def __repr__(self) -> str:
        return f"device(type={self.type!r})"

    def __str__(self) -> str:
        return self.type

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other)

    def __hash__(self) -> int:
        return hash(self.type)


class Namespace:
    """A module of the reference. What it lacks is named in full by the error."""

    def __init__(self, name: str, members: dict[str, Any] | None = None) -> None:
        self.__name__ = name
        self.__dict__.update(members or {})

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{self.__name__}.{name}")

    def __repr__(self) -> str:
        return f"<namespace {self.__name__}>"


def define(root: Namespace, dotted: str, value: Any) -> None:
    """Sets a dotted name under ``root``, whose own name is its first part."""
    first, *path, last = dotted.split(".")
    if first != root.__name__:
        raise ValueError(f"{dotted!r} does not begin with {root.__name__!r}")
    here: Any = root
    for i, part in enumerate(path):
        try:
            here = getattr(here, part)
        except AttributeError:
            here.__dict__[part] = Namespace(".".join((first, *path[: i + 1])))
            here = here.__dict__[part]
    setattr(here, last, value)


def _info(ref: Reference, integer: bool) -> Any:
    def info(dtype: Any = None) -> Any:
        """The limits of a dtype."""
        dtype = dtype or ref.default_dtype
        if dtype.is_complex:
            dtype = dtypes.COMPONENT[dtype]
        if integer:
            low = -(1 << (dtype.bits - 1)) if dtype.signed else 0
            return Namespace("iinfo", {"bits": dtype.bits, "min": low, "max": low + (1 << dtype.bits) - 1})
        tiny = 2.0**dtype.min_exponent
        return Namespace(
            "finfo",
            {
                "bits": dtype.bits,
                "eps": 2 * dtype.unit_roundoff,
                "max": dtype.largest,
                "min": -dtype.largest,
                "tiny": tiny,
                "smallest_normal": tiny,
                "resolution": 10.0 ** -int(np.floor((dtype.precision - 1) * np.log10(2))),
                "dtype": dtype.name,
            },
        )

    return info


def build(ref: Reference) -> Namespace:
    """The namespace of one reference."""
    torch = Namespace("torch")
    for name, operator in ref.ops.public.items():
        setattr(torch, name, operator)
    members = {
        **{dtype.name: dtype for dtype in dtypes.ALL},
        **dtypes.ALIASES,
        "cfloat": dtypes.complex64,
        "cdouble": dtypes.complex128,
        "dtype": dtypes.DType,
        "Tensor": ref.Tensor,
        "Size": Size,
        "device": Device,
        "strided": "torch.strided",
        "contiguous_format": "torch.contiguous_format",
        "preserve_format": "torch.preserve_format",
        "inf": np.inf,
        "nan": np.nan,
        "pi": np.pi,
        "e": np.e,
        "finfo": _info(ref, integer=False),
        "iinfo": _info(ref, integer=True),
        "is_tensor": lambda value: isinstance(value, ref.Tensor),
        "is_inference": lambda tensor: tensor.inference,
        "is_signed": lambda tensor: tensor.dtype.is_signed,
        "detach": lambda tensor: tensor.detach(),
        "is_floating_point": lambda tensor: tensor.dtype.is_floating_point,
        "is_complex": lambda tensor: tensor.dtype.is_complex,
        "promote_types": lambda a, b: dtypes.promote((a, 2), (b, 2)),
        "result_type": lambda *values: _result_type(ref, values),
        "can_cast": lambda a, b: a.category <= b.category,
        **batching.factories(ref, creation.for_reference(ref)),
        **sparse.for_reference(ref),
    }
    torch.__dict__.update(members)
    modes = grad_mode.for_reference(ref.modes)
    custom, once_differentiable = function.for_reference(ref)
    products, dual_numbers = functional.for_reference(ref)
    switches, asked = settings.for_reference(ref.modes)
    states, forks = random_state.for_reference(ref)
    for dotted, names in {
        "torch": modes | asked | states,
        "torch.autograd": {
            **backward.for_reference(ref),
            **gradcheck.for_reference(ref),
            **modes,
            **custom,
            **switches,
            "Variable": creation.variable,
        },
        "torch.autograd.grad_mode": {
            **modes,
            "set_multithreading_enabled": switches["set_multithreading_enabled"],
        },
        "torch.random": {"manual_seed": torch.manual_seed, **states, **forks},
        "torch.utils.hooks": {"RemovableHandle": hooks.RemovableHandle},
        "torch.utils.checkpoint": checkpoint.for_reference(ref, custom["Function"]),
        "torch.autograd.graph": graph.for_reference(ref),
        "torch.autograd.function": {**custom, "once_differentiable": once_differentiable},
        "torch.autograd.functional": products,
        "torch.autograd.forward_ad": dual_numbers,
        "torch.func": {**func.for_reference(ref), **stateless.for_reference(ref)},
        "torch.nn": nn.for_reference(ref),
        "torch.nn.functional": {},
        "torch.nn.init": initialization.for_reference(ref),
        "torch.nn.attention": kernels.NAMES,
        "torch.nn.utils": clipping.for_reference(ref),
        "torch.nn.utils.rnn": packing.for_reference(ref),
        "torch.amp": grad_scaler.for_reference(ref),
    }.items():
        if dotted != "torch":
            define(torch, dotted, Namespace(dotted))
        for name, value in names.items():
            define(torch, f"{dotted}.{name}", value)
    torch.autograd.grad = batching.gradient(ref, torch.autograd.grad)
    define(torch, "torch.vmap", torch.func.vmap)
    return torch


def _result_type(ref: Reference, values: tuple[Any, ...]) -> dtypes.DType:
    operands = []
    for value in values:
        tensor = ref.as_tensor(value)
        rank = 0 if tensor is not value else 2 if tensor.array.ndim else 1
        operands.append((tensor.dtype, rank))
    return dtypes.promote(*operands, default=ref.default_dtype)
