"""Movement: shapes, orders of dimensions, joining, cutting; exact in every dtype. The first are views."""

from __future__ import annotations

import numpy as np

from ..primitive import Kind, Primitive


def _view(name, forward, adjoint, dtype="same"):
    return Primitive(name, forward, {"input": adjoint}, kind=Kind.MOVEMENT, dtype=dtype, view=True)


def _move(name, forward, adjoint, dtype="same", linear=True):
    return Primitive(name, forward, {"input": adjoint}, kind=Kind.MOVEMENT, dtype=dtype, linear=linear)


def resolved(shape, size):
    """``shape`` with its -1 replaced by what ``size`` elements leave for it."""
    shape = tuple(int(n) for n in shape)
    if -1 in shape:
        rest = 1
        for n in shape:
            rest *= 1 if n == -1 else n
        if shape.count(-1) > 1 or rest == 0 or size % rest:
            raise RuntimeError(f"shape {shape} is invalid for {size} elements")
        shape = tuple(size // rest if n == -1 else n for n in shape)
    size_of_shape = 1
    for n in shape:
        size_of_shape *= n
    if size_of_shape != size or any(n < 0 for n in shape):
        raise RuntimeError(f"shape {shape} is invalid for {size} elements")
    return shape


def _as_view(input, shape):
    """The same memory in another shape; an error where the strides do not allow it."""
    out = input.view()
    try:
        out.shape = shape
    except AttributeError:
        raise RuntimeError(f"no view of shape {shape} exists for these strides: use reshape") from None
    return out


def expanded(shape, sizes):
    """``sizes`` of an expansion of ``shape``, where -1 keeps a dimension."""
    lead = len(sizes) - len(shape)
    if lead < 0:
        raise RuntimeError(f"{tuple(sizes)} has fewer dimensions than {tuple(shape)}")
    if any(n == -1 for n in sizes[:lead]):
        raise RuntimeError("a new dimension needs a size")
    out = tuple(sizes[:lead]) + tuple(
        old if n == -1 else n for n, old in zip(sizes[lead:], shape, strict=True)
    )
    for n, old in zip(out[lead:], shape, strict=True):
        if n != old and old != 1:
            raise RuntimeError(f"{tuple(shape)} does not expand to {tuple(sizes)}")
    return out


def wrapped(dim, ndim):
    """A non-negative dimension; zero-dimensional tensors accept 0 and -1."""
    bound = max(ndim, 1)
    if not isinstance(dim, (int, np.integer)):
        raise TypeError(f"a dimension is a number, not {dim!r}")
    if not -bound <= dim < bound:
        raise IndexError(f"dimension {dim} is out of range for a tensor of {ndim} dimensions")
    return int(dim) % bound


def _transposed(input, dim0, dim1):
    dims = wrapped(dim0, input.ndim), wrapped(dim1, input.ndim)
    return input.swapaxes(*dims) if input.ndim else input[...]


def _unbind(input, dim):
    if not input.ndim:
        raise IndexError("unbind needs a dimension")
    lead = (slice(None),) * wrapped(dim, input.ndim)
    return tuple(input[(*lead, i, ...)] for i in range(input.shape[len(lead)]))


def _split(input, sections, dim):
    lead = (slice(None),) * wrapped(dim, input.ndim)
    ends = np.cumsum(sections)
    return tuple(input[(*lead, slice(end - n, end))] for n, end in zip(sections, ends, strict=True))


def _diagonal(input, offset, dim1, dim2):
    out = np.diagonal(input, offset, wrapped(dim1, input.ndim), wrapped(dim2, input.ndim))
    out.flags.writeable = input.flags.writeable  # NumPy hands diagonals out read-only; torch's are views
    return out


def _as_pairs(xp, input):
    """Real and imaginary parts along a last dimension; objects do not lie in memory as pairs and are copied."""
    real = xp.real(input)
    if input.dtype == object:
        return np.stack((real, xp.imag(input)), -1)
    return np.lib.stride_tricks.as_strided(
        real, (*input.shape, 2), (*input.strides, real.itemsize), writeable=input.flags.writeable
    )


def _of_pairs(xp, input):
    """The pairs of a last dimension as complex numbers; those that do not lie side by side are copied."""
    if input.dtype == object or input.strides[-1] != input.itemsize:
        return xp.complex(input[..., 0], input[..., 1])
    return input.view(np.result_type(input, np.complex64))[..., 0]


def _diagonal_adjoint(xp, input, shape, offset, dim1, dim2):
    out = np.zeros(shape, input.dtype)
    rows, columns = shape[dim1], shape[dim2]
    first = max(-offset, 0)
    index = np.arange(max(min(rows - first, columns - max(offset, 0)), 0))
    np.moveaxis(out, (dim1, dim2), (0, 1))[index + first, index + max(offset, 0)] = np.moveaxis(input, -1, 0)
    return out


def _cat_vjp(F, g, tensors_shape, dim):
    """To each tensor the part of the cotangent that lies over it (an empty one-dimensional one has none)."""
    parts, start = [], 0
    for shape in tensors_shape:
        if len(shape) == 1 and shape[0] == 0 and g.ndim != 1:
            parts.append(F.zeros_like(F.reshape_to(F.narrow(g, dim, 0, 0), (0,))))
            continue
        parts.append(F.narrow(g, dim, start, shape[dim]))
        start += shape[dim]
    return parts


def _cat(xp, tensors, dim):
    shaped = [t for t in tensors if t.shape != (0,)] or tensors[:1]
    if any(t.ndim == 0 for t in shaped):
        raise RuntimeError("zero-dimensional tensors cannot be concatenated")
    try:
        return np.ascontiguousarray(np.concatenate(shaped, axis=wrapped(dim, shaped[0].ndim)))
    except ValueError as error:
        raise RuntimeError(str(error)) from None


def _stack(tensors, dim):
    try:
        return np.stack(tensors, axis=wrapped(dim, tensors[0].ndim + 1))
    except ValueError as error:
        raise RuntimeError(str(error)) from None


def _pad_constant(input, pad, value):
    """``pad`` lists (before, after) from the last dimension backwards; negative numbers cut."""
    widths = [(0, 0)] * (input.ndim - len(pad) // 2) + [
        (pad[i], pad[i + 1]) for i in range(len(pad) - 2, -1, -2)
    ]
    source, target, shape = [], [], []
    for (before, after), n in zip(widths, input.shape, strict=True):
        length = n + before + after
        if length < 0:
            raise RuntimeError(f"padding {tuple(pad)} cuts more than there is of {tuple(input.shape)}")
        source.append(slice(max(-before, 0), max(n - max(-after, 0), 0)))
        target.append(slice(max(before, 0), max(length - max(after, 0), 0)))
        shape.append(length)
    out = np.full(shape, value, input.dtype)
    out[tuple(target)] = input[tuple(source)]
    return out


def _swap(forward_order):
    order = [0] * len(forward_order)
    for position, source in enumerate(forward_order):
        order[source] = position
    return tuple(order)


PRIMITIVES = [
    # Views
    _view(
        "reshape_to",
        lambda xp, input, *, shape: input.reshape(resolved(shape, input.size)),
        lambda F, g, input_shape: F.reshape_to(g, input_shape),
    ),
    _view(
        "view_to",
        lambda xp, input, *, shape: _as_view(input, resolved(shape, input.size)),
        lambda F, g, input_shape: F.reshape_to(g, input_shape),
    ),
    _view(
        "permute_axes",
        lambda xp, input, *, dims: input.transpose(dims),
        lambda F, g, dims: F.permute_axes(g, _swap(dims)),
    ),
    _view(
        "transpose",
        lambda xp, input, *, dim0, dim1: _transposed(input, dim0, dim1),
        lambda F, g, dim0, dim1: F.transpose(g, dim0, dim1),
    ),
    _view(
        "movedim",
        lambda xp, input, *, source, destination: (
            np.moveaxis(input, source, destination) if input.ndim else input[...]
        ),
        lambda F, g, source, destination: F.movedim(g, destination, source),
    ),
    _view(
        "expand_to",
        lambda xp, input, *, shape: np.broadcast_to(input, expanded(input.shape, shape), subok=False),
        lambda F, g, input_shape: F.sum_to(g, input_shape),
    ),
    _view(
        "unsqueeze",
        lambda xp, input, *, dim: np.expand_dims(input, wrapped(dim, input.ndim + 1)),
        lambda F, g, input_shape: F.reshape_to(g, input_shape),
    ),
    _view(
        "slice",
        # Basic indexing: integers, slices, None and Ellipsis.
        lambda xp, input, *, index: input[(*index, Ellipsis)] if Ellipsis not in index else input[index],
        lambda F, g, input_shape, index: F.unslice(g, shape=input_shape, index=index),
    ),
    _view(
        "diagonal",
        lambda xp, input, *, offset=0, dim1=0, dim2=1: _diagonal(input, offset, dim1, dim2),
        lambda F, g, input_shape, offset, dim1, dim2: F.diagonal_adjoint(
            g, shape=input_shape, offset=offset, dim1=dim1, dim2=dim2
        ),
    ),
    _view(
        "unbind",
        lambda xp, input, *, dim=0: _unbind(input, dim),
        lambda F, g, dim: F.stack_tensors(*g, dim=dim),
    ),
    _view(
        "split_at",
        lambda xp, input, *, sections, dim=0: _split(input, sections, dim),
        lambda F, g, dim: F.join(*g, dim=dim),
    ),
    _view("alias", lambda xp, input: input[...], lambda g: g),
    _view("real_part", lambda xp, input: xp.real(input), lambda g: g, "real"),
    _view("imag_part", lambda xp, input: xp.imag(input), lambda g: g * 1j, "real"),
    _view(
        "real_pairs",
        lambda xp, input: _as_pairs(xp, input),
        lambda F, g: F.make_complex(F.select(g, -1, 0), F.select(g, -1, 1)),
        "real",
    ),
    _view(
        "complex_of_pairs",
        lambda xp, input: _of_pairs(xp, input),
        lambda F, g: F.stack((F.real(g), F.imag(g)), -1),
        "complex",
    ),
    # Adjoints of views
    _move(
        "unslice",
        lambda xp, input, *, shape, index: _unslice(input, shape, index),
        lambda F, g, index: F.slice(g, index=index),
    ),
    _move(
        "diagonal_adjoint",
        lambda xp, input, *, shape, offset=0, dim1=0, dim2=1: _diagonal_adjoint(
            xp, input, shape, offset, dim1, dim2
        ),
        lambda F, g, offset, dim1, dim2: F.diagonal(g, offset=offset, dim1=dim1, dim2=dim2),
    ),
    # Copies
    _move("clone", lambda xp, input: input.copy(order="K"), lambda g: g),
    _move(
        "flip_axes",
        lambda xp, input, *, dims: np.flip(input, dims).copy() if input.ndim else input.copy(),
        lambda F, g, dims: F.flip_axes(g, dims),
    ),
    _move(
        "roll",
        lambda xp, input, *, shifts, dims=None: np.roll(input, shifts, dims),
        lambda F, g, shifts, dims: F.roll(g, _negated(shifts), dims),
    ),
    _move(
        "tril",
        lambda xp, input, *, diagonal=0: np.tril(input, diagonal),
        lambda F, g, diagonal: F.tril(g, diagonal),
    ),
    _move(
        "triu",
        lambda xp, input, *, diagonal=0: np.triu(input, diagonal),
        lambda F, g, diagonal: F.triu(g, diagonal),
    ),
    _move(
        "pad_constant",
        lambda xp, input, *, pad, value=0: _pad_constant(input, pad, value),
        lambda F, g, pad: F.pad_constant(g, tuple(-n for n in pad)),
        linear=False,
    ),
    Primitive(
        "join",
        lambda xp, *tensors, dim=0: _cat(xp, tensors, dim),
        {"tensors": _cat_vjp},
        kind=Kind.MOVEMENT,
    ),
    Primitive(
        "stack_tensors",
        lambda xp, *tensors, dim=0: _stack(tensors, dim),
        {"tensors": lambda F, g, dim: list(F.unbind(g, dim))},
        kind=Kind.MOVEMENT,
    ),
]


def _unslice(input, shape, index):
    out = np.zeros(shape, input.dtype)
    out[index] = input
    return out


def _negated(shifts):
    return -shifts if isinstance(shifts, (int, np.integer)) else tuple(-s for s in shifts)
