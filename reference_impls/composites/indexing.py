"""Composites of indexing: reading and writing at indices, masks, scatters."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from ..primitives.indexing import along, multiplicity
from .registry import composite, is_tensor, raw, sizes, wrap

BASIC = (int, np.integer, slice, type(None), type(Ellipsis))


def _resolved(index):
    """An index expression with arrays for tensors, and whether it is basic (then the result is a view)."""
    items = []
    for item in index if isinstance(index, tuple) else (index,):
        if isinstance(item, slice):
            bounds = [None if b is None else int(raw(b)) for b in (item.start, item.stop, item.step)]
            if bounds[2] is not None and bounds[2] <= 0:
                raise ValueError("the step of a slice has to be positive")
            item = slice(*bounds)
        elif isinstance(item, bool) or not isinstance(item, BASIC):
            item = raw(item)
            if item.dtype.kind not in "iub" and item.size:
                raise IndexError("indices are integers or bools")
            item = item.astype(np.int64) if item.dtype.kind == "f" else item
            if item.ndim == 0 and item.dtype.kind != "b":
                item = int(item)
        items.append(item)
    return tuple(items), all(isinstance(item, BASIC) for item in items)


@composite("getitem", "none")
def getitem(F, input, index):
    index, basic = _resolved(index)
    return F.slice(input, index=index) if basic else F.index_advanced(input, index=index)


@composite("setitem", "none")
def setitem(F, input, index, value):
    """A copy of ``input`` in which ``value`` is written at ``index``."""
    return F.put_at(input, value, index=_resolved(index)[0])


def _index_of(input, dim, index):
    """Index arrays as torch's operators check them: integers, inside the dimension."""
    dim, index = wrap(dim, input.ndim), raw(index)
    n = input.shape[dim] if input.ndim else 1
    if index.size and (index.min() < 0 or index.max() >= n):
        raise IndexError(f"an index is out of range for dimension {dim} of size {n}")
    return dim, index


@composite("gather", "none")
def gather(F, input, dim, index, *, sparse_grad=False):
    if not input.ndim:
        return F.expand_to(input, raw(index).shape)
    if raw(index).ndim != input.ndim:
        raise RuntimeError("the index of gather has as many dimensions as the input")
    dim, index = wrap(dim, input.ndim), raw(index)
    if index.size and (index.min() < 0 or index.max() >= input.shape[dim]):
        raise RuntimeError(f"an index is out of range for dimension {dim} of size {input.shape[dim]}")
    return F.index_advanced(input, index=along(index, dim, input.ndim))


@composite("take_along_dim", "none")
def take_along_dim(F, input, indices, dim=None):
    if dim is None:
        return F.gather(F.ravel(input), 0, raw(indices).reshape(-1))
    dim, indices = wrap(dim, input.ndim), raw(indices)
    shape = list(
        np.broadcast_shapes(*(s[:dim] + (1,) + s[dim + 1 :] for s in (tuple(input.shape), indices.shape)))
    )
    wide = F.expand_to(input, (*shape[:dim], input.shape[dim], *shape[dim + 1 :]))
    return F.gather(
        wide, dim, np.broadcast_to(indices, (*shape[:dim], indices.shape[dim], *shape[dim + 1 :]))
    )


@composite("index_select", "none")
def index_select(F, input, dim, index):
    dim, index = _index_of(input, dim, index)
    if not input.ndim:
        return input
    return F.index_advanced(input, index=(slice(None),) * dim + (np.atleast_1d(index),))


@composite("take", "none")
def take(F, input, index):
    return F.index_advanced(F.ravel(input), index=(raw(index),))


@composite("masked_select", "none")
def masked_select(F, input, mask):
    shape = np.broadcast_shapes(tuple(input.shape), raw(mask).shape)
    return F.index_advanced(F.expand_to(input, shape), index=(np.broadcast_to(raw(mask), shape),))


@composite("masked_fill", "same")
def masked_fill(F, input, mask, value):
    if is_tensor(value) and value.ndim:
        raise RuntimeError("masked_fill writes one number")
    return F.where(mask, value, input)


@composite("masked_scatter", "none")
def masked_scatter(F, input, mask, source):
    mask = np.broadcast_to(raw(mask), tuple(input.shape))
    return F.put_at(input, F.narrow(F.ravel(source), 0, 0, int(mask.sum())), index=(mask,))


# Scatters -------------------------------------------------------------------------------------------------


def _scattered(F, input, dim, index, src):
    """The index tuple and the part of ``src`` that an index array names."""
    dim, index = wrap(dim, input.ndim), raw(index)
    if index.size and (index.min() < 0 or index.max() >= (input.shape[dim] if input.ndim else 1)):
        raise RuntimeError(f"an index is out of range for dimension {dim} of {tuple(input.shape)}")
    if not input.ndim:
        return (), src
    if is_tensor(src):
        src = F.slice(src, index=tuple(slice(n) for n in index.shape))
    return along(index, dim, input.ndim), src


@composite("scatter", "none")
def scatter(F, input, dim, index, src=None, *, value=None, reduce=None):
    source = value if src is None else src
    if reduce is not None:
        if not is_tensor(source):
            source = F.full(raw(index).shape, source, dtype=input.dtype)
        return F.scatter_reduce(input, dim, index, source, {"add": "sum", "multiply": "prod"}[reduce])
    where, source = _scattered(F, input, dim, index, source)
    return F.put_at(input, source, index=where)


