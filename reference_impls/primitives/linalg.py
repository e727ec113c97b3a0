"""Products of matrices and vectors. One operand carries the noise of the accumulation."""

from __future__ import annotations

from ..primitive import Kind, Primitive


def _product(xp, input, other):
    if input.shape[-1] != other.shape[-2]:
        raise RuntimeError(f"matrices of shapes {input.shape} and {other.shape} cannot be multiplied")
    return xp.matmul(xp.addends(input, input.shape[-1]), other)


def _dot(xp, input, other):
    if input.shape != other.shape:
        raise RuntimeError(f"vectors of shapes {input.shape} and {other.shape} have no inner product")
    return xp.dot(xp.addends(input, input.size), other)


def _adjoint(F, matrix):
    return F.conj(F.transpose(matrix, -2, -1))


PRIMITIVES = [
    Primitive(
        "matrix_product",
        # Both operands have two dimensions or more; leading ones broadcast.
        _product,
        {
            "input": lambda F, g, other: F.matrix_product(g, _adjoint(F, other)),
            "other": lambda F, g, input: F.matrix_product(_adjoint(F, input), g),
        },
        kind=Kind.ACCUMULATING,
    ),
    Primitive(
        "dot",
        _dot,
        {"input": lambda F, g, other: g * F.conj(other), "other": lambda F, g, input: g * F.conj(input)},
        kind=Kind.ACCUMULATING,
    ),
]
