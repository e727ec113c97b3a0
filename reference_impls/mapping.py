"""``vmap``, the transform: what is mapped, and where the results lie."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from . import batching
from .tensor import Tensor
from .trees import leaves, rebuild, spread

if TYPE_CHECKING:
    from .reference import Reference


def vmap(
    ref: Reference,
    func: Callable,
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable:
    """A function of tensors with one more dimension, whose slices are mapped."""
    if randomness not in ("error", "same", "different"):
        raise RuntimeError(f"randomness is 'error', 'same' or 'different', not {randomness!r}")
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"chunk_size has to be positive, not {chunk_size}")

    @functools.wraps(func)
    def transformed(*args: Any, **kwargs: Any) -> Any:
        given, dims, count = _mapped(in_dims, args)
        tree: Any = None
        columns: list[list[Any]] = []
        plain: list[bool] = []
        state = ref.arithmetic.generator
        before = state.bit_generator.state if randomness == "same" and chunk_size else None
        for start in range(0, max(count, 1), chunk_size or max(count, 1)):
            if before is not None:
                state.bit_generator.state = before
            numbers = list(range(start, min(start + (chunk_size or count), count)))
            with batching.frame(ref, "vmap", max(len(numbers), 1), randomness) as level:
                own = [cut(ref, g, d, numbers, level) for g, d in zip(given, dims, strict=True)]
                tree = func(*rebuild(args, iter(own)), **kwargs)
            found = [_parts(ref, leaf, level, len(numbers) or 1) for leaf in leaves(tree)]
            columns = [
                old + parts for old, (parts, _) in zip(columns or [[]] * len(found), found, strict=True)
            ]
            plain = [is_plain for _, is_plain in found]
        try:
            ends = spread(out_dims, tree)
        except ValueError:
            raise ValueError(f"out_dims {out_dims} do not fit the structure of the result") from None
        results = (
            _placed(ref, parts[: count or 1], is_plain, end, count)
            for parts, is_plain, end in zip(columns, plain, ends, strict=True)
        )
        return rebuild(tree, results)

    return transformed


def _mapped(in_dims: Any, args: tuple[Any, ...]) -> tuple[list[Any], list[int | None], int]:
    """The leaves of the arguments, the mapped dimension of each, and its size."""
    if not isinstance(in_dims, (int, tuple)):
        raise ValueError(f"in_dims is an int or a tuple of the structure of the inputs, not {in_dims!r}")
    if not args:
        raise ValueError("vmap needs an input to map over")
    given, dims = list(leaves(args)), spread(in_dims, args)
    sizes = set()
    for i, (tensor, dim) in enumerate(zip(given, dims, strict=True)):
        if dim is None:
            continue
        if not isinstance(dim, int) or not isinstance(tensor, Tensor):
            raise ValueError(f"in_dims has {dim!r} for an input that is a {type(tensor).__name__}")
        if not -tensor.array.ndim <= dim < tensor.array.ndim:
            raise ValueError(f"in_dims has {dim} for an input of {tensor.array.ndim} dimensions")
        dims[i] = dim % tensor.array.ndim
        sizes.add(tensor.array.shape[dims[i]])
    if len(sizes) != 1:
        raise ValueError(f"vmap needs inputs of one common size along the mapped dimension, got {sizes}")
    return given, dims, sizes.pop()


def cut(ref: Reference, tensor: Any, dim: int | None, numbers: Sequence[int], level: int) -> Any:
    if dim is None:
        return tensor
    public = ref.ops.public
    if not numbers:  # nothing to map over: one slice of zeros tells what the result looks like
        shape = tensor.array.shape[:dim] + tensor.array.shape[dim + 1 :]
        return batching.of_slices(ref, [ref.zeros(shape, tensor.dtype)], level)
    complete = len(numbers) == tensor.array.shape[dim]
    parts = [public["select"](tensor, dim, i) for i in numbers]
    return batching.of_slices(ref, parts, level, (tensor, dim) if complete else None)


def _parts(ref: Reference, leaf: Any, level: int, count: int) -> tuple[list[Any], bool]:
    """A result in each slice, and whether it is the same in all because it depends on none."""
    if not isinstance(leaf, Tensor):
        raise ValueError(f"vmap: the function has to return tensors, not {type(leaf).__name__}")
    if type(leaf) is ref.Batched and leaf.level == level:
        return leaf.parts, False
    return [leaf] * count, True


def _placed(ref: Reference, parts: list[Any], plain: bool, dim: Any, count: int) -> Any:
    if dim is None:
        if not plain:
            raise ValueError("vmap: out_dims is None for a result that is mapped")
        return parts[0]
    if not isinstance(dim, int):
        raise ValueError(f"out_dims has {dim!r}, which is no dimension")
    if not -parts[0].array.ndim - 1 <= dim <= parts[0].array.ndim:
        raise IndexError(f"out_dims has {dim} for a result of {parts[0].array.ndim} dimensions")
    stacked = ref.ops.public["stack"](parts, dim)
    return stacked if count else ref.ops.public["narrow"](stacked, dim, 0, 0)


def whole(ref: Reference, tensor: Any, level: int) -> tuple[Any, int | None]:
    """The tensor of all slices, and the dimension that they lie along."""
    if type(tensor) is not ref.Batched or tensor.level != level:
        return tensor, None
    return tensor.whole or (ref.ops.public["stack"](tensor.parts, 0), 0)
