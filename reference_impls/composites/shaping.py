"""Composites of shape: reshaping, reordering, cutting, joining, padding."""

from __future__ import annotations

import math

import numpy as np

from .registry import composite, is_tensor, raw, sizes, wrap

# One tensor in another shape ------------------------------------------------------------------------------


@composite("reshape", "none")
def reshape(F, input, *shape):
    return F.reshape_to(input, sizes(shape))


@composite("view", "none")
def view(F, input, *shape):
    return F.view_to(input, sizes(shape))


@composite("reshape_as", "none")
def reshape_as(F, input, other):
    return F.reshape_to(input, tuple(other.shape))


@composite("view_as", "none")
def view_as(F, input, other):
    return F.view_to(input, tuple(other.shape))


@composite("flatten", "none")
def flatten(F, input, start_dim=0, end_dim=-1):
    if not input.ndim:
        return F.reshape_to(input, (1,))
    start, end = wrap(start_dim, input.ndim), wrap(end_dim, input.ndim)
    if start > end:
        raise RuntimeError("flatten: start_dim comes after end_dim")
    if start == end:
        return input
    shape = tuple(input.shape)
    return F.reshape_to(input, shape[:start] + (math.prod(shape[start : end + 1]),) + shape[end + 1 :])


@composite("ravel", "none")
def ravel(F, input):
    return F.reshape_to(input, (math.prod(input.shape),))


@composite("unflatten", "none")
def unflatten(F, input, dim, sizes):
    shape, dim, sizes = tuple(input.shape), wrap(dim, input.ndim), list(sizes)
    if -1 in sizes:
        sizes[sizes.index(-1)] = shape[dim] // -math.prod(sizes)
    return F.reshape_to(input, shape[:dim] + tuple(sizes) + shape[dim + 1 :])


@composite("squeeze", "none")
def squeeze(F, input, dim=None):
    if dim is None:
        chosen = set(range(input.ndim))
    else:
        chosen = {wrap(d, input.ndim) for d in ((dim,) if isinstance(dim, (int, np.integer)) else dim)}
    index = tuple(0 if i in chosen and n == 1 else slice(None) for i, n in enumerate(input.shape))
    return F.slice(input, index=index)


@composite("expand", "none")
def expand(F, input, *shape):
    return F.expand_to(input, sizes(shape))


@composite("expand_as", "none")
def expand_as(F, input, other):
    return F.expand_to(input, tuple(other.shape))


@composite("broadcast_to", "none")
def broadcast_to(F, input, size):
    return F.expand_to(input, tuple(size))


@composite("broadcast_tensors", "none")
def broadcast_tensors(F, *tensors):
    tensors = tensors[0] if len(tensors) == 1 and not is_tensor(tensors[0]) else tensors
    try:
        shape = np.broadcast_shapes(*(tuple(t.shape) for t in tensors))
    except ValueError as error:
        raise RuntimeError(str(error)) from None
    return tuple(F.expand_to(t, shape) for t in tensors)


@composite("atleast_1d", "none")
def atleast_1d(F, input):
    return F.reshape_to(input, (1,)) if input.ndim == 0 else input


@composite("atleast_2d", "none")
def atleast_2d(F, input):
    return F.unsqueeze(F.atleast_1d(input), 0) if input.ndim < 2 else input


@composite("atleast_3d", "none")
def atleast_3d(F, input):
    return F.unsqueeze(F.atleast_2d(input), -1) if input.ndim < 3 else input


# Orders of dimensions and elements ------------------------------------------------------------------------


@composite("permute", "none")
def permute(F, input, *dims):
    dims = tuple(wrap(d, input.ndim) for d in sizes(dims))
    if sorted(dims) != list(range(input.ndim)):
        raise RuntimeError(f"{dims} is no permutation of {input.ndim} dimensions")
    return F.permute_axes(input, dims)


@composite("swapaxes", "none")
def swapaxes(F, input, axis0, axis1):
    return F.transpose(input, axis0, axis1)


@composite("swapdims", "none")
def swapdims(F, input, dim0, dim1):
    return F.transpose(input, dim0, dim1)


@composite("reversed_dims", "none")
def reversed_dims(F, input):
    return F.permute_axes(input, tuple(reversed(range(input.ndim))))


@composite("matrix_transpose", "none")
def matrix_transpose(F, input):
    return F.transpose(input, -2, -1)


@composite("moveaxis", "none")
def moveaxis(F, input, source, destination):
    return F.movedim(input, source, destination)


