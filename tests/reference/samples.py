"""Where each primitive is checked: one entry per name, each a list of samples away from kinks and jumps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

V = np.array([0.3, -1.7, 2.2])
W = np.array([1.1, 0.4, -0.6])
POSITIVE = np.array([0.2, 1.5, 3.7])
UNIT = np.array([-0.8, 0.1, 0.6])
Z = np.array([0.5 + 0.3j, -1.2 + 0.7j, 0.4 - 1.1j])
Y = np.array([-0.2 + 0.9j, 1.4 - 0.5j, 0.8 + 0.6j])
INNER = np.array([0.3 + 0.2j, -0.5 + 0.1j, 0.2 - 0.4j])
M = np.array([[0.5, -1.5, 2.0], [1.25, 0.75, -0.25]])
N = np.array([[1.5, 0.5], [-0.75, 2.5], [0.25, -1.0]])
CUBE = np.arange(24.0).reshape(2, 3, 4) * np.sin(np.arange(24.0)).reshape(2, 3, 4) / 8 + 0.1
SYSTEM = np.array([[2.0, -0.5, 0.25], [0.75, 1.5, -1.0], [-0.25, 0.5, 3.0]])
SINGULAR = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, 1.0]])
DEFINITE = SYSTEM @ SYSTEM.T
HERMITIAN = (SYSTEM + 1j * SINGULAR) @ (SYSTEM + 1j * SINGULAR).conj().T
COLUMN = np.array([[0.7], [-0.9]])
BITS = np.array([5, -3, 12])
FLAGS = np.array([True, False, True])
SCALAR = np.array(0.75)


@dataclass(frozen=True)
class Sample:
    """Inputs and attributes of one call."""

    inputs: tuple[np.ndarray, ...]
    attributes: dict[str, Any] = field(default_factory=dict)


def at(*inputs: Any, **attributes: Any) -> Sample:
    return Sample(tuple(np.asarray(x) for x in inputs), attributes)


def _each(names: str, *samples: Sample) -> dict[str, list[Sample]]:
    return {name: list(samples) for name in names.split()}


SAMPLES: dict[str, list[Sample]] = {
    # Elementwise
    **_each(
        "add sub", at(V, W), at(M, V), at(COLUMN, V, alpha=2.5), at(Z, V), at(SCALAR, V), at(V, Z, alpha=2)
    ),
    **_each("mul true_divide", at(V, W), at(M, V), at(COLUMN, V), at(Z, Y), at(V, Z), at(SCALAR, V)),
    **_each("neg", at(V), at(Z)),
    **_each("exp exp2 expm1 sin cos sinh cosh tan tanh sigmoid sech_squared", at(V), at(Z), at(SCALAR)),
    **_each("atan asinh reciprocal", at(V), at(INNER)),
    **_each("log log2 log10 sqrt rsqrt log1p", at(POSITIVE), at(Z)),
    "root_or_zero": [at(POSITIVE)],
    **_each("asin acos atanh", at(UNIT), at(INNER)),
    "acosh": [at(POSITIVE + 1), at(Z)],
    **_each("atan2 hypot logaddexp", at(V, W), at(M, V)),
    "remainder_of": [
        at(V, W, np.floor(V / W), floor=True),
        at(V, W, np.trunc(V / W), floor=False),
        at(BITS, np.array([3, 2, -5]), np.array([1, -2, -3]), floor=True),
    ],
    "pow_number": [
        at(V, exponent=2),
        at(V, exponent=-3),
        at(POSITIVE, exponent=0.5),
        at(V, exponent=0),
        at(V, exponent=1),
        at(Z, exponent=3),
        at(Z, exponent=1.5),
    ],
    "pow_tensor": [
        at(POSITIVE, V),
        at(POSITIVE, np.array([2.0, 3.0, -1.0])),
        at(SCALAR, V),
        at(Z, Y),
        at(POSITIVE, Z),
    ],
    "magnitude": [at(V)],
    "modulus": [at(Z)],
    "angle_complex": [at(Z)],
    "where": [at(FLAGS, V, W), at(FLAGS, M, V), at(FLAGS, Z, V)],
    **_each("maximum minimum", at(V, W), at(M, V)),
    "weigh": [at(V, np.array([0.0, 0.5, 1.0]))],
    "conjugate": [at(Z)],
    "make_complex": [at(V, W), at(M, V)],
    # Decisions
    **_each("eq ne lt le gt ge", at(V, W), at(M, V), at(BITS, BITS)),
    **_each("isnan isinf isfinite signbit", at(V), at(np.array([np.nan, np.inf, -np.inf, 0.0]))),
    "logical_not": [at(FLAGS), at(V)],
    **_each("logical_and logical_or logical_xor", at(FLAGS, V), at(BITS, BITS)),
    "bitwise_not": [at(FLAGS), at(BITS)],
    **_each("bitwise_and bitwise_or bitwise_xor", at(FLAGS, ~FLAGS), at(BITS, BITS[::-1])),
    **_each("bitwise_left_shift bitwise_right_shift", at(BITS, np.array([1, 2, 3]))),
    **_each("sign floor ceil trunc rint", at(V), at(BITS)),
    **_each("floor_divide truncated_quotient", at(V, W), at(BITS, np.array([3, 2, -5]))),
    "share": [at(V, W, largest=True), at(V, V, largest=True), at(V, W, largest=False)],
    **_each("argmax argmin", at(V), at(M, dim=1), at(M, dim=0, keepdim=True), at(SCALAR)),
    "argsort": [at(V), at(M, dim=0), at(np.array([1.0, 2.0, 1.0]), descending=True), at(SCALAR, dim=0)],
    **_each("running_argmax running_argmin", at(V, dim=0), at(M, dim=1)),
    "searchsorted": [at(np.sort(V), W), at(np.sort(V), V, right=True)],
    **_each("any all", at(FLAGS), at(M, dim=1), at(M, dim=0, keepdim=True)),
    "count_nonzero": [at(FLAGS), at(M, dim=1)],
    "nonzero_table": [at(FLAGS), at(M)],
    "even_share": [at(M, np.array([[2.0], [1.25]]), dim=1), at(np.array([1.0, 1.0, 0.0]), np.array([1.0]))],
    # Reductions
    "sum": [
        at(V),
        at(M, dim=1),
        at(CUBE, dim=(0, 2), keepdim=True),
        at(Z),
        at(SCALAR),
        at(CUBE, dim=-1),
        at(BITS),
    ],
    "sum_to": [at(M, shape=(3,)), at(M, shape=(2, 1)), at(CUBE, shape=(1, 4)), at(V, shape=(3,))],
    "cumsum": [at(V, dim=0), at(M, dim=1), at(Z, dim=0), at(SCALAR, dim=0)],
    "prod_along": [
        at(V, dim=0),
        at(M, dim=1),
        at(np.array([0.0, 2.0, 3.0]), dim=0),
        at(Z, dim=0),
        at(SCALAR, dim=0),
    ],
    "prod_of_others": [
        at(V, dim=0),
        at(M, dim=0),
        at(np.array([0.0, 2.0, 0.0]), dim=0),
        at(Z, dim=0),
        at(SCALAR, dim=0),
    ],
    **_each("amax amin", at(V), at(M, dim=1), at(CUBE, dim=(0, 2), keepdim=True), at(SCALAR)),
    # Movement
    **_each("reshape_to view_to", at(M, shape=(3, 2)), at(M, shape=(-1,)), at(SCALAR, shape=(1, 1))),
    "permute_axes": [at(CUBE, dims=(2, 0, 1))],
    "transpose": [at(CUBE, dim0=0, dim1=-1), at(SCALAR, dim0=0, dim1=0)],
    "movedim": [at(CUBE, source=0, destination=2)],
    "expand_to": [
        at(V, shape=(2, 3)),
        at(COLUMN, shape=(2, 4)),
        at(COLUMN, shape=(3, -1, 2)),
        at(SCALAR, shape=(2,)),
    ],
    "unsqueeze": [at(V, dim=0), at(V, dim=-1)],
    "slice": [
        at(M, index=(0,)),
        at(M, index=(slice(None), slice(1, 3))),
        at(M, index=(Ellipsis, None, 1)),
        at(V, index=(2,)),
    ],
    "strided": [
        at(M, size=(2, 2), stride=(1, 1), offset=1, layout=((2, 3), (3, 1))),
        at(V, size=(3,), stride=(0,), offset=2, layout=((3,), (1,))),
    ],
    "diagonal": [at(M), at(CUBE, offset=1, dim1=0, dim2=2), at(M, offset=-1)],
    "unbind": [at(M, dim=1)],
    "split_at": [at(M, sections=(1, 2), dim=1)],
    **_each("alias clone", at(V)),
    **_each("real_part imag_part real_pairs", at(Z)),
    "complex_of_pairs": [at(M[:, :2]), at(M[:, 1:])],
    "unslice": [at(V, shape=(2, 3), index=(1,)), at(COLUMN, shape=(2, 3), index=(slice(None), slice(1, 2)))],
    "diagonal_adjoint": [at(V[:2], shape=(2, 3)), at(M, shape=(3, 2, 4), offset=1, dim1=0, dim2=2)],
    "flip_axes": [at(M, dims=(1,)), at(CUBE, dims=(0, 2)), at(SCALAR, dims=(0,))],
    "roll": [at(M, shifts=1, dims=1), at(M, shifts=2), at(CUBE, shifts=(1, -1), dims=(0, 2))],
    **_each("tril triu", at(M), at(CUBE, diagonal=-1), at(CUBE, diagonal=1)),
    "pad_constant": [at(M, pad=(1, 2)), at(M, pad=(1, 0, 0, 1), value=0.5), at(CUBE, pad=(-1, 1))],
    "join": [at(M, M[:1], dim=0), at(V, W, dim=0), at(Z, V, dim=0)],
    "stack_tensors": [at(V, W, dim=0), at(M, M, dim=-1), at(Z, V, dim=1)],
    # Indexing
    "index_advanced": [
        at(M, index=(np.array([1, 0, 1]), np.array([2, 2, 2]))),
        at(V, index=(np.array([2, 0]),)),
        at(V, index=(FLAGS,)),
        at(CUBE, index=(slice(None), np.array([[0, 2]]), 1)),
    ],
    "place": [
        at(V, shape=(5,), index=(np.array([4, 0, 2]),)),
        at(V, shape=(2, 3), index=(np.array([1, 1, 0]), np.array([0, 1, 0]))),
    ],
    "accumulate": [
        at(V, shape=(2,), index=(np.array([1, 1, 0]),)),
        at(M, shape=(4, 3), index=(np.array([2, 2]),)),
    ],
    "put_at": [
        at(V, W[:2], index=(np.array([2, 0]),)),
        at(M, V, index=(1,)),
        at(M, SCALAR, index=(slice(None), 0)),
    ],
    "unfold_windows": [
        at(V, kernel=(2,), stride=(1,), dilation=(1,)),
        at(CUBE, kernel=(2, 2), stride=(1, 2), dilation=(2, 1)),
    ],
    "fold_windows": [
        at(N[:2], shape=(3,), kernel=(2,), stride=(1,), dilation=(1,)),
        at(CUBE[:, :, :2], shape=(2, 6), kernel=(2,), stride=(2,), dilation=(1,)),
    ],
    # Linear algebra
    "matrix_product": [
        at(M, N),
        at(CUBE, np.swapaxes(CUBE, 1, 2)),
        at(M, CUBE),
        at(Z[None], Y[:, None]),
        at(M, Z[:, None]),
    ],
    "dot": [at(V, W), at(Z, Y), at(V, Z)],
    "solve_system": [
        at(SYSTEM, N),
        at(np.stack([SYSTEM, SYSTEM.T]), N),
        at(SYSTEM + 0.5j * np.eye(3), N),
    ],
    "det": [
        at(SYSTEM),
        at(np.stack([SYSTEM, SYSTEM.T])),
        at(SINGULAR),
        at(SYSTEM * 1j + 1),
        at(M[:, :2]),
        at(M[:1, :1]),
    ],
    "cholesky_factor": [at(DEFINITE), at(np.stack([DEFINITE, DEFINITE + np.eye(3)])), at(HERMITIAN)],
    # Special functions
    **_each("erf erfc erf_slope erfcx i0 i1 i0e i1e log_ndtr", at(V), at(W)),
    **_each("erfinv", at(UNIT)),
    **_each("ndtri", at(np.array([0.05, 0.5, 0.8]))),
    "lgamma": [at(POSITIVE), at(np.array([-0.5, -2.3]))],
    "digamma": [at(POSITIVE), at(np.array([-0.5, -2.3]))],
    "polygamma_of": [at(POSITIVE, order=1), at(POSITIVE, order=3)],
    "zeta": [at(np.array([2.0, 3.5, 1.5]), POSITIVE)],
    **_each("gammainc gammaincc", at(POSITIVE, np.array([0.4, 1.1, 6.0]))),
    "sinc_derivative": [
        at(V),
        at(np.array([1e-3, 0.4, -0.6])),
        at(V, order=2),
        at(np.array([0.0, 1e-3]), order=1),
    ],
    "xlogy": [at(V, POSITIVE), at(POSITIVE, POSITIVE[::-1])],
    "xlog1py": [at(V, POSITIVE)],
    "entr": [at(POSITIVE)],
    # Random numbers
    **_each("random_uniform random_normal", at(shape=(3,))),
    "random_bernoulli": [at(np.array([0.2, 0.5, 0.9]))],
}
"""For each primitive, where it is checked."""
CONSTANT = frozenset(
    {
        ("zeta", "input"),
        ("gammainc", "input"),
        ("gammaincc", "input"),
        ("remainder_of", "quotient"),
        ("weigh", "weight"),
    }
)
"""Floating inputs without a derivative formula, by design."""
RANDOM = frozenset({"random_uniform", "random_normal", "random_bernoulli"})
