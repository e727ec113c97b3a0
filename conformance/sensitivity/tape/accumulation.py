"""Faults of where gradients end: what is added to which ``.grad``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_impls import Reference, backward
from reference_impls.backward import Run
from reference_impls.tape import AccumulateGrad, Node
from reference_impls.tensor import Tensor

from .fault import Fault, instead, with_options


def _overwriting(self: Any, ref: Any, grads: Any, wanted: Any) -> Any:
    self.variable.kept_grad = ref.wrap(grads[0].array.copy(), grads[0].dtype, grads[0].exact)
    return ()


def _with_grad_mode(mode: Callable[[Any], bool]) -> Callable[[Any], Any]:
    """Accumulation as it is done in another grad mode: in place without it, into a new tensor with it."""

    def fault(right: Callable[..., Any]) -> Callable[..., Any]:
        def run(self: Any, ref: Any, grads: Any, wanted: Any) -> Any:
            before, ref.modes.grad = ref.modes.grad, mode(ref)
            try:
                return right(self, ref, grads, wanted)
            finally:
                ref.modes.grad = before

        return run

    return fault


def _sharing(right: Callable[..., Any]) -> Callable[..., Any]:
    """The first gradient is the cotangent itself, and no copy of it."""

    def run(self: Any, ref: Any, grads: Any, wanted: Any) -> Any:
        if self.variable.kept_grad is not None:
            return right(self, ref, grads, wanted)
        self.variable.kept_grad = grads[0]
        return ()

    return run


def _twice(right: Callable[..., Any]) -> Callable[..., Any]:
    def run(self: Any, ref: Any, grads: Any, wanted: Any) -> Any:
        right(self, ref, grads, wanted)
        return right(self, ref, grads, wanted)

    return run


def _last_use_only(right: Callable[..., Any]) -> Callable[..., Any]:
    def receive(self: Any, node: Node, index: int, grad: Any) -> None:
        buffer = self._buffers.get(node)
        if buffer is not None:
            buffer[index] = None
        right(self, node, index, grad)

    return receive


def _filling(right: Callable[..., Any]) -> Callable[..., Any]:
    """The gradient of every result of an operator is kept, as if it were a leaf."""

    def attach(
        self: Any, record: Any, mask: int, tensors: Any, made: Any, attributes: Any, many: bool
    ) -> None:
        right(self, record, mask, tensors, made, attributes, many)
        for tensor in made:
            if tensor.node is not None:
                tensor.retain_grad()

    return attach


def _everywhere(right: Callable[..., Any]) -> Callable[..., Any]:
    """``inputs=`` of backward is not heard: every leaf gets its gradient."""

    def start(self: Any, ref: Any, roots: Any, **options: Any) -> None:
        if options["accumulate"]:
            options["targets"] = None
        right(self, ref, roots, **options)

    return start


def _averaged(right: Callable[..., Any]) -> Callable[..., Any]:
    """Where an operand was broadcast its gradient is the mean over the copies."""

    def fit(ref: Any, grad: Any, shape: Any, dtype: Any) -> Any:
        fitted = right(ref, grad, shape, dtype)
        if isinstance(grad, Tensor) and fitted.array.size and grad.array.size > fitted.array.size:
            fitted = fitted * (fitted.array.size / grad.array.size)
        return fitted

    return fit


def _conjugated(right: Callable[..., Any]) -> Callable[..., Any]:
    """The other convention for complex gradients."""

    def run(self: Any, ref: Any, grads: Any, wanted: Any) -> Any:
        if grads[0] is not None and grads[0].dtype.is_complex:
            grads = [ref.ops.conj(grads[0])]
        return right(self, ref, grads, wanted)

    return run


def _refusing_assignment(right: property) -> property:
    """Whatever is assigned to ``.grad`` is taken, of any shape and dtype."""
    return property(right.fget, lambda self, value: setattr(self, "kept_grad", value), right.fdel)


FAULTS: dict[str, Fault] = {
    "gradients overwrite": (instead(AccumulateGrad, "run", _overwriting),),
    "gradients accumulate twice": ((AccumulateGrad, "run", _twice),),
    "gradients always accumulate into a new tensor": (
        (AccumulateGrad, "run", _with_grad_mode(lambda ref: True)),
    ),
    "gradients accumulate in place under create_graph": (
        (AccumulateGrad, "run", _with_grad_mode(lambda ref: False)),
    ),
    "the first gradient is not copied": ((AccumulateGrad, "run", _sharing),),
    "only the last use of a tensor counts": ((Run, "_receive", _last_use_only),),
    "results keep their gradients": ((Reference, "_attach", _filling),),
    "retain_grad is ignored": (instead(Tensor, "retain_grad", lambda self: None),),
    "inputs of backward are ignored": ((Run, "__init__", _everywhere),),
    "grad accumulates as backward does": ((Run, "__init__", with_options(accumulate=True)),),
    "broadcasting is averaged": ((backward, "fit", _averaged),),
    "complex gradients are conjugated": ((AccumulateGrad, "run", _conjugated),),
    "any value can be assigned to grad": ((Tensor, "grad", _refusing_assignment),),
}