@composite("t", "none")
def t(F, input):
    if input.ndim > 2:
        raise RuntimeError("t is for tensors of at most two dimensions")
    return F.transpose(input, 0, 1) if input.ndim == 2 else F.alias(input)


@composite("adjoint", "none")
def adjoint(F, input):
    return F.conj(F.transpose(input, -2, -1))


@composite("flip", "none")
def flip(F, input, *dims):
    return F.flip_axes(input, tuple(wrap(d, input.ndim) for d in sizes(dims)))


@composite("fliplr", "none")
def fliplr(F, input):
    return F.flip_axes(input, (1,))


@composite("flipud", "none")
def flipud(F, input):
    return F.flip_axes(input, (0,))


@composite("rot90", "none")
def rot90(F, input, k=1, dims=(0, 1)):
    first, second = dims
    for _ in range(k % 4):
        input = F.flip_axes(F.transpose(input, first, second), (first,))
    return input


# Cutting --------------------------------------------------------------------------------------------------


def _along(input, dim, part):
    return (slice(None),) * wrap(dim, input.ndim) + (part,)


@composite("narrow", "none")
def narrow(F, input, dim, start, length):
    if not input.ndim:
        raise RuntimeError("narrow needs a dimension")
    size, start = input.shape[wrap(dim, input.ndim)], int(raw(start))
    start = start + size if start < 0 else start
    if length < 0 or not 0 <= start <= size - length:
        raise RuntimeError(f"start {start} and length {length} exceed dimension {dim} of size {size}")
    return F.slice(input, index=_along(input, dim, slice(start, start + length)))


@composite("select", "none")
def select(F, input, dim, index):
    if not input.ndim:
        raise IndexError("select needs a dimension")
    return F.slice(input, index=_along(input, dim, int(raw(index))))


@composite("split", "none")
def split(F, input, split_size_or_sections, dim=0):
    if not input.ndim:
        raise RuntimeError("a tensor without dimensions cannot be split")
    size = input.shape[wrap(dim, input.ndim)]
    parts = split_size_or_sections
    if isinstance(parts, (int, np.integer)):
        if parts < 0 or (parts == 0 and size):
            raise RuntimeError("split needs a positive size")
        parts = [min(parts, size - i) for i in range(0, size, parts)] if size else [0]
    elif sum(parts) != size:
        raise RuntimeError(f"sections {list(parts)} do not add up to {size}")
    return F.split_at(input, tuple(parts), dim)


