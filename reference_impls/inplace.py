"""In-place operators: derived from the out-of-place one, applied to a copy of the old value."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from . import batching, dual, views
from .structural import COPY
from .tape import PrimitiveNode

if TYPE_CHECKING:
    from .reference import Reference
    from .tensor import Tensor


def check(ref: Reference, tensor: Tensor, arguments: list[Tensor]) -> None:
    """Raises where PyTorch refuses to modify ``tensor``, before anything is computed."""
    modes = ref.modes
    if tensor.inference and not modes.inference:
        raise RuntimeError("an inference tensor cannot be modified in place outside of inference_mode")
    written = tensor if tensor.origin is None else tensor.origin.base
    if modes.grad and any(t.requires_grad for t in (tensor, written, *arguments)):
        if tensor.origin is not None:
            views.refuse(tensor.origin)
            if tensor.requires_grad and tensor.origin.base.is_leaf:
                raise RuntimeError(
                    "a view of a leaf that requires grad is being used in an in-place operation"
                )
        if tensor.requires_grad and tensor.is_leaf:
            raise RuntimeError("a leaf that requires grad is being used in an in-place operation")
    array = tensor.array
    repeated = array.size and any(s == 0 and n > 1 for s, n in zip(array.strides, array.shape, strict=True))
    if repeated or not array.flags.writeable:  # a part of expanded memory is read-only
        raise RuntimeError(
            "several elements of the written-to tensor share one memory location; clone it first"
        )
    if any(_overlaps_partly(array, argument.array) for argument in arguments):
        raise RuntimeError(
            "an input and the written-to tensor share some of their memory; clone one of them first"
        )


def _overlaps_partly(written: np.ndarray, read: np.ndarray) -> bool:
    """Whether two dense arrays share memory, but not element by element."""
    if not np.may_share_memory(written, read) or not (_is_dense(written) and _is_dense(read)):
        return False
    return byte_bounds(written) != byte_bounds(read) or written.strides != read.strides


def _is_dense(array: np.ndarray) -> bool:
    """Whether the elements fill a piece of memory without gaps, in whatever order of dimensions."""
    order = np.argsort(array.strides, kind="stable")
    return array.size > 0 and array.transpose(order[::-1]).flags.c_contiguous


def snapshot(ref: Reference, tensor: Tensor) -> Tensor:
    """The old value, with its history, apart from the memory that is about to change."""
    old = ref.wrap(tensor.array.copy(order="K"), tensor.dtype, tensor.exact)
    if ref.modes.grad:
        old.node, old.output_nr = tensor.current_node(), tensor.output_nr
    if ref.modes.frames:
        dual.snapshot(ref, tensor, old)
    return old


def write(ref: Reference, tensor: Tensor, old: Tensor, new: Tensor) -> Tensor:
    """Stores ``new`` in the memory of ``tensor``, which takes over its history."""
    if new.array.shape != tensor.array.shape:
        raise RuntimeError(
            f"a result of shape {new.array.shape} cannot be stored in one of {tensor.array.shape}"
        )
    if new.dtype.category > tensor.dtype.category:
        raise RuntimeError(f"result type {new.dtype} can't be cast to the desired output type {tensor.dtype}")
    recording = ref.modes.grad
    if recording and tensor.requires_grad and not new.requires_grad:
        new = ref.apply(COPY, (old, new), {})  # the old history goes on, with a gradient of zero
    np.copyto(tensor.array, new.array, casting="unsafe")
    tensor.exact = new.exact
    if tensor.origin is not None and not new.exact:
        tensor.origin.base.exact = False
    tensor.cell[0] += 1
    if recording and new.requires_grad:
        if isinstance(new.node, PrimitiveNode):
            new.node.follow(tensor)
        if tensor.origin is None:
            views.adopt(tensor, *ref.edge(new))
        else:
            views.write_through(ref, tensor.origin, new)
            tensor.requires_flag = False
            views.renew(tensor)  # at once: its history is that of its new value, whatever becomes of the base
    if ref.modes.frames:
        dual.write(ref, tensor, new)
    return tensor


def derive(ref: Reference, function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """The in-place form of an operator."""

    def in_place(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        check(ref, self, [a for a in (*args, *kwargs.values()) if isinstance(a, ref.Tensor)])
        old = snapshot(ref, self)
        return write(ref, self, old, function(old, *args, **kwargs))

    in_place.__name__ = in_place.__qualname__ = name + "_"
    in_place.__doc__ = f"``{name}``, stored in the tensor itself."
    return batching.written(ref, in_place)


def copy_(ref: Reference, tensor: Tensor, source: Any) -> Tensor:
    """Replaces the values; every dtype fits, as in an explicit conversion."""
    return batching.written(ref, functools.partial(_copy, ref))(tensor, source)


def _copy(ref: Reference, tensor: Tensor, source: Any) -> Tensor:
    source = ref.as_tensor(source)
    check(ref, tensor, [source])
    old = snapshot(ref, tensor)
    if source.dtype is not tensor.dtype:
        source = source.to(tensor.dtype)
    try:
        np.broadcast_to(source.array, tensor.array.shape)
    except ValueError:
        raise RuntimeError(
            f"values of shape {source.array.shape} do not fit into {tensor.array.shape}"
        ) from None
    return write(ref, tensor, old, ref.apply(COPY, (old, source), {}))


def assign(ref: Reference, tensor: Tensor, index: Any, value: Any) -> None:
    """``tensor[index] = value``: a copy into a view, or a new value where the index selects by values."""
    batching.written(ref, functools.partial(_assign, ref))(tensor, index, value)


def _assign(ref: Reference, tensor: Tensor, index: Any, value: Any) -> None:
    with ref.no_grad():
        target = tensor[index]
    value = ref.as_tensor(value)
    if views.shares(target.array, tensor.array):
        copy_(ref, tensor[index], _trimmed(ref, value, target.array.ndim))
        return
    check(ref, tensor, [value])
    old = snapshot(ref, tensor)
    if value.dtype is not tensor.dtype:
        value = value.to(tensor.dtype)
    write(ref, tensor, old, ref.ops.setitem(old, index, value))


def _trimmed(ref: Reference, value: Tensor, ndim: int) -> Tensor:
    """``value`` without leading dimensions of one, which assignment ignores."""
    shape = value.array.shape
    while len(shape) > ndim and shape[0] == 1:
        shape = shape[1:]
    return value if shape == value.array.shape else ref.ops.reshape(value, shape)
