"""Function transforms: ``torch.func``. Reverse mode is the tape's; forward mode is reverse mode, twice.

The vector-Jacobian product is linear in its cotangent, so its own vector-Jacobian product, with respect to
the cotangent, is the Jacobian-vector product. No rule is needed for it, and it nests.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .structural import CLONE

if TYPE_CHECKING:
    from .reference import Reference
    from .tensor import Tensor


def leaves(tree: Any) -> Iterator[Any]:
    """The leaves of nested tuples, lists and dicts, in order."""
    if isinstance(tree, dict):
        for value in tree.values():
            yield from leaves(value)
    elif isinstance(tree, (tuple, list)):
        for value in tree:
            yield from leaves(value)
    else:
        yield tree


def rebuild(tree: Any, values: Iterator[Any]) -> Any:
    """A tree of the same form with other leaves."""
    if isinstance(tree, dict):
        return {key: rebuild(value, values) for key, value in tree.items()}
    if isinstance(tree, (tuple, list)):
        items = [rebuild(value, values) for value in tree]
        return type(tree)(*items) if hasattr(tree, "_fields") else type(tree)(items)
    return next(values)


class Transforms:
    """The transforms of one reference, under torch's names."""

    def __init__(self, ref: Reference) -> None:
        self._ref = ref

    # What they are made of

    def _fresh(self, tree: Any) -> Any:
        """The tree with a stand-in for each tensor, which records what is done with it."""
        return rebuild(tree, (self._stand_in(leaf) for leaf in leaves(tree)))

    def _stand_in(self, leaf: Any) -> Any:
        if not isinstance(leaf, self._ref.Tensor):
            raise TypeError(f"expected tensors, got {type(leaf).__name__}")
        if leaf.dtype.category < 2:
            raise RuntimeError(
                f"a transform can only differentiate floating and complex inputs, not {leaf.dtype}"
            )
        if leaf.requires_grad:  # what encloses this transform has to see through it
            return self._ref.apply(CLONE, (leaf,), {})
        return leaf.detach().requires_grad_()

    def _gradients(
        self, outputs: Sequence[Any], inputs: Sequence[Any], cotangents: Sequence[Any]
    ) -> list[Tensor]:
        """Gradients that can be differentiated again; zeros where there is no influence."""
        ref = self._ref
        pairs = [(o, c) for o, c in zip(outputs, cotangents, strict=True) if o.requires_grad]
        if not pairs:
            return [ref.zeros(i.array.shape, i.dtype) for i in inputs]
        own, given = zip(*pairs, strict=True)
        return list(ref.torch.autograd.grad(own, inputs, given, create_graph=True, materialize_grads=True))

    def _settled(self, tree: Any, aux: bool = False) -> Any:
        """Results, without the part of their history that only leads to stand-ins of finished transforms."""

        def settled(leaf: Any) -> Any:
            if not isinstance(leaf, self._ref.Tensor):
                if aux:
                    return leaf
                raise RuntimeError(f"a transformed function has to return tensors, not {type(leaf).__name__}")
            return leaf if self._ref.modes.grad and self._matters(leaf) else leaf.detach()

        return rebuild(tree, (settled(leaf) for leaf in leaves(tree)))

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
        for leaf in leaves(tree):
            if leaf.requires_flag:  # a stand-in, not the copy of what an enclosing autograd watches
                leaf.transient = True

    def _recording(self) -> Any:
        return self._ref.torch.enable_grad()

    # Reverse mode

    def grad_and_value(
        self, func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False
    ) -> Callable:
        """Gradient and value of a function with a scalar result."""

        @functools.wraps(func)
        def transformed(*args: Any, **kwargs: Any) -> Any:
            with self._recording():
                chosen = self._chosen(args, argnums)
                fresh = self._fresh(chosen)
                result = func(*self._replaced(args, argnums, fresh), **kwargs)
                value, aux = result if has_aux else (result, None)
                if not isinstance(value, self._ref.Tensor) or value.array.ndim:
                    raise RuntimeError("grad needs a function that returns a scalar tensor")
                targets = list(leaves(fresh))
                one = self._ref.tensor_from(np.ones(()), value.dtype)
                found = self._gradients([value], targets, [one])
                self._finish(fresh)
            gradient, value = self._settled(rebuild(fresh, iter(found))), self._settled(value)
            gradient = gradient[0] if isinstance(argnums, int) else gradient
            return (gradient, (value, self._settled(aux, aux=True))) if has_aux else (gradient, value)

        return transformed

    def grad(self, func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable:
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
            fresh = self._fresh(primals)
            result = func(*fresh)
            output, aux = result if has_aux else (result, None)
            targets = list(leaves(fresh))

        def pullback(*cotangents: Any) -> Any:
            given = list(leaves(cotangents))
            outputs = list(leaves(output))
            if len(given) != len(outputs):
                raise RuntimeError(f"expected {len(outputs)} cotangents, got {len(given)}")
            with self._recording():
                found = self._gradients(outputs, targets, given)
            return self._settled(rebuild(fresh, iter(found)))

        self._finish(fresh)
        value = self._settled(output)
        return (value, pullback, self._settled(aux, aux=True)) if has_aux else (value, pullback)

    # Forward mode

    def jvp(self, func: Callable, primals: tuple, tangents: tuple, *, has_aux: bool = False) -> Any:
        """The value, and how it changes with the primals in the direction of the tangents."""
        if not isinstance(primals, tuple) or not isinstance(tangents, tuple):
            raise RuntimeError("primals and tangents are tuples")
        directions = list(leaves(tangents))
        if len(directions) != len(list(leaves(primals))):
            raise RuntimeError("primals and tangents have different structures")
        for primal, tangent in zip(leaves(primals), directions, strict=True):
            if primal.array.shape != tangent.array.shape:
                raise RuntimeError(
                    f"a tangent of shape {tangent.array.shape} for a primal of {primal.array.shape}"
                )
        with self._recording():
            fresh = self._fresh(primals)
            result = func(*fresh)
            output, aux = result if has_aux else (result, None)
            outputs = list(leaves(output))
            changes = self._pushed(outputs, list(leaves(fresh)), directions)
        self._finish(fresh)
        value, tangent = self._settled(output), self._settled(rebuild(output, iter(changes)))
        return (value, tangent, self._settled(aux, aux=True)) if has_aux else (value, tangent)

    def _pushed(self, outputs: list[Tensor], inputs: list[Tensor], directions: list[Tensor]) -> list[Tensor]:
        """Tangents of the outputs: the pullback of the pullback."""
        ref = self._ref
        dummies = [ref.zeros(o.array.shape, o.dtype) for o in outputs]
        for dummy in dummies:
            if dummy.dtype.category >= 2:
                dummy.requires_grad_().transient = True
        pulled = self._gradients(outputs, inputs, dummies)
        return self._gradients(pulled, dummies, directions)

    # Jacobians

    def _chosen(self, args: tuple, argnums: int | tuple[int, ...]) -> tuple:
        numbers = (argnums,) if isinstance(argnums, int) else argnums
        try:
            return tuple(args[n] for n in numbers)
        except IndexError:
            raise RuntimeError(f"argnums {argnums} is out of range for {len(args)} arguments") from None

    def _replaced(self, args: tuple, argnums: int | tuple[int, ...], values: tuple) -> tuple:
        numbers = (argnums,) if isinstance(argnums, int) else argnums
        replaced = list(args)
        for number, value in zip(numbers, values, strict=True):
            replaced[number] = value
        return tuple(replaced)

    def _units(self, like: Tensor) -> list[Tensor]:
        """The unit tensors of a shape, one for each element."""
        eye = np.eye(like.array.size, dtype=like.dtype.storage)
        return [self._ref.tensor_from(row.reshape(like.array.shape), like.dtype) for row in eye]

    def _stacked(self, columns: list[Tensor], shape: tuple[int, ...], last: bool) -> Tensor:
        """Slices of a Jacobian, one for each element of ``shape``, joined along dimensions in its place."""
        ops = self._ref.ops
        if not columns:
            return self._ref.zeros(shape, self._ref.default_dtype)
        joined = ops.stack(columns, -1 if last else 0)
        rest = tuple(columns[0].array.shape)
        return ops.reshape(joined, rest + shape if last else shape + rest)

    def jacrev(
        self, func: Callable, argnums: int | tuple[int, ...] = 0, *, has_aux: bool = False, **options
    ) -> Callable:
        """The Jacobian, a row at a time in reverse mode."""

        @functools.wraps(func)
        def transformed(*args: Any, **kwargs: Any) -> Any:
            chosen = self._chosen(args, argnums)

            def restricted(*values: Any) -> Any:
                return func(*self._replaced(args, argnums, values), **kwargs)

            output, pullback, *aux = self.vjp(restricted, *chosen, has_aux=has_aux)
            outputs = list(leaves(output))
            jacobians = []
            for i, result in enumerate(outputs):
                rows = []
                for unit in self._units(result):
                    cotangents = [self._ref.zeros(o.array.shape, o.dtype) for o in outputs]
                    cotangents[i] = unit
                    rows.append(list(leaves(pullback(rebuild(output, iter(cotangents))))))
                each = [
                    self._stacked(list(c), result.array.shape, last=False) for c in zip(*rows, strict=True)
                ]
                each = rebuild(chosen, iter(each))
                jacobians.append(each[0] if isinstance(argnums, int) else each)
            jacobian = rebuild(output, iter(jacobians))
            return (jacobian, aux[0]) if has_aux else jacobian

        return transformed

    def jacfwd(
        self, func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False, **options
    ) -> Callable:
        """The Jacobian, a column at a time in forward mode."""

        @functools.wraps(func)
        def transformed(*args: Any, **kwargs: Any) -> Any:
            chosen = self._chosen(args, argnums)
            inputs = list(leaves(chosen))
            extra: list[Any] = []

            def restricted(*values: Any) -> Any:
                return func(*self._replaced(args, argnums, values), **kwargs)

            output: Any = None
            parts: list[list[Tensor]] = []
            for i, value in enumerate(inputs):
                columns = []
                for unit in self._units(value):
                    tangents = [self._ref.zeros(v.array.shape, v.dtype) for v in inputs]
                    tangents[i] = unit
                    output, change, *extra = self.jvp(
                        restricted, chosen, rebuild(chosen, iter(tangents)), has_aux=has_aux
                    )
                    columns.append(list(leaves(change)))
                parts.append(
                    [self._stacked(list(c), value.array.shape, last=True) for c in zip(*columns, strict=True)]
                )
            jacobians = []
            for own in zip(*parts, strict=True):
                each = rebuild(chosen, iter(own))
                jacobians.append(each[0] if isinstance(argnums, int) else each)
            jacobian = rebuild(output, iter(jacobians))
            return (jacobian, extra[0]) if has_aux else jacobian

        return transformed

    def hessian(self, func: Callable, argnums: int | tuple[int, ...] = 0) -> Callable:
        """Second derivatives: forward over reverse."""
        return self.jacfwd(self.jacrev(func, argnums), argnums)

    # Batches

    def vmap(
        self,
        func: Callable,
        in_dims: Any = 0,
        out_dims: Any = 0,
        randomness: str = "error",
        chunk_size: Any = None,
    ) -> Callable:
        """The function on each slice, one after the other."""

        @functools.wraps(func)
        def transformed(*args: Any, **kwargs: Any) -> Any:
            dims = self._spread(in_dims, args)
            given = list(leaves(args))
            sizes = {a.array.shape[d] for a, d in zip(given, dims, strict=True) if d is not None}
            if len(sizes) != 1:
                raise ValueError(
                    f"vmap needs inputs of one common size along the mapped dimension, got {sizes}"
                )
            slices = []
            for i in range(sizes.pop()):
                part = (
                    a if d is None else self._ref.ops.select(a, d, i)
                    for a, d in zip(given, dims, strict=True)
                )
                slices.append(func(*rebuild(args, part), **kwargs))
            ends = self._spread(out_dims, slices[0])
            columns = zip(*(list(leaves(s)) for s in slices), strict=True)
            joined = (self._ref.ops.stack(c, d) for c, d in zip(columns, ends, strict=True))
            return rebuild(slices[0], joined)

        return transformed

    def _spread(self, dims: Any, tree: Any) -> list[Any]:
        """One dimension for each leaf, from one for all or one for each argument."""
        if isinstance(dims, int) or dims is None:
            return [dims] * len(list(leaves(tree)))
        spread: list[Any] = []
        for dim, part in zip(dims, tree, strict=True):
            spread.extend(self._spread(dim, part))
        return spread


def for_reference(ref: Reference) -> dict[str, Any]:
    """The names of ``torch.func``."""
    transforms = Transforms(ref)
    return {name: getattr(transforms, name) for name in dir(transforms) if not name.startswith("_")}