@composite("chunk", "none")
def chunk(F, input, chunks, dim=0):
    if chunks <= 0:
        raise RuntimeError("chunk needs a positive number of chunks")
    if not input.ndim:
        raise RuntimeError("a tensor without dimensions cannot be split")
    size = input.shape[wrap(dim, input.ndim)]
    return F.split(input, max(-(-size // chunks), 1), dim) if size else F.split(input, [0] * chunks, dim)


@composite("tensor_split", "none")
def tensor_split(F, input, indices_or_sections, dim=0):
    size = input.shape[wrap(dim, input.ndim)]
    cuts = indices_or_sections
    if isinstance(cuts, (int, np.integer)):
        cuts = np.cumsum([size // cuts + (i < size % cuts) for i in range(cuts)])[:-1]
    bounds = [0, *(int(c) for c in cuts), size]
    return tuple(
        F.slice(input, index=_along(input, dim, slice(a, b)))
        for a, b in zip(bounds[:-1], bounds[1:], strict=True)
    )


@composite("unfold", "none")
def unfold(F, input, dimension, size, step):
    """Windows of ``size`` every ``step`` along one dimension; their elements form a new last dimension."""
    if not input.ndim:
        if size > 1:
            raise RuntimeError(f"unfold: a scalar has no window of {size} elements")
        return F.reshape_to(input, (1,))
    last = F.movedim(input, dimension, -1)
    windows = F.unfold_windows(last, kernel=(size,), stride=(step,), dilation=(1,))
    return F.movedim(windows, -2, wrap(dimension, input.ndim))


# Joining --------------------------------------------------------------------------------------------------


@composite("cat", "none")
def cat(F, tensors, dim=0):
    if not tensors:
        raise RuntimeError("cat needs at least one tensor")
    return F.join(*tensors, dim=dim)


@composite("stack", "none")
def stack(F, tensors, dim=0):
    if not tensors:
        raise RuntimeError("stack needs at least one tensor")
    return F.stack_tensors(*tensors, dim=dim)


@composite("hstack", "none")
def hstack(F, tensors):
    tensors = [F.atleast_1d(t) for t in tensors]
    return F.cat(tensors, 0 if tensors[0].ndim == 1 else 1)


@composite("vstack", "none")
def vstack(F, tensors):
    return F.cat([F.atleast_2d(t) for t in tensors], 0)


@composite("dstack", "none")
def dstack(F, tensors):
    return F.cat([F.atleast_3d(t) for t in tensors], 2)


@composite("column_stack", "none")
def column_stack(F, tensors):
    return F.cat([F.reshape_to(t, (-1, 1)) if t.ndim < 2 else t for t in tensors], 1)


@composite("repeat", "none")
def repeat(F, input, *repeats):
    repeats = sizes(repeats)
    if len(repeats) < input.ndim:
        raise RuntimeError("repeat needs a number for each dimension")
    shape = (1,) * (len(repeats) - input.ndim) + tuple(input.shape)
    pairs = [n for pair in zip(repeats, shape, strict=True) for n in pair]
    out = F.expand_to(F.reshape_to(input, tuple(m for n in shape for m in (1, n))), tuple(pairs))
    return F.clone(F.reshape_to(out, tuple(r * n for r, n in zip(repeats, shape, strict=True))))


@composite("tile", "none")
def tile(F, input, *dims):
    dims = sizes(dims)
    return F.repeat(input, (1,) * (input.ndim - len(dims)) + dims)


@composite("repeat_interleave", "none")
def repeat_interleave(F, input, repeats, dim=None):
    if dim is None:
        input, dim = F.ravel(input), 0
    return F.index_select(input, dim, np.repeat(np.arange(input.shape[dim]), raw(repeats)))


@composite("meshgrid", "none")
def meshgrid(F, *tensors, indexing="ij"):
    tensors = tensors[0] if len(tensors) == 1 and not is_tensor(tensors[0]) else tensors
    if indexing not in ("ij", "xy"):
        raise RuntimeError("indexing is 'ij' or 'xy'")
    order = list(range(len(tensors)))
    if indexing == "xy" and len(order) > 1:
        order[:2] = 1, 0
    shape = tuple(tensors[i].shape[0] if tensors[i].ndim else 1 for i in order)
    places = [tuple(-1 if order[axis] == i else 1 for axis in range(len(order))) for i in range(len(order))]
    return tuple(F.expand_to(F.reshape_to(t, place), shape) for t, place in zip(tensors, places, strict=True))


# Diagonals and padding ------------------------------------------------------------------------------------


@composite("diag_embed", "none")
def diag_embed(F, input, offset=0, dim1=-2, dim2=-1):
    ndim, n = input.ndim + 1, input.shape[-1] + abs(offset)
    dim1, dim2 = wrap(dim1, ndim), wrap(dim2, ndim)
    shape = list(input.shape[:-1])
    for d in sorted((dim1, dim2)):
        shape.insert(d, n)
    return F.diagonal_adjoint(input, shape=tuple(shape), offset=offset, dim1=dim1, dim2=dim2)


@composite("diag", "none")
def diag(F, input, diagonal=0):
    return F.diag_embed(input, diagonal) if input.ndim == 1 else F.clone(F.diagonal(input, offset=diagonal))


@composite("diagflat", "none")
def diagflat(F, input, offset=0):
    return F.diag_embed(F.ravel(input), offset)


@composite("pad", "none")
def pad(F, input, pad, mode="constant", value=None):
    """Before and after each dimension, from the last backwards; the other modes repeat what is there."""
    pad = tuple(int(n) for n in pad)
    if len(pad) % 2 or len(pad) > 2 * input.ndim:
        raise RuntimeError(f"padding {pad} does not fit a tensor of {input.ndim} dimensions")
    if mode == "constant":
        return F.pad_constant(input, pad, 0 if value is None else value)
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(f"no padding mode {mode!r}")
    for i in range(len(pad) // 2):
        dim, before, after = input.ndim - 1 - i, pad[2 * i], pad[2 * i + 1]
        n = input.shape[dim]
        position = np.arange(-before, n + after)
        if mode == "circular":
            if max(before, after) > n:
                raise RuntimeError("circular padding cannot be longer than the dimension")
            position = position % n
        elif mode == "replicate":
            position = np.clip(position, 0, n - 1)
        else:
            if max(before, after) >= n:
                raise RuntimeError("reflecting padding must be shorter than the dimension")
            position = n - 1 - np.abs(n - 1 - np.abs(position))
        input = F.index_select(input, dim, position)
    return input
