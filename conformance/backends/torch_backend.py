"""torch itself, on any of its devices."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.utils.prune  # which torch does not import itself
from torch.optim import lr_scheduler, swa_utils

from .contract import Backend, Unsupported

_DTYPES = "float64 float32 bfloat16 float16 complex128 complex64 int64 int32 int16 int8 uint8 bool"
DTYPES = {name: getattr(torch, name) for name in _DTYPES.split()}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
WIDEST = {
    torch.float64: torch.float64, torch.float32: torch.float64, torch.bfloat16: torch.float64,
    torch.float16: torch.float64, torch.complex64: torch.complex128, torch.complex128: torch.complex128,
    torch.bool: torch.bool,
}  # fmt: skip

REFUSALS = (
    (
        NotImplementedError,
        re.compile(r"use forward AD with (\w+) that does not support it"),
        "forward mode of {}",
    ),
    (RuntimeError, re.compile(r"derivative for '?(?:aten::)?(\w+)'? is not implemented"), "derivative of {}"),
)
"""How torch says that a derivative is not there."""


class TorchBackend(Backend):
    """The installed torch. TensorFloat-32 is off unless ``allow_tf32`` asks for it."""

    name = "torch"
    exact_error_types = True
    modes: tuple[str, ...] = ("eager", "compile", "vmap")
    deviations = (Path(__file__).with_name("torch.deviations.yaml"),)
    dtypes = frozenset(DTYPES)

    def __init__(self, allow_tf32: bool = False) -> None:
        self.torch = torch
        self.version = self.documentation = str(torch.__version__)
        self.allow_tf32 = allow_tf32
        torch.backends.cuda.matmul.allow_tf32 = allow_tf32
        torch.backends.cudnn.allow_tf32 = allow_tf32
        # A CUDA build names an accelerator on machines that have none, too.
        present = hasattr(torch, "accelerator") and torch.accelerator.is_available()
        accelerator = torch.accelerator.current_accelerator() if present else None
        self.devices = ("cpu",) if accelerator is None else ("cpu", accelerator.type)

    def from_numpy(self, values: np.ndarray, dtype: str, device: str, requires_grad: bool = False) -> Any:
        tensor = torch.tensor(values, dtype=DTYPES[dtype], device=device)
        return tensor.requires_grad_() if requires_grad else tensor

    def seed(self, number: int) -> None:
        # `torch.manual_seed` formats a stack trace for every kind of device that is not there: 0.5 ms a program.
        torch.default_generator.manual_seed(number)
        for device in self.devices[1:]:
            torch.get_device_module(device).manual_seed(number)

    def is_tensor(self, value: Any) -> bool:
        return isinstance(value, torch.Tensor)

    def freeze(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.detach().clone()

    def dtype_of(self, tensor: torch.Tensor) -> str:
        return NAMES[tensor.dtype]

    def to_numpy(self, tensor: torch.Tensor) -> np.ndarray:
        if tensor.layout is not torch.strided:
            tensor = tensor.to_dense()
        tensor = tensor.detach().to("cpu", WIDEST.get(tensor.dtype, torch.int64))
        return np.array(tensor.resolve_conj().resolve_neg().numpy())

    def lay_out(self, tensor: torch.Tensor, layout: str) -> torch.Tensor:
        return LAYOUTS[layout](tensor)

    def synchronize(self, device: str) -> None:
        if device != "cpu":
            torch.accelerator.synchronize()

    @contextmanager
    def running(self, device: str, mode: str):
        if device == "cpu":
            yield
        else:
            with torch.device(device):
                yield

    def transform(self, mode: str):
        if mode == "eager":
            return lambda function: function
        from .torch_modes import MODES  # torch.compile is slow to import

        return MODES[mode]

    def offers(self) -> frozenset[str]:
        homes = {torch.optim: torch.optim.Optimizer}
        homes |= dict.fromkeys((lr_scheduler, swa_utils), lr_scheduler.LRScheduler)
        return frozenset(
            f"{home.__name__}.{name}"
            for home, base in homes.items()
            for name, value in vars(home).items()
            if isinstance(value, type) and issubclass(value, base) and not name.startswith("_")
            if home is torch.optim or value.__module__ == home.__name__
        )

    def taking(self, path: str, optimizer: Any):
        from .torch_paths import taking

        return taking(path, optimizer)

    def is_unsupported(self, error: Exception) -> str | None:
        """Where torch says that an operator has no derivative in a mode: it need not have all of them."""
        for kind, pattern, what in REFUSALS:
            if isinstance(error, kind) and (found := pattern.search(str(error))):
                return what.format(found[1])
        return super().is_unsupported(error)

    def describe(self) -> dict[str, str]:
        facts = super().describe() | {"tf32": str(self.allow_tf32), "threads": str(torch.get_num_threads())}
        if "cuda" in self.devices:
            facts["gpu"] = torch.cuda.get_device_name()
            facts["cuda"] = str(torch.version.cuda)
        return facts


def _strided(tensor: torch.Tensor) -> torch.Tensor:
    wide = tensor.new_zeros((*tensor.shape[:-1], 2 * tensor.shape[-1]))
    wide[..., ::2] = tensor
    return wide[..., ::2]


def _offset(tensor: torch.Tensor) -> torch.Tensor:
    storage = tensor.new_zeros(tensor.numel() + 3)
    storage[3:] = tensor.reshape(-1)
    return storage[3:].view(tensor.shape)


def _transposed(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.transpose(0, -1).contiguous().transpose(0, -1)


def _channels_last(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.movedim(1, -1).contiguous().movedim(-1, 1)


def _expanded(tensor: torch.Tensor) -> torch.Tensor:
    if tensor.shape[0] > 1 and not torch.equal(tensor, tensor[:1].expand_as(tensor)):
        raise Unsupported("an expanded layout of rows that differ")
    return tensor[:1].expand_as(tensor)


LAYOUTS = {
    "contiguous": lambda tensor: tensor,
    "strided": _strided,
    "offset": _offset,
    "transposed": _transposed,
    "channels-last": _channels_last,
    "expanded": _expanded,
}
