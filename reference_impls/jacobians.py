"""``jacrev``, ``jacfwd`` and ``hessian``: whole matrices of derivatives."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from . import batching
from .func import Argnums, Transforms, chosen, replaced
from .tensor import Tensor
from .trees import leaves, rebuild


class Jacobians(Transforms):
    """The transforms, and Jacobians made with them."""

    def _units(self, like: Tensor) -> list[Tensor]:
        """The unit tensors of a shape, one for each element."""
        eye = np.eye(like.array.size, dtype=like.dtype.storage)
        return [self._ref.tensor_from(row.reshape(like.array.shape), like.dtype) for row in eye]

    def _rows(self, rows: list[Tensor], like: Tensor, output: Tensor) -> Tensor:
        """Rows of a Jacobian, one for each element of an output, joined; ``like`` is the input."""
        public, shape = self._ref.ops.public, tuple(output.array.shape)
        if not rows:
            return self._ref.zeros(shape + tuple(like.array.shape), like.dtype)
        return public["reshape"](public["stack"](rows), shape + tuple(like.array.shape))

    def jacrev(
        self,
        func: Callable,
        argnums: Argnums = 0,
        *,
        has_aux: bool = False,
        chunk_size: int | None = None,
        _preallocate_and_copy: bool = False,
    ) -> Callable:
        """The Jacobian, a row at a time in reverse mode."""
        if chunk_size is not None and chunk_size <= 0:
            raise ValueError(f"chunk_size has to be positive, not {chunk_size}")

        @functools.wraps(func)
        def transformed(*args: Any, **kwargs: Any) -> Any:
            inputs = chosen(args, argnums)

            def restricted(*values: Any) -> Any:
                return func(*replaced(args, argnums, values), **kwargs)

            output, pullback, *aux = self.vjp(restricted, *inputs, has_aux=has_aux)
            outputs = list(leaves(output))
            jacobians = []
            for i, result in enumerate(outputs):
                found: list[list[Tensor]] = [[] for _ in leaves(inputs)]
                for unit in self._units(result):
                    cotangents = [self._ref.zeros(o.array.shape, o.dtype) for o in outputs]
                    cotangents[i] = unit
                    row = leaves(pullback(rebuild(output, iter(cotangents))))
                    for column, part in zip(found, row, strict=True):
                        column.append(part)
                pairs = zip(found, leaves(inputs), strict=True)
                each = rebuild(inputs, (self._rows(rows, like, result) for rows, like in pairs))
                jacobians.append(each[0] if isinstance(argnums, int) else each)
            jacobian = rebuild(output, iter(jacobians))
            return (jacobian, aux[0]) if has_aux else jacobian

        return transformed

    def jacfwd(
        self, func: Callable, argnums: Argnums = 0, has_aux: bool = False, *, randomness: str = "error"
    ) -> Callable:
        """The Jacobian, its columns at once in forward mode: a vmap over the tangents."""

        @functools.wraps(func)
        def transformed(*args: Any, **kwargs: Any) -> Any:
            inputs = chosen(args, argnums)
            primals = list(leaves(inputs))
            ref = self._ref
            public = ref.ops.public
            extra: list[Any] = []

            def restricted(*values: Any) -> Any:
                return func(*replaced(args, argnums, values), **kwargs)

            def pushed(*tangents: Any) -> Any:
                _, change, *aux = self.jvp(
                    restricted, inputs, rebuild(inputs, iter(tangents)), has_aux=has_aux
                )
                level = ref.modes.frames[-1].level
                extra[:] = [self._first(part, level) for part in aux]
                return change

            directions = []  # of each input: the unit tensors of all elements of all inputs
            for value in primals:
                zero = [ref.zeros(value.array.shape, value.dtype)]
                each = [self._units(value) if v is value else zero * v.array.size for v in primals]
                directions.append(public["stack"](sum(each, [])) if sum(each, []) else zero[0][None][:0])
            changes = self.vmap(pushed, randomness=randomness)(*directions)
            ends = np.cumsum([value.array.size for value in primals]).tolist()
            jacobians = []
            for change in leaves(changes):
                rest = tuple(change.array.shape[1:])
                parts = []
                for value, end in zip(primals, ends, strict=True):
                    own = public["narrow"](change, 0, end - value.array.size, value.array.size)
                    parts.append(
                        public["reshape"](public["movedim"](own, 0, -1), rest + tuple(value.array.shape))
                    )
                built = rebuild(inputs, iter(parts))
                jacobians.append(built[0] if isinstance(argnums, int) else built)
            jacobian = rebuild(changes, iter(jacobians))
            return (jacobian, extra[0]) if has_aux else jacobian

        return transformed

    def _first(self, tree: Any, level: int) -> Any:
        """A tree as it is in the first slice of a vmap."""

        def first(leaf: Any) -> Any:
            return leaf.parts[0] if isinstance(leaf, batching.Batched) and leaf.level == level else leaf

        return rebuild(tree, (first(leaf) for leaf in leaves(tree)))

    def hessian(self, func: Callable, argnums: Argnums = 0) -> Callable:
        """Second derivatives: forward over reverse."""
        return self.jacfwd(self.jacrev(func, argnums), argnums)
