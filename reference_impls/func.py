"""Function transforms: ``torch.func``. Reverse mode is the tape's, forward mode is that of ``dual``."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import batching, dual, mapping
from .structural import CLONE
from .trees import form, leaves, rebuild

if TYPE_CHECKING:
    from .reference import Reference
    from .tensor import Tensor

Argnums = int | tuple[int, ...]


def chosen(args: tuple, argnums: Argnums) -> tuple:
    """The arguments to differentiate by."""
    numbers = (argnums,) if isinstance(argnums, int) else argnums
    if len(set(numbers)) < len(numbers):
        raise RuntimeError(f"argnums {argnums} names an argument twice")
    try:
        return tuple(args[n] for n in numbers)
    except IndexError:
        raise RuntimeError(f"argnums {argnums} is out of range for {len(args)} arguments") from None


def replaced(args: tuple, argnums: Argnums, values: tuple) -> tuple:
    """The arguments with others in the place of the chosen ones."""
    numbers = (argnums,) if isinstance(argnums, int) else argnums
    changed = list(args)
    for number, value in zip(numbers, values, strict=True):
        changed[number] = value
    return tuple(changed)


class Transforms:
    """The transforms of one reference, under torch's names."""

    def __init__(self, ref: Reference) -> None:
        self._ref = ref
        self._make = batching.paired(ref, functools.partial(_made, ref))
        self._unpack = batching.lifted(ref, functools.partial(_unpacked, ref))

    # What they are made of

    def _each(self, tree: Any, function: Callable[[Any], Any]) -> Any:
        """A tree with a function of each of its leaves, slice by slice where they are batched."""
        return rebuild(tree, (self._one(leaf, function) for leaf in leaves(tree)))

    def _one(self, leaf: Any, function: Callable[[Any], Any]) -> Any:
        if type(leaf) is not self._ref.Batched:
            return function(leaf)
        parts = [self._one(part, function) for part in leaf.parts]
        return batching.of_slices(self._ref, parts, leaf.level)

    def _checked(self, tree: Any) -> Any:
        for leaf in leaves(tree):
            if not isinstance(leaf, self._ref.Tensor):
                raise RuntimeError(f"a transformed function has to return tensors, not {type(leaf).__name__}")
        return tree

    def _stand_in(self, leaf: Any) -> Any:
        """A copy that records what is done with it."""
        if not isinstance(leaf, self._ref.Tensor):
            raise ValueError(f"expected tensors, got {type(leaf).__name__}")
        if leaf.dtype.category < 2:
            raise RuntimeError(
                f"a transform can only differentiate floating and complex inputs, not {leaf.dtype}"
            )
        if leaf.requires_grad:  # what encloses this transform has to see through it
            return self._ref.apply(CLONE, (leaf,), {})
        return dual.without_history(self._ref, leaf).requires_grad_()

    def _gradients(
        self, outputs: Sequence[Any], inputs: Sequence[Any], cotangents: Sequence[Any]
    ) -> list[Tensor]:
        """Gradients that can be differentiated again; zeros where there is no influence."""
        ref = self._ref
        if batching.present(ref, (outputs, inputs, cotangents)):
            return batching.over_slices(ref, self._gradients, (outputs, inputs, cotangents), {})
        return dual.pushforward(ref, outputs, inputs, cotangents)

    def _settled(self, tree: Any) -> Any:
        """Results, without the part of their history that only leads to stand-ins of finished transforms."""

        def settled(leaf: Any) -> Any:
            if not isinstance(leaf, self._ref.Tensor) or not leaf.requires_grad:
                return leaf
            if self._ref.modes.grad and self._matters(leaf):
                return leaf
            return dual.without_history(self._ref, leaf)

        return self._each(tree, settled)

    def _matters(self, tensor: Tensor) -> bool:
        """Whether a leaf other than a finished stand-in lies under a tensor."""
        edge = self._ref.edge(tensor)
        if edge is None:
            return False
        seen, pending = {edge[0]}, [edge[0]]
        while pending:
            node = pending.pop()
            variable = getattr(node, "variable", None)
            if variable is not None and not variable.transient:
                return True
            for following in node.edges:
                if following is not None and following[0] not in seen:
                    seen.add(following[0])
                    pending.append(following[0])
        return False

    def _finish(self, tree: Any) -> None:
        def finish(leaf: Any) -> Any:
            if leaf.requires_flag:  # a stand-in, not the copy of what an enclosing autograd watches
                leaf.transient = True
            return leaf

        self._each(tree, finish)

    def _recording(self) -> Any:
        return self._ref.torch.enable_grad()

    # Reverse mode

    def grad_and_value(self, func: Callable, argnums: Argnums = 0, has_aux: bool = False) -> Callable:
        """Gradient and value of a function with a scalar result."""

        @functools.wraps(func)
        def transformed(*args: Any, **kwargs: Any) -> Any:
            with self._recording():
                fresh = self._each(chosen(args, argnums), self._stand_in)
                with batching.frame(self._ref, "reverse"):
                    result = func(*replaced(args, argnums, fresh), **kwargs)
                value, aux = _pair(result) if has_aux else (result, None)
                if not isinstance(value, self._ref.Tensor) or value.array.size != 1:
                    raise RuntimeError("grad needs a function that returns a tensor of a single element")
                one = self._ref.tensor_from(np.ones(value.array.shape), value.dtype)
                found = self._gradients([value], list(leaves(fresh)), [one])
                self._finish(fresh)
            gradient, value = self._settled(rebuild(fresh, iter(found))), self._settled(value)
            gradient = gradient[0] if isinstance(argnums, int) else gradient
            return (gradient, (value, self._settled(aux))) if has_aux else (gradient, value)

        return transformed

    def grad(self, func: Callable, argnums: Argnums = 0, has_aux: bool = False) -> Callable:
        """The gradient of a function with a scalar result."""
        both = self.grad_and_value(func, argnums, has_aux)

        @functools.wraps(func)
        def transformed(*args: Any, **kwargs: Any) -> Any:
            gradient, value = both(*args, **kwargs)
            return (gradient, value[1]) if has_aux else gradient

        return transformed

    def vjp(self, func: Callable, *primals: Any, has_aux: bool = False) -> Any:
        """The value, and the function from cotangents of the result to those of the primals."""
        with self._recording():
            fresh = self._each(primals, self._stand_in)
            with batching.frame(self._ref, "reverse"):
                result = func(*fresh)
            output, aux = _pair(result) if has_aux else (result, None)
            targets, outputs = list(leaves(fresh)), list(leaves(self._checked(output)))

        def pullback(*cotangents: Any) -> Any:
            given = list(leaves(cotangents))
            if form(cotangents) != (form(output),):
                raise RuntimeError(f"the cotangents do not have the structure of the {len(outputs)} results")
            for result, cotangent in zip(outputs, given, strict=True):
                if result.array.shape != cotangent.array.shape:
                    raise RuntimeError(
                        f"a cotangent of shape {cotangent.array.shape} for a result of {result.array.shape}"
                    )
            with self._recording():
                found = self._gradients(outputs, targets, given)
            return self._settled(rebuild(fresh, iter(found)))

        self._finish(fresh)
        value = self._settled(output)
        return (value, pullback, self._settled(aux)) if has_aux else (value, pullback)

    # Forward mode

    def _parted(self, tree: Any, level: int) -> tuple[Any, Any]:
        """The primals and the tangents of a tree; zeros where there is none."""
        primals, tangents = [], []
        for leaf in leaves(tree):
            both = self._unpack(leaf, level) if isinstance(leaf, self._ref.Tensor) else (leaf, None)
            primals.append(both[0])
            tangents.append(both[1])
        return rebuild(tree, iter(primals)), rebuild(tree, iter(tangents))

    def jvp(
        self, func: Callable, primals: tuple, tangents: tuple, *, strict: bool = False, has_aux: bool = False
    ) -> Any:
        """The value, and how it changes with the primals in the direction of the tangents."""
        if not isinstance(primals, tuple) or not isinstance(tangents, tuple):
            raise RuntimeError("primals and tangents are tuples")
        if form(primals) != form(tangents) or not primals:
            raise RuntimeError("primals and tangents have different structures")
        with batching.frame(self._ref, "forward") as level:
            pairs = zip(leaves(primals), leaves(tangents), strict=True)
            result = func(*rebuild(primals, (self._make(p, t, level) for p, t in pairs)))
            output, aux = _pair(result) if has_aux else (result, None)
            value, change = self._parted(self._checked(output), level)
            aux = self._parted(aux, level)[0]
        return (value, change, aux) if has_aux else (value, change)

    def linearize(self, func: Callable, *primals: Any) -> tuple[Any, Callable]:
        """The value, and the function from tangents of the primals to that of the result."""
        ref = self._ref
        inputs = list(leaves(primals))
        output = func(*primals)
        with self._recording():
            directions = [ref.zeros(p.array.shape, p.dtype).requires_grad_() for p in inputs]
            _, change = self.jvp(func, primals, rebuild(primals, iter(directions)))
            changes = list(leaves(change))
            dummies = [ref.zeros(c.array.shape, c.dtype).requires_grad_() for c in changes]
            pulled = self._gradients(changes, directions, dummies)
        self._finish((directions, dummies))

        def pushed(*tangents: Any) -> Any:
            if form(tangents) != form(primals):
                raise RuntimeError("primals and tangents have different structures")
            given = list(leaves(tangents))
            for p, t in zip(inputs, given, strict=True):
                if p.array.shape != t.array.shape or p.dtype is not t.dtype:
                    raise RuntimeError(f"a tangent {t.dtype}{t.shape} for a primal {p.dtype}{p.shape}")
            with self._recording():
                found = self._gradients(pulled, dummies, given)
            return self._settled(rebuild(change, iter(found)))

        return output, pushed

    # Others

    def functionalize(self, func: Callable, *, remove: str = "mutations") -> Callable:
        """The function itself: here nothing would be gained by replacing its writes."""
        if remove not in ("mutations", "mutations_and_views"):
            raise RuntimeError(f"remove is 'mutations' or 'mutations_and_views', not {remove!r}")
        return functools.wraps(func)(lambda *args, **kwargs: func(*args, **kwargs))

    def debug_unwrap(self, tensor: Any, *, recurse: bool = True) -> Any:
        """The tensor of all slices that a batched one stands for."""
        while type(tensor) is self._ref.Batched:
            tensor, _ = mapping.whole(self._ref, tensor, tensor.level)
            if not recurse:
                break
        return tensor

    def vmap(self, func: Callable, in_dims=0, out_dims=0, randomness="error", *, chunk_size=None) -> Callable:
        """See ``mapping``."""
        return mapping.vmap(self._ref, func, in_dims, out_dims, randomness, chunk_size=chunk_size)


def _pair(result: Any) -> tuple[Any, Any]:
    if not isinstance(result, tuple) or len(result) != 2:
        raise RuntimeError("with has_aux a function has to return a pair (output, aux)")
    return result


def _made(ref: Reference, primal: Any, direction: Any, level: int) -> Any:
    """A dual tensor; the types and forms that ``torch.func.jvp`` refuses are RuntimeErrors all."""
    for value in (primal, direction):
        if not isinstance(value, ref.Tensor):
            raise RuntimeError(f"expected tensors, got {type(value).__name__}")
    return dual.make(ref, primal, direction, level)


def _unpacked(ref: Reference, tensor: Any, level: int) -> tuple[Any, Any]:
    direction = dual.tangent(ref, tensor, level)
    zeros = ref.zeros(tensor.array.shape, tensor.dtype) if direction is None else direction
    return dual.primal(ref, tensor, level), zeros


def for_reference(ref: Reference) -> dict[str, Any]:
    """The names of ``torch.func`` that transform functions."""
    from .jacobians import Jacobians

    transforms = Jacobians(ref)
    return {name: getattr(transforms, name) for name in dir(transforms) if not name.startswith("_")}
