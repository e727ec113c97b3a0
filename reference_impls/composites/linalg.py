"""Composites of products: matmul and its family, outer products, contractions."""

from __future__ import annotations

import math
from collections import namedtuple

import numpy as np

from .registry import composite, is_tensor, wrap

SignLog = namedtuple("SignLog", "sign logabsdet")


@composite("matmul")
def matmul(F, input, other):
    """By number of dimensions: inner, matrix-vector, matrix-matrix, or batches that broadcast."""
    if input.ndim == 0 or other.ndim == 0:
        raise RuntimeError("matmul needs at least one dimension on both sides")
    if input.ndim == 1 and other.ndim == 1:
        return F.dot(input, other)
    if input.ndim == 1:
        return F.squeeze(F.matrix_product(F.unsqueeze(input, 0), other), -2)
    if other.ndim == 1:
        return F.squeeze(F.matrix_product(input, F.unsqueeze(other, 1)), -1)
    return F.matrix_product(input, other)


def _of_dimensions(name, *wanted):
    """Checks the numbers of dimensions of the operands, then multiplies."""

    def product(F, input, other):
        if (input.ndim, other.ndim) != wanted:
            raise RuntimeError(
                f"{name} needs operands of {wanted} dimensions, not {(input.ndim, other.ndim)}"
            )
        if len(wanted) == 2 and wanted[0] == 3 and input.shape[0] != other.shape[0]:
            raise RuntimeError("batches of different sizes")
        return F.matmul(input, other)

    return product


composite("mm")(lambda F, input, mat2: _of_dimensions("mm", 2, 2)(F, input, mat2))
composite("mv")(lambda F, input, vec: _of_dimensions("mv", 2, 1)(F, input, vec))
composite("bmm")(lambda F, input, mat2: _of_dimensions("bmm", 3, 3)(F, input, mat2))


def _scaled_sum(F, input, product, beta, alpha):
    """beta * input + alpha * product; with beta zero, input is ignored, nan and all."""
    product = product if alpha == 1 else alpha * product
    if beta == 0:
        return product
    return (input if beta == 1 else beta * input) + product


@composite("addmm")
def addmm(F, input, mat1, mat2, *, beta=1, alpha=1):
    return _scaled_sum(F, input, F.mm(mat1, mat2), beta, alpha)


@composite("addmv")
def addmv(F, input, mat, vec, *, beta=1, alpha=1):
    return _scaled_sum(F, input, F.mv(mat, vec), beta, alpha)


@composite("addr")
def addr(F, input, vec1, vec2, *, beta=1, alpha=1):
    return _scaled_sum(F, input, F.outer(vec1, vec2), beta, alpha)


@composite("baddbmm")
def baddbmm(F, input, batch1, batch2, *, beta=1, alpha=1):
    return _scaled_sum(F, input, F.bmm(batch1, batch2), beta, alpha)


@composite("addbmm")
def addbmm(F, input, batch1, batch2, *, beta=1, alpha=1):
    return _scaled_sum(F, input, F.sum(F.bmm(batch1, batch2), 0), beta, alpha)


@composite("outer")
def outer(F, input, vec2):
    if input.ndim != 1 or vec2.ndim != 1:
        raise RuntimeError("outer needs two vectors")
    return F.unsqueeze(input, 1) * F.unsqueeze(vec2, 0)


@composite("inner")
def inner(F, input, other):
    if not input.ndim or not other.ndim:
        return input * other
    return F.tensordot(input, other, ([-1], [-1]))


@composite("vdot")
def vdot(F, input, other):
    return F.dot(F.conj(input), other)


@composite("vecdot")
def vecdot(F, x, y, *, dim=-1):
    return F.sum(F.conj(x) * y, dim)


@composite("linear")
def linear(F, input, weight, bias=None):
    out = F.matmul(input, F.transpose(weight, 0, 1) if weight.ndim == 2 else weight)
    return out if bias is None else out + bias


@composite("bilinear")
def bilinear(F, input1, input2, weight, bias=None):
    left = F.tensordot(input1, weight, ([-1], [1]))
    out = F.sum(left * F.unsqueeze(input2, -2), -1)
    return out if bias is None else out + bias


@composite("tensordot")
def tensordot(F, a, b, dims=2):
    if isinstance(dims, int):
        left, right = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    else:
        left, right = ([wrap(int(d), t.ndim) for d in ds] for ds, t in zip(dims, (a, b), strict=True))
    free_left = [i for i in range(a.ndim) if i not in left]
    free_right = [i for i in range(b.ndim) if i not in right]
    shape = tuple(a.shape[i] for i in free_left) + tuple(b.shape[i] for i in free_right)
    n = math.prod(a.shape[i] for i in left)
    if [a.shape[i] for i in left] != [b.shape[i] for i in right]:
        raise RuntimeError("contracted dimensions have different sizes")
    rows = F.reshape_to(F.permute_axes(a, (*free_left, *left)), (math.prod(shape[: len(free_left)]), n))
    columns = F.reshape_to(F.permute_axes(b, (*right, *free_right)), (n, math.prod(shape[len(free_left) :])))
    return F.reshape_to(F.matrix_product(rows, columns), shape)


