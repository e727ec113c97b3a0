"""Operators whose backward the user writes: ``torch.autograd.Function``."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from . import function_rules, views
from .saved import Packed, Saved
from .saved import save as save_tensor
from .tape import Node

if TYPE_CHECKING:
    from .reference import Reference
    from .tensor import Tensor


class Context:
    """``ctx``: what forward leaves for backward. Other attributes are the user's."""

    def __init__(self, ref: Reference, needs_input_grad: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs_input_grad
        self._ref = ref
        self._to_save: tuple[Any, ...] = ()
        self._for_forward: tuple[Any, ...] | None = None
        self._saved: list[Saved | Packed | None] | None = []
        self._dirty: tuple[Any, ...] = ()
        self._non_differentiable: tuple[Any, ...] = ()
        self._materialize = True
        self._node: weakref.ref[Node] | None = None

    def save_for_backward(self, *tensors: Any) -> None:
        """Saves inputs and results; what a later in-place operator does to them is noticed."""
        for tensor in tensors:
            if tensor is not None and not isinstance(tensor, self._ref.Tensor):
                raise TypeError(f"save_for_backward saves tensors, not {type(tensor).__name__}")
        self._to_save = tensors

    def save_for_forward(self, *tensors: Any) -> None:
        """Saves what ``jvp`` finds in ``saved_tensors``."""
        for tensor in tensors:
            if tensor is not None and not isinstance(tensor, self._ref.Tensor):
                raise TypeError(f"save_for_forward saves tensors, not {type(tensor).__name__}")
        self._for_forward = tensors

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        if self._for_forward is not None:
            return self._for_forward
        if self._saved is None:
            raise RuntimeError(
                "trying to backward through the graph a second time: the saved tensors were freed; "
                "the first backward needs retain_graph=True"
            )
        owner: Any = self._node and self._node()
        return tuple(None if saved is None else saved.unpack(self._ref, owner) for saved in self._saved)

    def mark_dirty(self, *tensors: Any) -> None:
        """Inputs that forward modifies in place and returns."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """Results that have no gradient."""
        self._non_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros (the default) or None for results without influence."""
        self._materialize = value


class FunctionNode(Node):
    """An application of a custom function. What it does not have is looked up in its ``ctx``."""

    def __init__(
        self,
        sequence: int,
        edges: Sequence[Any],
        positions: list[int],
        cls: type[Function],
        ctx: Context,
        count: int,
    ) -> None:
        super().__init__(sequence, edges, [])
        self.positions = positions
        """For each edge, the number of the argument of ``apply`` that it belongs to."""
        self.function = cls
        self.ctx = ctx
        self.arguments = count
        self.plain: set[int] = set()
        """Which results are no tensors: backward gets None in their place."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "ctx":
            raise AttributeError(name)
        return getattr(self.ctx, name)

    def name(self) -> str:
        return self.function.__name__ + "Backward"

    def run(
        self, ref: Reference, grads: list[Tensor | None], wanted: Sequence[bool]
    ) -> Sequence[Tensor | None]:
        ctx = self.ctx
        if ctx._materialize:
            grads = [
                ref.zeros(shape, dtype) if grad is None and index not in self.plain else grad
                for index, (grad, (shape, dtype)) in enumerate(zip(grads, self.outputs, strict=True))
            ]
        own = self.function.vjp is not Function.vjp  # another name for backward
        returned = (self.function.vjp if own else self.function.backward)(ctx, *grads)
        returned = list(returned) if isinstance(returned, (tuple, list)) else [returned]
        while len(returned) > self.arguments and returned[-1] is None:
            returned.pop()
        if len(returned) != self.arguments:
            raise RuntimeError(
                f"{self.name()} returned an incorrect number of gradients (expected {self.arguments}, "
                f"got {len(returned)})"
            )
        for position, grad in enumerate(returned):
            if grad is not None and not isinstance(grad, ref.Tensor):
                raise RuntimeError(
                    f"{self.name()} returned {type(grad).__name__} as a gradient, not a tensor or None"
                )
            if grad is not None and position not in self.positions:
                raise RuntimeError(
                    f"{self.name()} returned a gradient different from None at position {position + 1}, "
                    "where forward's argument was not a tensor"
                )
        for edge, position in zip(self.edges, self.positions, strict=True):
            grad = returned[position]
            if edge is not None and grad is not None and not fits(grad, edge[0].outputs[edge[1]][0]):
                raise RuntimeError(
                    f"{self.name()} returned a gradient of shape {grad.array.shape} at position {position + 1}"
                )
        return [returned[position] for position in self.positions]

    def release(self) -> None:
        if self.ctx._saved:
            self.ctx._saved = None


def fits(grad: Tensor, shape: tuple[int, ...]) -> bool:
    """Whether a gradient can become one of this shape: by broadcasting one element, or by undoing broadcasting."""
    padded = (1,) * (grad.array.ndim - len(shape)) + shape
    undone = all(n in (1, m) for n, m in zip(padded, grad.array.shape, strict=False))
    return grad.array.size == 1 or (undone and len(padded) == grad.array.ndim)


class RefusingNode(Node):
    """Stands where a function was declared to be differentiable once only."""

    def run(
        self, ref: Reference, grads: list[Tensor | None], wanted: Sequence[bool]
    ) -> Sequence[Tensor | None]:
        raise RuntimeError(
            "trying to differentiate twice a function that was marked with @once_differentiable"
        )


class Function:
    """Base of custom functions: subclass it with static ``forward`` and ``backward``, and call ``apply``."""

    _ref: Reference

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("a custom Function has to define forward")

    @staticmethod
    def setup_context(ctx: Context, inputs: tuple[Any, ...], output: Any) -> None:
        """With this, forward gets no ``ctx``; overriding it selects that form."""

    @staticmethod
    def backward(ctx: Context, *grads: Any) -> Any:
        raise NotImplementedError("a custom Function has to define backward to be differentiated")

    vjp = backward

    @staticmethod
    def jvp(ctx: Context, *tangents: Any) -> Any:
        raise NotImplementedError("a custom Function has to define jvp to be used in forward mode")

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        raise NotImplementedError("a custom Function has to define vmap to be mapped over")

    generate_vmap_rule = False

    @classmethod
    def _is_separate(cls) -> bool:
        """Whether forward gets no ``ctx``."""
        return cls.setup_context is not Function.setup_context

    @classmethod
    def _has_rule(cls) -> bool:
        return cls.vmap is not Function.vmap

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Runs forward without recording, and records the application itself."""
        if cls._ref.modes.frames:
            return function_rules.apply(cls, args)
        results, ctx = cls._recorded(args)
        ctx._for_forward = None
        return results

    @classmethod
    def _recorded(cls, args: tuple[Any, ...], output: Any = None) -> tuple[Any, Context]:
        """The results and the context; ``output`` is that of forward, where it is known already."""
        ref = cls._ref
        tensors = [(i, a) for i, a in enumerate(args) if isinstance(a, ref.Tensor)]
        needs = tuple(isinstance(a, ref.Tensor) and a.requires_grad for a in args)
        ctx = Context(ref, needs)
        recording = ref.modes.grad and any(needs)
        edges = [ref.edge(tensor) for _, tensor in tensors] if recording else []
        with ref.no_grad():
            if not cls._is_separate():
                output = cls.forward(ctx, *args)
            else:
                output = cls.forward(*args) if output is None else output
                cls.setup_context(ctx, args, output)
        outputs = output if isinstance(output, tuple) else (output,)
        for tensor in ctx._dirty:
            if not any(tensor is result for result in outputs):
                raise RuntimeError("some elements marked as dirty in forward were not returned as output")
        node = None
        if recording:
            node = FunctionNode(ref.next_sequence(), edges, [i for i, _ in tensors], cls, ctx, len(args))
            ctx._node = weakref.ref(node)
        given = {id(tensor) for _, tensor in tensors}
        results = tuple(cls._result(ctx, node, result, given) for result in outputs)
        if node is not None:
            ctx._saved = [cls._save(ctx, tensor, outputs, results) for tensor in ctx._to_save]
        ctx._to_save = ctx._dirty = ctx._non_differentiable = ()
        return (results if isinstance(output, tuple) else results[0]), ctx

    @classmethod
    def _result(cls, ctx: Context, node: FunctionNode | None, result: Any, given: set[int]) -> Any:
        """A result of forward, with its place in the graph."""
        ref = cls._ref
        if not isinstance(result, ref.Tensor):
            if node is not None:
                node.plain.add(len(node.outputs))
                node.outputs.append(((), ref.default_dtype))
            return result
        dirty = any(result is tensor for tensor in ctx._dirty)
        fixed = any(result is tensor for tensor in ctx._non_differentiable) or result.dtype.category < 2
        if id(result) in given and not dirty:
            with ref.no_grad():
                result = ref.ops.alias(result)
        if node is None:
            return result
        index = len(node.outputs)
        node.outputs.append((result.array.shape, result.dtype))
        if fixed:
            if not dirty:
                result.rebase(None, 0)
            return result
        if dirty:
            cls._rewrite(result, node, index)
            return result
        result.rebase(node, index)
        result.requires_flag = False
        if result.origin is not None:
            result.origin.refusal = views.CUSTOM
            result.origin.version = result.cell[0]
        return result

    @classmethod
    def _rewrite(cls, tensor: Tensor, node: FunctionNode, index: int) -> None:
        """The history of an input that forward modified goes through the function."""
        base = tensor if tensor.origin is None else tensor.origin.base
        if base.requires_flag and base.node is None:
            raise RuntimeError("a leaf that requires grad is being used in an in-place operation")
        if tensor.origin is None:
            views.adopt(tensor, node, index)
            return
        value = cls._ref.wrap(tensor.array, tensor.dtype, tensor.exact)
        value.node, value.output_nr = node, index
        views.refuse(tensor.origin)
        views.write_through(cls._ref, tensor.origin, value)

    @classmethod
    def _save(cls, ctx: Context, tensor: Any, outputs: tuple[Any, ...], results: tuple[Any, ...]) -> Any:
        if tensor is None:
            return None
        for original, result in zip(outputs, results, strict=True):
            if tensor is original and isinstance(result, cls._ref.Tensor) and result.node is not None:
                own = ctx._node is not None and result.node is ctx._node()
                if own:
                    return save_tensor(cls._ref, result, is_result=True)
        return save_tensor(cls._ref, tensor)


def for_reference(ref: Reference) -> tuple[dict[str, Any], Callable[[Callable], Callable]]:
    """The names of ``torch.autograd`` and the decorator of ``torch.autograd.function``."""

    def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
        """Declares that a custom backward cannot itself be differentiated."""

        @functools.wraps(backward)
        def guarded(ctx: Context, *grads: Any) -> Any:
            with ref.no_grad():
                returned = backward(ctx, *grads)
            sources = [g for g in grads if isinstance(g, ref.Tensor) and g.requires_grad]
            if not ref.modes.grad or not sources:
                return returned
            many = isinstance(returned, (tuple, list))
            guarded_returns = []
            for grad in returned if many else (returned,):
                if isinstance(grad, ref.Tensor):
                    output = [(grad.array.shape, grad.dtype)]
                    grad = grad.detach()
                    grad.node = RefusingNode(ref.next_sequence(), [ref.edge(g) for g in sources], output)
                guarded_returns.append(grad)
            return tuple(guarded_returns) if many else guarded_returns[0]

        return guarded

    own = type("Function", (Function,), {"_ref": ref, "__doc__": Function.__doc__})
    names = {"Function": own, "InplaceFunction": type("InplaceFunction", (own,), {})}
    return names, once_differentiable
