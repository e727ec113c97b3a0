"""Mutants of the tape: how gradients accumulate, when graphs are freed, what detaching and grad modes do.

Each replaces attributes of the tape's classes, but only while a program of the mutant runs, so that the judge's
own runs are right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from reference_impls import Reference, backward, grad_mode, inplace, views
from reference_impls.backward import Run
from reference_impls.hooks import Hooks
from reference_impls.tape import AccumulateGrad, Node, PrimitiveNode, Saved
from reference_impls.tensor import Tensor

from .mutant import Mutant, Patch

AREA = "tape"


def tape_mutants() -> Iterator[Mutant]:
    """Every mutant of the tape."""
    for mutator, patches in FAULTS.items():
        yield Mutant(AREA, "tape", mutator, patches=patches)


def _instead(owner: object, name: str, faulty: Callable[..., Any]) -> Patch:
    """A method replaced whatever the right one does."""
    return owner, name, lambda right: faulty


# Accumulation


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


# Graphs


def _freed_at_once(right: Callable[..., Any]) -> Callable[..., Any]:
    def run(self: Any, ref: Any, grads: Any, wanted: Any) -> Any:
        sent = right(self, ref, grads, wanted)
        self.release()
        return sent

    return run


def _run_with(**fixed: bool) -> Callable[[Any], Any]:
    """A backward pass that is deaf to some of its options."""

    def fault(right: Callable[..., Any]) -> Callable[..., Any]:
        return lambda self, ref, roots, **options: right(self, ref, roots, **{**options, **fixed})

    return fault


def _any_roots(right: Callable[..., Any]) -> Callable[..., Any]:
    """A cotangent of ones for whatever comes without one, scalar or not."""

    def roots(ref: Any, tensors: Any, cotangents: Any, what: str) -> Any:
        ones = [
            ref.torch.ones_like(t).detach() if c is None else c
            for t, c in zip(tensors, cotangents, strict=True)
        ]
        return right(ref, tensors, ones, what)

    return roots


def _zero_roots(right: Callable[..., Any]) -> Callable[..., Any]:
    def roots(ref: Any, tensors: Any, cotangents: Any, what: str) -> Any:
        starts = right(ref, tensors, cotangents, what)
        return [
            (node, index, ref.torch.zeros_like(grad) if given is None else grad)
            for (node, index, grad), given in zip(starts, cotangents, strict=True)
        ]

    return roots


def _leaves_refused(right: Callable[..., Any]) -> Callable[..., Any]:
    def roots(ref: Any, tensors: Any, cotangents: Any, what: str) -> Any:
        with_history = [(t, c) for t, c in zip(tensors, cotangents, strict=True) if t.requires_grad]
        return right(ref, [t for t, _ in with_history], [c for _, c in with_history], what)

    return roots


def _zero_for_unused(right: Callable[..., Any]) -> Callable[..., Any]:
    """Inputs that were not reached get a gradient of zero in place of None, or of an error."""

    def execute(self: Any) -> Any:
        found = right(self)
        for node, index in self.targets or ():
            shape, dtype = node.outputs[index]
            found.setdefault((node, index), self.ref.zeros(shape, dtype))
        return found

    return execute


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


def _unchecked(right: Callable[..., Any]) -> Callable[..., Any]:
    def unpack(self: Any, ref: Any, owner: Any) -> Any:
        self.version = self.cell[0]
        return right(self, ref, owner)

    return unpack


def _forgetful_write(right: Callable[..., Any]) -> Callable[..., Any]:
    """A write that no version counter notices; views still follow it."""

    def write(ref: Any, tensor: Any, old: Any, new: Any) -> Any:
        before = tensor.cell[0]
        result = right(ref, tensor, old, new)
        tensor.cell[0] = before
        return result

    return write


def _history_lost(right: Callable[..., Any]) -> Callable[..., Any]:
    """A write in place leaves the history of the tensor as it was."""

    def write(ref: Any, tensor: Any, old: Any, new: Any) -> Any:
        return right(ref, tensor, old, new.detach() if not tensor.requires_grad else new)

    return write


# Detaching and grad modes


def _detached_copy(self: Any) -> Any:
    detached = self._ref.wrap(self.array.copy(), self.dtype, self.exact)
    detached.inference = self.inference
    return detached


def _own_counter(right: Callable[..., Any]) -> Callable[..., Any]:
    def detach(self: Any) -> Any:
        detached = right(self)
        detached.cell = [0]
        return detached

    return detach


def _still_wanting(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self: right(self).requires_grad_()


def _cutting(right: Callable[..., Any]) -> Callable[..., Any]:
    """Detaching cuts the original off too."""

    def detach(self: Any) -> Any:
        detached = right(self)
        self.node, self.requires_flag = None, False
        return detached

    return detach


def _recording(self: Any) -> tuple[bool, bool]:
    return self._modes.grad, self._modes.inference


def _no_hooks(self: Any) -> tuple[Any, ...]:
    return ()


IGNORE_NO_GRAD: tuple[Patch, ...] = (
    _instead(grad_mode.NoGrad, "_wanted", _recording),
    _instead(inplace, "check", lambda ref, tensor, arguments: None),
)
"""Leaves may still be written to, or every training loop would stop at its first step."""

FAULTS: dict[str, tuple[Patch, ...]] = {
    "gradients overwrite": (_instead(AccumulateGrad, "run", _overwriting),),
    "gradients accumulate twice": ((AccumulateGrad, "run", _twice),),
    "gradients always accumulate into a new tensor": (
        (AccumulateGrad, "run", _with_grad_mode(lambda ref: True)),
    ),
    "gradients accumulate in place under create_graph": (
        (AccumulateGrad, "run", _with_grad_mode(lambda ref: False)),
    ),
    "the first gradient is not copied": ((AccumulateGrad, "run", _sharing),),
    "only the last use of a tensor counts": ((Run, "_receive", _last_use_only),),
    "graphs are never freed": (_instead(PrimitiveNode, "release", lambda self: None),),
    "graphs are freed under retain_graph": ((PrimitiveNode, "run", _freed_at_once),),
    "graphs are always retained": ((Run, "__init__", _run_with(keep_graph=True)),),
    "create_graph is ignored": ((Run, "__init__", _run_with(create_graph=False)),),
    "gradients always have a graph": ((Run, "__init__", _run_with(create_graph=True)),),
    "the default cotangent is zero": ((backward, "roots", _zero_roots),),
    "a default cotangent for what is no scalar": ((backward, "roots", _any_roots),),
    "backward from what needs no gradient": ((backward, "roots", _leaves_refused),),
    "unused inputs get zero": ((Run, "execute", _zero_for_unused),),
    "saved versions are not checked": ((Saved, "unpack", _unchecked),),
    "writes do not count as versions": ((inplace, "write", _forgetful_write),),
    "writes leave no history": ((inplace, "write", _history_lost),),
    "writes to leaves are allowed": (_instead(inplace, "check", lambda ref, tensor, arguments: None),),
    "writes through views leave no history": (
        _instead(views, "write_through", lambda ref, view, value: None),
    ),
    "results keep their gradients": ((Reference, "_attach", _filling),),
    "retain_grad is ignored": (_instead(Tensor, "retain_grad", lambda self: None),),
    "detach copies": (_instead(Tensor, "detach", _detached_copy),),
    "detach keeps the history": (_instead(Tensor, "detach", lambda self: self._ref.ops.alias(self)),),
    "detach makes a leaf that needs its gradient": ((Tensor, "detach", _still_wanting),),
    "detach has its own version counter": ((Tensor, "detach", _own_counter),),
    "detach cuts off the original": ((Tensor, "detach", _cutting),),
    "detach_ does nothing": (_instead(Tensor, "detach_", lambda self: self),),
    "detach_ detaches views": (_instead(Tensor, "detach_", lambda self: self.rebase(None, 0) or self),),
    "no_grad is ignored": IGNORE_NO_GRAD,
    "enable_grad is ignored": (_instead(grad_mode.EnableGrad, "_wanted", _recording),),
    "hooks are ignored": (_instead(Hooks, "snapshot", _no_hooks),),
}
"""By what the list of survivors calls them."""
