"""The implementations that an optimizer of torch may be asked for, and the proof that one of them ran.

An option such as ``foreach=True`` is a request: an optimizer may fall back to its loop over the parameters without
a word. What tells is what ran: the operators that were dispatched, or what the step left behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class PathNotTaken(RuntimeError):
    """The optimizer made its step, but not by the implementation that was asked for."""


class Operators(TorchDispatchMode):
    """The names of all operators that ran."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(func.__name__)
        return func(*args, **(kwargs or {}))


@contextmanager
def taking(path: str, optimizer: torch.optim.Optimizer) -> Iterator[None]:
    """Raises `PathNotTaken` where the step within did not take a path: foreach, fused, capturable or differentiable."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    before = [p.grad_fn for p in parameters]
    with Operators() as operators:
        yield
    proofs = {
        "foreach": any(name.startswith("_foreach_") for name in operators.names),
        "fused": any(name.startswith("_fused_") for name in operators.names),
        "differentiable": all(p.grad_fn is not old for p, old in zip(parameters, before, strict=True)),
        "capturable": all(
            value.device == p.device
            for p in parameters
            for value in optimizer.state.get(p, {}).values()
            if isinstance(value, torch.Tensor)
        ),
    }
    if not proofs[path]:
        raise PathNotTaken(f"{path}: the step took another path")