@composite("einsum")
def einsum(F, equation, *operands):
    """Operands are laid out over all labels, multiplied, and summed over those that the result lacks."""
    if len(operands) == 1 and not is_tensor(operands[0]):
        operands = tuple(operands[0])
    left, arrow, right = equation.replace(" ", "").partition("->")
    inputs = left.split(",")
    if len(inputs) != len(operands):
        raise ValueError("as many operands as the equation names")
    dots = max(
        (t.ndim - len(s.replace("...", "")) for s, t in zip(inputs, operands, strict=True) if "..." in s),
        default=0,
    )
    names = [chr(0x2460 + i) for i in range(dots)]
    inputs = [
        s.replace("...", "".join(names[dots - (t.ndim - len(s.replace("...", ""))) :]))
        for s, t in zip(inputs, operands, strict=True)
    ]
    everything = "".join(inputs)
    if not arrow:
        right = "".join(names) + "".join(
            sorted(c for c in set(everything) - set(names) if everything.count(c) == 1)
        )
    right = right.replace("...", "".join(names))
    summed = [c for c in dict.fromkeys(everything) if c not in right]
    labels = list(right) + summed
    product = None
    for subscripts, operand in zip(inputs, operands, strict=True):
        while len(set(subscripts)) < len(subscripts):
            twice = next(c for c in subscripts if subscripts.count(c) > 1)
            i = subscripts.index(twice)
            j = subscripts.index(twice, i + 1)
            operand = F.diagonal(operand, offset=0, dim1=i, dim2=j)
            subscripts = subscripts[:i] + subscripts[i + 1 : j] + subscripts[j + 1 :] + twice
        present = [c for c in labels if c in subscripts]
        operand = F.permute_axes(operand, tuple(subscripts.index(c) for c in present))
        sizes = iter(operand.shape)
        operand = F.reshape_to(operand, tuple(next(sizes) if c in subscripts else 1 for c in labels))
        product = operand if product is None else product * operand
    return F.sum(product, tuple(range(len(right), len(labels)))) if summed else product


@composite("kron")
def kron(F, input, other):
    ndim = max(input.ndim, other.ndim)
    a = (1,) * (ndim - input.ndim) + tuple(input.shape)
    b = (1,) * (ndim - other.ndim) + tuple(other.shape)
    left = F.reshape_to(input, tuple(n for m in a for n in (m, 1)))
    right = F.reshape_to(other, tuple(n for m in b for n in (1, m)))
    return F.reshape_to(left * right, tuple(m * n for m, n in zip(a, b, strict=True)))


@composite("cross")
def cross(F, input, other, dim=None):
    """Without ``dim``: along the first dimension of size three."""
    input, other = F.broadcast_tensors(input, other)
    if dim is None:
        dim = next((i for i, n in enumerate(input.shape) if n == 3), -1)
    if not input.ndim or input.shape[dim] != 3:
        raise RuntimeError("cross needs three components")
    left, right = (
        F.roll(input, -1, dim) * F.roll(other, 1, dim),
        F.roll(input, 1, dim) * F.roll(other, -1, dim),
    )
    return left - right


@composite("cdist")
def cdist(F, x1, x2, p=2.0):
    return F.vector_norm(F.unsqueeze(x1, -2) - F.unsqueeze(x2, -3), p, -1)


@composite("matrix_power")
def matrix_power(F, input, n):
    if n < 0:
        return F.matrix_power(F.inv(input), -n)
    out = None
    square = input
    while n:
        if n & 1:
            out = square if out is None else F.matmul(out, square)
        n >>= 1
        square = F.matmul(square, square) if n else square
    return (
        F.expand_to(F.cast(np.eye(input.shape[-1]), input.dtype), tuple(input.shape)) if out is None else out
    )


# Systems and determinants -----------------------------------------------------------------------------------


@composite("cofactors", "same")
def cofactors(F, input):
    """(-1)**(i+j) times the determinant without row i and column j."""
    n = input.shape[-1]
    if n == 0:
        return input
    kept = np.array([[k for k in range(n) if k != i] for i in range(n)], dtype=np.int64).reshape(n, n - 1)
    rows, columns = kept[:, None, :, None], kept[None, :, None, :]
    signs = (-1.0) ** np.add.outer(np.arange(n), np.arange(n))
    return F.det(F.index_advanced(input, index=(Ellipsis, rows, columns))) * signs


@composite("solve")
def solve(F, A, B, *, left=True):
    """A right-hand side of one dimension less (or one in all) is a vector."""
    if not left:
        A, B = F.transpose(A, -2, -1), F.transpose(B, -2, -1)
        return F.transpose(F.solve_system(A, B), -2, -1)
    if B.ndim == 1 or (B.ndim == A.ndim - 1 and tuple(B.shape) == tuple(A.shape[:-1])):
        return F.squeeze(F.solve_system(A, F.unsqueeze(B, -1)), -1)
    return F.solve_system(A, B)


@composite("inv", "same")
def inv(F, A):
    return F.solve_system(A, F.cast(np.eye(A.shape[-1]), A.dtype))


@composite("cholesky", "same")
def cholesky(F, A, *, upper=False):
    """Of a Hermitian matrix; so is its gradient."""
    factor = F.cholesky_factor((A + F.adjoint(A)) * 0.5)
    return F.adjoint(factor) if upper else factor


@composite("slogdet", "none")
def slogdet(F, A):
    determinant = F.det(A)
    return SignLog(F.sgn(determinant), F.log(F.abs(determinant)))


@composite("logdet", "none")
def logdet(F, input):
    return F.log(F.det(input))


@composite("solve_triangular")
def solve_triangular(F, A, B, *, upper, left=True, unitriangular=False):
    """What is on the other side of the diagonal is not read."""
    A = F.triu(A) if upper else F.tril(A)
    if unitriangular:
        A = F.where(np.eye(A.shape[-1], dtype=bool), 1, A)
    return F.solve(A, B, left=left)
