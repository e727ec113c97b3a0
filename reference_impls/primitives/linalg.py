"""Products of matrices and vectors, linear systems, determinants, factors.

One operand carries the noise of the accumulation.
"""

from __future__ import annotations

from ..primitive import Kind, Primitive


def _product(xp, input, other):
    if input.shape[-1] != other.shape[-2]:
        raise RuntimeError(f"matrices of shapes {input.shape} and {other.shape} cannot be multiplied")
    return xp.matmul(xp.addends(input, (input.ndim - 1,), products=True), other)


def _dot(xp, input, other):
    if input.shape != other.shape:
        raise RuntimeError(f"vectors of shapes {input.shape} and {other.shape} have no inner product")
    return xp.dot(xp.addends(input, (0,), products=True), other)


def _adjoint(F, matrix):
    return F.conj(F.transpose(matrix, -2, -1))


def _square(matrix):
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2]:
        raise RuntimeError(f"a square matrix is needed, not one of shape {matrix.shape}")
    return matrix


def _solve(xp, input, other):
    if _square(input).shape[-1] != other.shape[-2]:
        raise RuntimeError(f"a system of shape {input.shape} has no right-hand side of shape {other.shape}")
    return xp.solve(xp.addends(input, None, input.shape[-1]), other)


def _cholesky_vjp(F, g, result):
    """With P the lower triangle and half the diagonal: S + S**H for S = L**-H P(L**H g) L**-1 / 2.

    That is the cotangent of a Hermitian matrix; the lower triangle, which alone is read, gets that of both.
    """
    inner = F.tril(F.matrix_product(_adjoint(F, result), g))
    inner = inner - _diagonal(F, inner) * 0.5
    left = F.solve_system(_adjoint(F, result), inner)
    whole = _adjoint(F, F.solve_system(_adjoint(F, result), _adjoint(F, left)))
    whole = whole + _adjoint(F, whole)
    return F.tril(whole) - _diagonal(F, whole) * 0.5


def _diagonal(F, matrix):
    return F.diag_embed(F.diagonal(matrix, offset=0, dim1=-2, dim2=-1))


PRIMITIVES = [
    Primitive(
        "matrix_product",
        # Both operands have two dimensions or more; leading ones broadcast.
        _product,
        {
            "input": lambda F, g, other: F.matrix_product(g, _adjoint(F, other)),
            "other": lambda F, g, input: F.matrix_product(_adjoint(F, input), g),
        },
        linear=True,
        kind=Kind.ACCUMULATING,
    ),
    Primitive(
        "dot",
        _dot,
        {"input": lambda F, g, other: g * F.conj(other), "other": lambda F, g, input: g * F.conj(input)},
        linear=True,
        kind=Kind.ACCUMULATING,
    ),
    Primitive(
        "solve_system",
        # X with A X = B; both are matrices, leading dimensions broadcast.
        _solve,
        {
            "input": lambda F, g, input, result: (
                -F.matrix_product(F.solve_system(_adjoint(F, input), g), _adjoint(F, result))
            ),
            "other": lambda F, g, input: F.solve_system(_adjoint(F, input), g),
        },
        kind=Kind.ACCUMULATING,
    ),
    Primitive(
        "det",
        lambda xp, input: xp.det(xp.addends(_square(input), None, input.shape[-1])),
        # By cofactors, which exist where the inverse does not.
        {"input": lambda F, g, input: F.unsqueeze(F.unsqueeze(g, -1), -1) * F.conj(F.cofactors(input))},
        kind=Kind.ACCUMULATING,
        dtype="same",
    ),
    Primitive(
        "cholesky_factor",
        lambda xp, input: xp.cholesky(xp.addends(_square(input), None, input.shape[-1])),
        {"input": _cholesky_vjp},
        kind=Kind.ACCUMULATING,
        dtype="same",
    ),
]
