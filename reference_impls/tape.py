"""The tape: compiled primitives, the nodes of the graph, and what they save for backward."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .dtypes import DType
from .hooks import Hooks, RemovableHandle
from .primitive import Kind, Primitive
from .saved import Guard, RawSaved, Saved, save

if TYPE_CHECKING:
    from .reference import Reference
    from .tensor import Tensor


class Record:
    """A primitive, compiled once: what every call and every node of it looks up."""

    def __init__(self, primitive: Primitive) -> None:
        self.primitive = primitive
        self.name = primitive.name
        self.forward = primitive.forward
        self.inputs = primitive.inputs
        self.variadic = primitive.variadic
        self.dtype = primitive.dtype
        self.view = primitive.view
        self.elementwise = primitive.elementwise
        self.linear = primitive.linear
        self.saves = primitive.saves
        self.inexact = primitive.kind in (Kind.ARITHMETIC, Kind.ACCUMULATING)
        self.decision = primitive.kind is Kind.DECISION
        self.movement = primitive.kind is Kind.MOVEMENT
        self.formulas = [primitive.vjp.get(name) for name in self.inputs]
        self.uses = [primitive.uses.get(name, ()) for name in self.inputs]
        self.differentiable = sum(1 << i for i, formula in enumerate(self.formulas) if formula is not None)
        """One bit for each input that has a formula."""
        self.backward_name = self.name.title().replace("_", "") + "Backward0"
        self._plans: dict[int, tuple[list, list, bool]] = {}

    def plan(self, mask: int) -> tuple[list[tuple[str, int]], list[tuple[str, int]], bool]:
        """What to save while the inputs in ``mask`` need a gradient: inputs, shapes of inputs, the result."""
        plan = self._plans.get(mask)
        if plan is None:
            names = {name for i, uses in enumerate(self.uses) if mask >> i & 1 for name in uses}
            names |= set(self.saves or ())
            saved = [(name, i) for i, name in enumerate(self.inputs) if name in names]
            shapes = [(f"{name}_shape", i) for i, name in enumerate(self.inputs) if f"{name}_shape" in names]
            plan = self._plans[mask] = (saved, shapes, "result" in names)
        return plan


class Node:
    """A function of the backward graph; ``Tensor.grad_fn``.

    ``edges`` say where the cotangents of its inputs go: each is a node and the index of a result of it, or
    None; ``outputs`` are (shape, dtype) of its results. A node never has a lower ``sequence`` than one that
    it has an edge to: that is the order of backward.
    """

    tensor_hooks: dict[int, Hooks] | None = None
    """For each result, what ``Tensor.register_hook`` registered."""
    retained: dict[int, weakref.ref] | None = None
    """For each result, the tensor that keeps its gradient."""
    prehooks: Hooks | None = None
    posthooks: Hooks | None = None

    def __init__(
        self, sequence: int, edges: Sequence[Any], outputs: list[tuple[tuple[int, ...], DType]]
    ) -> None:
        self.sequence = sequence
        self.edges = edges
        self.outputs = outputs

    def name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        return f"<{self.name()}>"

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        return tuple(edge or (None, 0) for edge in self.edges)

    @property
    def metadata(self) -> dict:
        return self.__dict__.setdefault("_metadata", {})

    def register_hook(self, hook: Callable) -> RemovableHandle:
        """``hook(grad_inputs, grad_outputs)`` runs after the node, and may return other ``grad_inputs``."""
        self.posthooks = self.posthooks or Hooks()
        return self.posthooks.add(hook)

    def register_prehook(self, hook: Callable) -> RemovableHandle:
        """``hook(grad_outputs)`` runs before the node, and may return other ``grad_outputs``."""
        self.prehooks = self.prehooks or Hooks()
        return self.prehooks.add(hook)

    def run(
        self, ref: Reference, grads: list[Tensor | None], wanted: Sequence[bool]
    ) -> Sequence[Tensor | None]:
        """The cotangents of the inputs that are wanted, from those of the results."""
        raise NotImplementedError

    def release(self) -> None:
        """Frees what was saved; a node that had saved something can then run no more."""


class PrimitiveNode(Node):
    """An application of a primitive."""

    guards: tuple[Guard, ...] = ()
    """What must not have been modified either: what the operator saved that this is the last step of."""
    saver: Reference
    """Whose node it is, where it saved something."""
    lasting: bool = False
    """Whether it is part of an operator that saves nothing, so that there is nothing to free."""

    def __init__(
        self,
        sequence: int,
        edges: Sequence[Any],
        outputs: list[tuple[tuple[int, ...], DType]],
        record: Record,
        attributes: dict[str, Any],
        many: bool = False,
    ) -> None:
        self.sequence = sequence
        self.edges = edges
        self.outputs = outputs
        self.record = record
        self.attributes = attributes
        self.many = many
        """Whether the primitive returned a tuple, if only of one result."""
        self.saved: dict[str, Any] | None = NOTHING

    def name(self) -> str:
        return self.record.backward_name

    def save(self, ref: Reference, mask: int, tensors: Sequence[Any], results: Sequence[Tensor]) -> None:
        record = self.record
        inputs, shapes, result = record.plan(1 if record.variadic else mask)
        if not inputs and not shapes and not result:
            return
        saved: dict[str, Any] = {}
        if record.variadic:
            for name, _ in inputs:
                saved[name] = [save(ref, ref.as_tensor(t)) for t in tensors]
            for name, _ in shapes:
                saved[name] = tuple(ref.as_tensor(t).array.shape for t in tensors)
        else:
            for name, i in inputs:
                saved[name] = save(ref, ref.as_tensor(tensors[i]))
                if record.saves is not None and name not in record.saves:
                    saved[name].keep_copy(ref)
            for name, i in shapes:
                saved[name] = ref.as_tensor(tensors[i]).array.shape
        if result:
            packed = [save(ref, r, is_result=True) for r in results]
            saved["result"] = packed if self.many else packed[0]
        self.saved, self.saver = saved, ref

    def __getattr__(self, name: str) -> Any:
        """What was saved, as ``_saved_self``, and with hooks of its own as ``_raw_saved_self``."""
        raw, _, key = name.rpartition("_saved_")
        if raw not in ("", "_raw") or name == key:
            raise AttributeError(f"{self.name()} has no attribute {name!r}")
        if self.saved is None:
            raise RuntimeError(f"{self.name()}: what it saved was freed")
        key = self.record.inputs[0] if key == "self" else key
        if key not in self.saved:
            raise AttributeError(f"{self.name()} has no attribute {name!r}")
        if raw:
            return RawSaved(self.saver, self, self.saved, key)
        value = self.saved[key]
        if type(value) is list:
            return tuple(part.unpack(self.saver, self) for part in value)
        return value if type(value) is tuple else value.unpack(self.saver, self)

    def follow(self, tensor: Tensor) -> None:
        """The saved result is now in a mutated tensor, whose memory and version it has to watch."""
        result = (self.saved or NOTHING).get("result")
        if isinstance(result, Saved) and not result.apart:
            result.array = tensor.array
            result.cell = tensor.cell
            result.version = tensor.cell[0]
        self.guards = tuple(Guard(tensor, True) if guard.is_result else guard for guard in self.guards)

    def run(
        self, ref: Reference, grads: list[Tensor | None], wanted: Sequence[bool]
    ) -> Sequence[Tensor | None]:
        record = self.record
        if self.saved is None:
            raise RuntimeError(
                f"{self.name()}: trying to backward through the graph a second time, after what it saved was "
                "freed; the first backward needs retain_graph=True"
            )
        for guard in self.guards:
            guard.check(self)
        known = {"F": ref.ops, "g": self._all(ref, grads) if self.many else grads[0]} | self.attributes
        for name in record.saves or ():
            known[name] = self.saved[name].unpack(ref, self)
        if record.variadic:
            return self._evaluate(ref, record.formulas[0], record.uses[0], known)
        return [
            self._evaluate(ref, formula, uses, known) if want and formula is not None else None
            for formula, uses, want in zip(record.formulas, record.uses, wanted, strict=True)
        ]

    def _evaluate(self, ref: Reference, formula: Any, uses: tuple[str, ...], known: dict[str, Any]) -> Any:
        arguments = []
        for name in uses:
            if name not in known:
                value = (self.saved or NOTHING)[name]
                if type(value) is list:
                    value = tuple(v.unpack(ref, self) for v in value)
                known[name] = value if type(value) is tuple else value.unpack(ref, self)
            arguments.append(known[name])
        return formula(*arguments)

    def _all(self, ref: Reference, grads: list[Tensor | None]) -> tuple[Tensor, ...]:
        """The cotangents of several results, zero where a result had no influence."""
        return tuple(
            ref.zeros(shape, dtype) if g is None else g
            for g, (shape, dtype) in zip(grads, self.outputs, strict=True)
        )

    def release(self) -> None:
        """Shapes are no data, and stay; an index by tensors goes."""
        saved = self.saved or NOTHING
        if self.lasting:
            return
        if any(type(value) is not tuple for value in saved.values()) or _holds_array(self.attributes):
            self.saved = None


def _holds_array(attributes: dict[str, Any]) -> bool:
    return any(
        isinstance(part, np.ndarray)
        for value in attributes.values()
        for part in (value if type(value) is tuple else (value,))
    )


class AccumulateGrad(Node):
    """The end of the graph at a leaf: adds to its ``.grad``. A leaf knows it by a weak reference only."""

    def __init__(self, sequence: int, variable: Tensor) -> None:
        super().__init__(sequence, (), [(variable.array.shape, variable.dtype)])
        self.variable = variable

    def run(
        self, ref: Reference, grads: list[Tensor | None], wanted: Sequence[bool]
    ) -> Sequence[Tensor | None]:
        variable, new = self.variable, grads[0]
        if variable.node is not None:
            raise RuntimeError(
                "a leaf that the graph leads to has meanwhile become the result of an operator"
            )
        if new is None or not variable.requires_flag:  # detached meanwhile
            return ()
        old = variable.kept_grad
        if old is None:
            variable.kept_grad = (
                ref.ops.clone(new) if ref.modes.grad else ref.wrap(new.array.copy(), new.dtype, new.exact)
            )
        elif ref.modes.grad:
            variable.kept_grad = ref.ops.add(old, new)
        else:
            # In place, as documented: whoever holds the old gradient sees the sum.
            total = ref.ops.add(old, new)
            old.array[...] = total.array
            old.exact = total.exact
            old.cell[0] += 1
        if variable.post_accumulate is not None:
            for hook in variable.post_accumulate.snapshot():
                hook(variable)
        return ()


NOTHING: dict[str, Any] = {}
