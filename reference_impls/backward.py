"""The backward pass: nodes in the order of a heap by sequence number, without recursion."""

from __future__ import annotations

import heapq
import math
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import graph, settings
from .dtypes import DType
from .structural import CAST, CLONE
from .tape import AccumulateGrad, Node

if TYPE_CHECKING:
    from .reference import Reference
    from .tensor import Tensor

CATEGORY_OF_KIND = {"b": 0, "i": 1, "u": 1, "f": 2, "c": 3}


def fit(ref: Reference, grad: Any, shape: tuple[int, ...], dtype: DType) -> Tensor:
    """A cotangent in the shape, dtype and realness of what it is the cotangent of.

    Here broadcasting is undone, and a real input of a complex operator gets the real part.
    """
    if not isinstance(grad, ref.Tensor):
        grad = ref.as_tensor(grad)
    if grad.array.shape != shape:
        if grad.array.ndim <= len(shape) and grad.array.size == 1:
            grad = ref.ops.expand(grad, shape)
        else:
            grad = ref.ops.sum_to(grad, shape=shape)
    if (
        grad.dtype is not dtype
        or CATEGORY_OF_KIND.get(grad.array.dtype.kind, dtype.category) != dtype.category
    ):
        grad = ref.apply(CAST, (grad,), {"dtype": dtype})
    return grad