@composite("scatter_add", "none")
def scatter_add(F, input, dim, index, src):
    where, source = _scattered(F, input, dim, index, src)
    return input + F.accumulate(source, shape=tuple(input.shape), index=where)


@composite("scatter_reduce", "none")
def scatter_reduce(F, input, dim, index, src, reduce, *, include_self=True):
    """Each element with those of ``src`` that meet at it, reduced: they are laid out in rows first."""
    where, source = _scattered(F, input, dim, index, src)
    shape = tuple(input.shape)
    flat = np.ravel_multi_index(np.broadcast_arrays(*where), shape).reshape(-1) if shape else np.zeros(1, int)
    depth = max(multiplicity(int(np.prod(shape)), (flat,)), 1)
    slot = np.zeros(flat.shape, np.int64)
    filled = np.zeros((int(np.prod(shape)), depth), bool)
    for i, place in enumerate(flat):
        slot[i] = filled[place].sum()
        filled[place, slot[i]] = True
    neutral = {"sum": 0, "mean": 0, "prod": 1, "amax": -np.inf, "amin": np.inf}[reduce]
    rows = F.put_at(F.full(filled.shape, neutral, dtype=input.dtype), F.ravel(source), index=(flat, slot))
    own = F.reshape_to(input, (-1, 1))
    touched = np.asarray(filled.any(1))
    kept = own if include_self else F.where(touched[:, None], neutral, own)
    rows = F.cat((kept, rows), 1)
    if reduce in ("sum", "mean"):
        out = F.sum(rows, 1)
        if reduce == "mean":
            out = out / np.maximum(filled.sum(1) + (1 if include_self else ~touched), 1)
    else:
        out = F.prod(rows, 1) if reduce == "prod" else (F.amax if reduce == "amax" else F.amin)(rows, 1)
    return F.reshape_to(out, shape)


@composite("index_add", "none")
def index_add(F, input, dim, index, source, *, alpha=1):
    dim, index = _index_of(input, dim, index)
    where = (slice(None),) * dim + (index,) if input.ndim else ()
    return F.add(input, F.accumulate(source, shape=tuple(input.shape), index=where), alpha)


@composite("index_copy", "none")
def index_copy(F, input, dim, index, source):
    dim, index = _index_of(input, dim, index)
    return F.put_at(input, source, index=(slice(None),) * dim + (index,) if input.ndim else ())


@composite("index_fill", "none")
def index_fill(F, input, dim, index, value):
    dim, index = _index_of(input, dim, index)
    return F.put_at(input, value, index=(slice(None),) * dim + (index,) if input.ndim else ())


@composite("index_put", "none")
def index_put(F, input, indices, values, accumulate=False):
    where = _resolved(tuple(indices))[0]
    if not accumulate:
        return F.put_at(input, values, index=where)
    shape = np.empty(tuple(input.shape), bool)[where].shape
    return input + F.accumulate(F.expand_to(values, shape), shape=tuple(input.shape), index=where)


@composite("select_scatter", "none")
def select_scatter(F, input, src, dim, index):
    return F.put_at(input, src, index=(slice(None),) * wrap(dim, input.ndim) + (index,))


@composite("slice_scatter", "none")
def slice_scatter(F, input, src, dim=0, start=None, end=None, step=1):
    return F.put_at(input, src, index=(slice(None),) * wrap(dim, input.ndim) + (slice(start, end, step),))


@composite("diagonal_scatter", "none")
def diagonal_scatter(F, input, src, offset=0, dim1=0, dim2=1):
    options = {"shape": tuple(input.shape), "offset": offset, "dim1": dim1, "dim2": dim2}
    mask = raw(F.diagonal_adjoint(F.ones_like(src), **options)) != 0
    return F.where(mask, F.diagonal_adjoint(src, **options), input)


@composite("one_hot", "none")
def one_hot(F, input, num_classes=-1):
    index = raw(input)
    if index.size and index.min() < 0:
        raise RuntimeError("classes are not negative")
    classes = int(index.max()) + 1 if num_classes == -1 else num_classes
    if index.size and index.max() >= classes:
        raise RuntimeError("a class is not smaller than num_classes")
    return F.cast(F.eq(F.unsqueeze(input, -1), np.arange(classes)), dtypes.int64)


@composite("embedding", "none")
def embedding(F, input, weight):
    index = raw(input)
    if index.size and (index.min() < 0 or index.max() >= weight.shape[0]):
        raise IndexError("an index is out of range in embedding")
    return F.index_advanced(weight, index=(index,))


@composite("as_strided", "none")
def as_strided(F, input, size, stride, storage_offset=None):
    """A view of the memory behind a tensor, with any sizes and steps; it starts where the tensor does, or as said."""
    size, stride = sizes((size,)), sizes((stride,))
    if len(size) != len(stride):
        raise RuntimeError(f"{len(size)} sizes and {len(stride)} strides")
    if any(n < 0 for n in (*size, *stride)) or (storage_offset is not None and storage_offset < 0):
        raise RuntimeError("sizes, strides and the offset of a strided view are not negative")
    offset = 0 if storage_offset is None else storage_offset - input.storage_offset()
    layout = (tuple(input.shape), tuple(input.stride()))
    return F.strided(input, size=size, stride=stride, offset=offset, layout=layout)
