"""``torch.autograd.graph``: edges of the graph, versions, and what becomes of saved tensors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from . import hooks
from .dtypes import DType
from .tape import Node

if TYPE_CHECKING:
    from .reference import Reference
    from .tensor import Tensor


class GradientEdge(NamedTuple):
    """Where a gradient is computed: it names a tensor of a graph without holding the tensor."""

    node: Node
    output_nr: int
    ownership_token: Any = None


def edge(ref: Reference, value: Tensor | GradientEdge) -> tuple[Node, int] | None:
    """The place in the graph that a tensor or an edge stands for; None where no gradient is needed."""
    return (value.node, value.output_nr) if isinstance(value, GradientEdge) else ref.edge(value)


def expected(value: Tensor | GradientEdge) -> tuple[tuple[int, ...], DType]:
    """Shape and dtype of its gradient."""
    if isinstance(value, GradientEdge):
        return value.node.outputs[value.output_nr]
    return value.array.shape, value.dtype


def for_reference(ref: Reference) -> dict[str, Any]:
    """The names of ``torch.autograd.graph``."""
    modes = ref.modes

    def get_gradient_edge(tensor: Any) -> GradientEdge:
        """Where the gradient of a tensor is computed."""
        found = ref.edge(tensor)
        if found is None:
            raise RuntimeError("a tensor that does not require grad has no gradient edge")
        return GradientEdge(*found)

    def increment_version(tensor: Tensor | Iterable[Tensor]) -> None:
        """Tells autograd of a write in place that it could not see."""
        for written in (tensor,) if isinstance(tensor, ref.Tensor) else tensor:
            if not written.inference:
                written.cell[0] += 1

    @contextmanager
    def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
        """Meanwhile ``saved_tensors_hooks`` cannot be used."""
        before = modes.no_saved_hooks
        if modes.saved_hooks:
            raise RuntimeError(error_message)
        modes.no_saved_hooks = error_message
        try:
            yield
        finally:
            modes.no_saved_hooks = before

    @contextmanager
    def allow_mutation_on_saved_tensors() -> Iterator[object]:
        """Meanwhile what is saved is kept apart from later writes."""
        before = modes.keeps_copies
        modes.keeps_copies = True
        try:
            yield object()
        finally:
            modes.keeps_copies = before

    def set_warn_on_accumulate_grad_stream_mismatch(enabled: bool) -> None:
        """The reference has no streams."""

    return {
        **hooks.for_reference(ref),
        "GradientEdge": GradientEdge,
        "get_gradient_edge": get_gradient_edge,
        "increment_version": increment_version,
        "disable_saved_tensors_hooks": disable_saved_tensors_hooks,
        "allow_mutation_on_saved_tensors": allow_mutation_on_saved_tensors,
        "set_warn_on_accumulate_grad_stream_mismatch": set_warn_on_accumulate_grad_stream_mismatch,
    }