class Run:
    """One backward pass, from roots to leaves or to ``targets``."""

    def __init__(
        self,
        ref: Reference,
        roots: Sequence[tuple[Node, int, Any]],
        *,
        keep_graph: bool,
        create_graph: bool,
        targets: Sequence[tuple[Node, int]] | None = None,
        accumulate: bool,
    ) -> None:
        self.ref = ref
        self.number = ref.next_sequence()
        self.keep_graph = keep_graph
        self.create_graph = create_graph
        self.accumulate = accumulate
        self.targets = None if targets is None else frozenset(targets)
        self.captured: dict[tuple[Node, int], Tensor] = {}
        self._heap: list[tuple[int, Node]] = []
        self._buffers: dict[Node, list[Any]] = {}
        self._roots = roots
        self._needed: set[Node] | None = None
        if targets is not None:
            self._needed = self._leading_to({node for node, _ in targets})

    def execute(self) -> dict[tuple[Node, int], Tensor]:
        """Runs, and returns the cotangents of the targets that were reached."""
        ref = self.ref
        for node, index, grad in self._roots:
            self._receive(node, index, grad)
        before = ref.modes.grad
        ref.modes.grad = self.create_graph
        running = ref.modes.running
        ref.modes.running = (*running, self)
        heap = self._heap
        try:
            while heap:
                self._visit(heapq.heappop(heap)[1])
        finally:
            ref.modes.grad = before
            ref.modes.running = running
        return self.captured

    def will_reach(self, node: Node) -> bool:
        """Whether this pass visits a node."""
        return node in (self._leading_to(None) if self._needed is None else self._needed)

    def _leading_to(self, targets: set[Node] | None) -> set[Node]:
        """The nodes with a path to a target (None: all), found in topological order."""
        reachable = {node for node, _, _ in self._roots}
        pending = list(reachable)
        while pending:
            for edge in pending.pop().edges:
                if edge is not None and edge[0] not in reachable:
                    reachable.add(edge[0])
                    pending.append(edge[0])
        if targets is None:
            return reachable
        needed: set[Node] = set()
        for node in sorted(reachable, key=lambda node: node.sequence):
            if node in targets or any(edge is not None and edge[0] in needed for edge in node.edges):
                needed.add(node)
        return needed

    def _receive(self, node: Node, index: int, grad: Any) -> None:
        shape, dtype = node.outputs[index]
        if type(grad) is not self.ref.Tensor or grad.array.shape != shape or grad.dtype is not dtype:
            grad = fit(self.ref, grad, shape, dtype)
        buffer = self._buffers.get(node)
        if buffer is None:
            buffer = self._buffers[node] = [None] * len(node.outputs)
            heapq.heappush(self._heap, (-node.sequence, node))
        old = buffer[index]
        buffer[index] = grad if old is None else self.ref.ops.add(old, grad)

    def _visit(self, node: Node) -> None:
        """Hooks of the tensors, hooks before the node, kept gradients, the node, hooks after it: in this order."""
        grads = self._buffers.pop(node)
        leaf = isinstance(node, AccumulateGrad)
        hooks = {0: node.variable.leaf_hooks} if isinstance(node, AccumulateGrad) else node.tensor_hooks
        for index, registered in hooks.items() if hooks else ():
            if registered and grads[index] is not None:
                grads[index] = self._hooked(registered, grads[index], index, node)
        targeted = False
        if self.targets is not None:
            for index in range(len(grads)):
                if (node, index) in self.targets and grads[index] is not None:
                    self.captured[node, index] = grads[index]
                    targeted = True
        needed = self._needed
        wanted = [edge is not None and (needed is None or edge[0] in needed) for edge in node.edges]
        # ``backward`` runs the nodes of its ``inputs`` too, ``grad`` does not.
        runs = needed is None or (not leaf and any(wanted)) or (targeted and self.accumulate)
        if runs and node.prehooks is not None:
            grads = self._call_prehooks(node, grads)
        if node.retained is not None:
            self._retain(node.retained, grads)
        if runs:
            self._execute(node, grads, wanted)

    def _execute(self, node: Node, grads: list[Any], wanted: list[bool]) -> None:
        sent = node.run(self.ref, grads, wanted)
        if node.posthooks is not None:
            sent = self._call_posthooks(node, sent, grads)
        if self.ref.modes.anomaly == (True, True):
            settings.check(node, sent)
        if not self.keep_graph:
            node.release()
        for edge, want, grad in zip(node.edges, wanted, sent, strict=False):
            if want and grad is not None:
                self._receive(edge[0], edge[1], grad)

    def _retain(self, keepers: dict[int, weakref.ref], grads: list[Any]) -> None:
        for index, keeper in keepers.items():
            tensor, grad = keeper(), grads[index]
            if tensor is None or grad is None:
                continue
            old = tensor.kept_grad
            tensor.kept_grad = (
                self.ref.apply(CLONE, (grad,), {}) if old is None else self.ref.ops.add(old, grad)
            )

    def _hooked(self, hooks: Any, grad: Any, index: int, node: Node) -> Any:
        for hook in hooks.snapshot():
            replaced = hook(grad)
            if replaced is not None:
                grad = self._checked(replaced, node.outputs[index])
        return grad

    def _checked(self, grad: Any, output: tuple[tuple[int, ...], DType]) -> Any:
        if not isinstance(grad, self.ref.Tensor):
            raise TypeError(f"a hook has to return None or a tensor, not {type(grad).__name__}")
        if grad.array.shape != output[0]:
            raise RuntimeError(
                f"a hook changed the shape of a gradient from {output[0]} to {grad.array.shape}"
            )
        if grad.dtype is not output[1]:
            raise RuntimeError(f"a hook changed the dtype of a gradient from {output[1]} to {grad.dtype}")
        return grad

    def _call_prehooks(self, node: Node, grads: list[Any]) -> list[Any]:
        for hook in node.prehooks.snapshot() if node.prehooks else ():
            replaced = hook(tuple(grads))
            if replaced is not None:
                grads = list(replaced) if isinstance(replaced, (tuple, list)) else [replaced]
        return grads

    def _call_posthooks(self, node: Node, sent: Sequence[Any], grads: list[Any]) -> Sequence[Any]:
        sent = tuple(sent)
        for hook in node.posthooks.snapshot() if node.posthooks else ():
            replaced = hook(sent, tuple(grads))
            if replaced is not None:
                replaced = replaced if isinstance(replaced, (tuple, list)) else (replaced,)
                if len(replaced) != len(sent):
                    raise RuntimeError(
                        f"a hook returned {len(replaced)} gradients where there are {len(sent)}"
                    )
                sent = replaced
        return sent


def roots(
    ref: Reference, tensors: Sequence[Any], cotangents: Sequence[Any], what: str
) -> list[tuple[Node, int, Any]]:
    """Where backward starts: each tensor's edge, with its cotangent or the implicit one of a scalar."""
    if len(cotangents) != len(tensors):
        raise RuntimeError(f"got {len(tensors)} tensors and {len(cotangents)} {what}")
    starts = []
    for tensor, cotangent in zip(tensors, cotangents, strict=True):
        edge = graph.edge(ref, tensor)
        shape, dtype = graph.expected(tensor)
        if cotangent is None:
            if edge is not None:
                if math.prod(shape) != 1:
                    raise RuntimeError("grad can be implicitly created only for scalar outputs")
                if dtype.is_complex:
                    raise RuntimeError("grad can be implicitly created only for real scalar outputs")
                cotangent = ref.wrap(ref.arithmetic.from_numpy(np.ones(shape)), dtype, True)
        elif not isinstance(cotangent, ref.Tensor):
            raise TypeError(f"gradients are tensors or None, not {type(cotangent).__name__}")
        elif cotangent.array.shape != shape:
            raise RuntimeError(
                f"a gradient of shape {cotangent.array.shape} does not fit an output of {shape}"
            )
        elif cotangent.dtype.is_complex != dtype.is_complex:
            raise RuntimeError(f"a gradient of {cotangent.dtype} does not fit an output of {dtype}")
        if edge is None:
            raise RuntimeError("element of tensors does not require grad and does not have a grad_fn")
        starts.append((*edge, cotangent))
    return starts


