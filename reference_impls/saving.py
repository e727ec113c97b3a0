"""Operators that are defined by a formula, but save for backward what PyTorch saves for one operator."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from .saved import Guard
from .tape import PrimitiveNode

if TYPE_CHECKING:
    from .reference import Reference

SAVED: dict[str, tuple[str, ...]] = {
    "clamp": ("input",),
    "lerp": (),
    "log_softmax": ("result",),
    "logsumexp": ("input", "result"),
    "mean": (),
    "mse_loss": ("input", "target"),
    "layer_norm": ("input", "weight"),
    "nansum": ("input",),
    "prod": ("input", "result"),
    "relu": ("result",),
    "softplus": ("input",),
    "std": ("input", "result"),
    "var": ("input",),
}
"""What is saved, where the formula's own intermediate results would be saved otherwise. Writes to it are noticed, and
where nothing is saved nothing is freed."""


def as_one_operator(
    ref: Reference, operator: Callable[..., Any], definition: Callable[..., Any], name: str
) -> Callable[..., Any]:
    """The operator, with what it saves as in the table; itself where the table has nothing to say."""
    names = SAVED.get(name.rpartition(".")[2])
    if names is None:
        return operator
    positions = list(inspect.signature(definition).parameters)
    modes = ref.modes

    @functools.wraps(operator)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if not modes.grad:
            return operator(*args, **kwargs)
        start = ref.next_sequence()
        before, modes.keeps_copies = modes.keeps_copies, True
        try:
            result = operator(*args, **kwargs)
        finally:
            modes.keeps_copies = before
        if before:  # writes to what is saved are allowed
            return result
        given = dict(zip(positions, args, strict=False)) | kwargs
        for tensor in result if isinstance(result, tuple) else (result,):
            node = tensor.node
            if isinstance(node, PrimitiveNode) and node.sequence > start:
                watched = [tensor if name == "result" else given.get(name) for name in names]
                node.guards = tuple(
                    Guard(value, value is tensor) for value in watched if isinstance(value, ref.Tensor)
                )
                if not names:
                    for inner in _since(node, start):
                        inner.lasting = True
        return result

    return guarded


def _since(node: PrimitiveNode, start: int) -> Iterator[PrimitiveNode]:
    """A node, and the ones behind it that were made since."""
    pending: list[Any] = [node]
    while pending:
        here = pending.pop()
        if isinstance(here, PrimitiveNode) and here.sequence > start:
            yield here
            pending.extend(edge[0] for edge in here.edges if edge is not None)