def _sequence_of(ref: Reference, value: Any) -> tuple[Any, ...]:
    if isinstance(value, dict):
        return tuple(value.values())
    alone = value is None or isinstance(value, (ref.Tensor, graph.GradientEdge))
    return (value,) if alone else tuple(value)


def _targets(ref: Reference, inputs: tuple[Any, ...], what: str) -> list[tuple[Node, int]]:
    found = [graph.edge(ref, value) for value in inputs]
    if None in found:
        raise RuntimeError(f"one of the {what} does not require grad")
    return [edge for edge in found if edge is not None]


def for_reference(ref: Reference) -> dict[str, Any]:
    """``torch.autograd.backward`` and ``torch.autograd.grad``."""

    def backward(
        tensors: Any,
        grad_tensors: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        grad_variables: Any = None,
        inputs: Any = None,
    ) -> None:
        """Adds gradients of ``tensors`` to the ``.grad`` of the leaves, or of ``inputs``."""
        outputs = _sequence_of(ref, tensors)
        cotangents = (None,) * len(outputs) if grad_tensors is None else _sequence_of(ref, grad_tensors)
        targets = None
        if inputs is not None:
            wanted = _sequence_of(ref, inputs)
            if not wanted:
                raise RuntimeError("inputs cannot be empty")
            targets = _targets(ref, wanted, "inputs")
            for value in wanted:
                if isinstance(value, ref.Tensor):
                    value.retain_grad()
        starts = roots(ref, outputs, cotangents, "grad_tensors")
        Run(
            ref,
            starts,
            keep_graph=create_graph if retain_graph is None else retain_graph,
            create_graph=create_graph,
            targets=targets,
            accumulate=True,
        ).execute()

    def grad(
        outputs: Any,
        inputs: Any,
        grad_outputs: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        only_inputs: bool = True,
        allow_unused: bool | None = None,
        is_grads_batched: bool = False,
        materialize_grads: bool = False,
    ) -> Any:
        """The gradients of ``outputs`` with respect to ``inputs``, by name where those are; no ``.grad`` changes."""
        if isinstance(inputs, dict):
            options = (create_graph, only_inputs, allow_unused, is_grads_batched, materialize_grads)
            found = grad(outputs, tuple(inputs.values()), grad_outputs, retain_graph, *options)
            return dict(zip(inputs, found, strict=True))
        if materialize_grads:
            if allow_unused is False:
                raise ValueError("materialize_grads=True needs allow_unused=True or None")
            allow_unused = True
        results = _sequence_of(ref, outputs)
        wanted = _sequence_of(ref, inputs)
        if is_grads_batched:
            rows = [None if g is None else list(g) for g in _sequence_of(ref, grad_outputs)]
            count = next(len(row) for row in rows if row is not None)
            each = [
                grad(
                    results, wanted, [row and row[i] for row in rows], True, create_graph, True, allow_unused
                )
                for i in range(count)
            ]
            return tuple(
                None if column[0] is None else ref.ops.stack(column) for column in zip(*each, strict=True)
            )
        cotangents = (None,) * len(results) if grad_outputs is None else _sequence_of(ref, grad_outputs)
        starts = roots(ref, results, cotangents, "grad_outputs")
        targets = _targets(ref, wanted, "differentiated tensors")
        found = Run(
            ref,
            starts,
            keep_graph=create_graph if retain_graph is None else retain_graph,
            create_graph=create_graph,
            targets=targets,
            accumulate=False,
        ).execute()
        gradients = []
        for tensor, target in zip(wanted, targets, strict=True):
            gradient = found.get(target)
            if gradient is None and not allow_unused:
                raise RuntimeError(
                    "one of the differentiated tensors appears to not have been used in the graph"
                )
            if gradient is None and materialize_grads:  # for derivatives of it, if there is to be a graph
                gradient = ref.zeros(*graph.expected(tensor)).requires_grad_(create_graph)
            gradients.append(gradient)
        return tuple(gradients)

    return {"backward": backward, "grad": grad}
