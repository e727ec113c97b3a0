"""The vocabulary beside torch: values, labels and gradients of two independent implementations.

Agreement proves neither right, and no formula was fitted to make it: definitions are judged by other tests.
But a disagreement is a lead, and this finds the slip of a sign or of a dimension in any of 200 composites.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from reference_impls import dtypes
from reference_impls.reference import Reference

torch = pytest.importorskip("torch")
REF = Reference()
RANDOM = np.random.default_rng(0)


def normal(*shape):
    return RANDOM.standard_normal(shape)


A, B, CUBE, SQUARE, V = normal(3, 4), normal(3, 4), normal(2, 3, 4), normal(3, 3), normal(4)
POSITIVE, C = np.abs(A) + 0.2, A + 1j * B
INDEX = np.array([[0, 1, 2, 1], [2, 2, 0, 0], [1, 0, 1, 2]])
SWAPPED = CUBE.transpose(0, 2, 1)
STACK = normal(2, 3, 3)
DEFINITE = STACK @ STACK.transpose(0, 2, 1) + np.eye(3)
NANS = np.array([np.nan, np.inf, -np.inf, 1.0])


def call(name, *arguments, **options):
    """One line of the table; ``special.x``, ``linalg.x`` and ``nn.x`` say where torch has ``x``."""
    shown = [str(a) for a in (*arguments, *options.values()) if isinstance(a, (int, float, str, tuple))]
    return pytest.param(name, arguments, options, id="-".join([name, *shown]))


def each(names, *arguments):
    return [call(name, *arguments) for name in names.split()]


CALLS = [
    *each("conj real imag abs angle sgn view_as_real norm", C),
    *each(
        "abs angle square deg2rad rad2deg frac relu sinc special.ndtr special.i1 special.i1e special.i0", A
    ),
    *each("special.log_ndtr special.erfcx nn.logsigmoid mean var norm prod max median cov diff sort", A),
    *each("adjoint t fliplr flipud rot90 flatten ravel", A),
    *each("mean var std logsumexp softmax log_softmax cumprod prod max min cummin", A, 1),
    *each("softmax logcumsumexp cummax median argmax argmin argsort sort nansum", A, 0),
    *each("remainder fmod logaddexp2 fmax fmin copysign dist inner max cdist ldexp", A, B),
    *each("cat stack hstack vstack dstack column_stack", [A, B]),
    call("masked_select", A, A > 0),
    call("polar", POSITIVE, A),
    call("complex", A, B),
    call("rsub", A, B, alpha=2),
    call("div", A, B, rounding_mode="floor"),
    call("div", A, B, rounding_mode="trunc"),
    call("remainder", A, 0.3),
    call("fmod", A, -0.3),
    call("addcmul", A, B, POSITIVE, value=0.5),
    call("addcdiv", A, B, POSITIVE),
    call("lerp", A, B, POSITIVE),
    call("lerp", A, B, 0.3),
    call("pow", A, 2),
    call("pow", POSITIVE, 0.5),
    call("pow", POSITIVE, B),
    call("pow", 2.0, A),
    call("float_power", POSITIVE, 1.5),
    call("logit", POSITIVE / 9),
    call("logit", A, eps=0.1),
    call("clamp", A, -0.3, 0.4),
    call("clamp", A, B, POSITIVE),
    call("clamp", A, max=0.3),
    call("nan_to_num", NANS),
    call("nanmean", NANS[[0, 3]]),
    call("round", A, decimals=1),
    call("isclose", A, A + 1e-9),
    call("polygamma", 2, POSITIVE),
    call("mvlgamma", POSITIVE + 2, 2),
    call("mean", CUBE, (0, 2), True),
    call("var", A, dim=0, correction=0),
    call("var", C, 0),
    call("std", A, 0, False),
    call("prod", A, 0, True),
    call("logsumexp", CUBE, (0, 1), True),
    *(call("norm", A, p, dim) for p, dim in [(1, None), (3.0, 1), (math.inf, 0), (-math.inf, 0), (0.5, 0)]),
    call("min", A, 0, True),
    call("aminmax", A, dim=1),
    call("sort", A, 1, True),
    call("topk", A, 2, 1),
    call("topk", A, 2, 0, False),
    call("kthvalue", A, 2, 1),
    call("trace", SQUARE),
    call("count_nonzero", A, 1),
    call("bincount", INDEX.reshape(-1)),
    call("nonzero", A > 0),
    call("flatten", CUBE, 1),
    call("squeeze", A[None]),
    call("permute", CUBE, (2, 0, 1)),
    call("flip", A, (0, 1)),
    call("rot90", A, 3),
    call("narrow", A, 1, 1, 2),
    call("select", A, 0, -1),
    call("split", A, 2),
    call("split", A, [1, 2]),
    call("chunk", A, 3, 1),
    call("tensor_split", A, 3, 1),
    call("tensor_split", A, (1, 3), 1),
    call("unbind", A, 1),
    call("tile", A, (2, 1)),
    call("tile", A, (2,)),
    call("repeat_interleave", A, 2, 1),
    call("repeat_interleave", A, 3),
    call("meshgrid", V, V[:2], indexing="xy"),
    call("meshgrid", V, V[:2], indexing="ij"),
    call("diag_embed", CUBE, 1, 0, 2),
    call("diag", V),
    call("diag", A, 1),
    call("diagflat", A, 1),
    call("nn.pad", CUBE, (1, 2, 0, 1), "constant", 2.0),
    *(call("nn.pad", CUBE, (1, 2), mode) for mode in ("reflect", "replicate", "circular")),
    call("nn.pad", CUBE[None], (1, 1, 2, 1), "reflect"),
    call("gather", A, 0, INDEX),
    call("gather", A, 1, INDEX[:2, :3]),
    call("take_along_dim", A, INDEX[:1], 0),
    call("index_select", A, 1, np.array([2, 0, 2])),
    call("take", A, np.array([5, 0])),
    call("masked_fill", A, A > 0, 2.0),
    call("masked_scatter", A, A > 0, B),
    call("scatter", A, 1, np.array([[0], [1], [2]]), value=3.0),
    call("scatter_add", A, 0, INDEX, B),
    call("index_add", A, 1, np.array([0, 0]), B[:, :2], alpha=2),
    call("index_copy", A, 1, np.array([0, 2]), B[:, :2]),
    call("index_fill", A, 1, np.array([0, 2]), 7.0),
    call("select_scatter", A, V, 0, 1),
    call("slice_scatter", A, B[:, :2], 1, 0, 4, 2),
    call("diagonal_scatter", A, V[:3]),
    *(
        call("scatter_reduce", A, 0, INDEX, B, how, include_self=own)
        for how in ("sum", "prod", "mean", "amax", "amin")
        for own in (True, False)
    ),
    call("nn.one_hot", INDEX),
    call("nn.embedding", INDEX, A),
    *(call("matmul", a, b) for a, b in [(A, V), (V, B.T), (CUBE, B.T), (V, V), (SQUARE, CUBE)]),
    call("mm", A, B.T),
    call("mv", A, V),
    call("bmm", CUBE, SWAPPED),
    call("addmm", SQUARE, A, B.T, beta=0.5, alpha=2),
    call("addmv", V[:3], A, V),
    call("addr", A, V[:3], V),
    call("baddbmm", STACK, CUBE, SWAPPED),
    call("addbmm", SQUARE, CUBE, SWAPPED),
    call("outer", V, V),
    call("vdot", C[0], C[1]),
    call("linalg.vecdot", C, C),
    call("nn.linear", CUBE, A, V[:3]),
    call("nn.bilinear", A, B, normal(2, 4, 4), V[:2]),
    call("tensordot", CUBE, A, 2),
    call("tensordot", A, B, ([1], [1])),
    call("einsum", "ij,kj->ik", A, B),
    call("einsum", "...ij,jk", CUBE, B.T),
    call("einsum", "ii", SQUARE),
    call("einsum", "ii->i", SQUARE),
    call("einsum", "bij,bjk,kl->il", CUBE, SWAPPED, SQUARE),
    call("kron", A, V),
    call("linalg.cross", A[:, :3], B[:, :3]),
    call("cdist", A, B, 1.0),
    call("matrix_power", SQUARE, 5),
    call("trapezoid", A, B),
    call("trapezoid", A, V),
    call("trapezoid", A, dx=0.5, dim=0),
    call("cumulative_trapezoid", A, B, dim=0),
    *(
        call("quantile", A, 0.4, 1, interpolation=how)
        for how in ("linear", "lower", "higher", "midpoint", "nearest")
    ),
    call("quantile", A, np.array([0.0, 0.3, 1.0]), 0, True),
    call("quantile", CUBE, 0.25),
    call("quantile", CUBE, np.array([0.25, 0.5]), None, True),
    call("nanmedian", np.where(A > 1, np.nan, A)),
    call("nanmedian", np.where(A > 1, np.nan, A), 1),
    call("isin", INDEX, np.array([0, 1])),
    call("corrcoef", A),
    call("matrix_exp", STACK),
    call("matrix_exp", 3 * SQUARE),
    call("linalg.multi_dot", [A, B.T, SQUARE]),
    *(call("linalg.matrix_norm", CUBE, p) for p in ("fro", 1, -1, math.inf, -math.inf)),
    call("linalg.vander", V, N=3),
    call("block_diag", A, V, SQUARE),
    call("cartesian_prod", V, V[:2]),
    call("hsplit", A, 2),
    call("vsplit", A, [1]),
    call("linalg.solve", STACK, SQUARE),
    call("linalg.solve", SQUARE, V[:3]),
    call("linalg.inv", STACK),
    call("linalg.det", STACK),
    call("linalg.slogdet", STACK),
    call("linalg.cholesky", DEFINITE),
    call("linalg.solve_triangular", STACK, SQUARE, upper=True),
    call("linalg.solve_triangular", STACK, SQUARE, upper=False, unitriangular=True),
]


def mapped(value, make):
    """``make`` on every array in nested arguments."""
    if isinstance(value, np.ndarray):
        return make(value)
    if isinstance(value, (list, tuple)):
        return type(value)(mapped(item, make) for item in value)
    return value


def flat(value):
    return [leaf for item in value for leaf in flat(item)] if isinstance(value, (list, tuple)) else [value]


def torch_leaf(array):
    return torch.tensor(array, requires_grad=array.dtype.kind in "fc")


def own_leaf(array):
    return REF.tensor_from(array.copy(), dtypes.of_array(array), requires_grad=array.dtype.kind in "fc")


def close(theirs, ours):
    np.testing.assert_allclose(ours.array, theirs.detach().resolve_conj().numpy(), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(("name", "arguments", "options"), CALLS)
def test_agreement(name, arguments, options):
    """Same values, same labels, same gradients for random cotangents."""
    function = torch
    for part in name.replace("nn.", "nn.functional.").split("."):
        function = getattr(function, part)
    theirs, ours = mapped(arguments, torch_leaf), mapped(arguments, own_leaf)
    expected = flat(function(*theirs, **options))
    if name == "linalg.cross":
        options = {"dim": -1}  # torch.cross looks for a dimension of three, torch.linalg.cross takes the last
    actual = flat(REF.ops.public[name.rsplit(".", maxsplit=1)[-1]](*ours, **options))
    assert len(expected) == len(actual)
    for e, a in zip(expected, actual, strict=True):
        close(e, a)
        assert str(e.dtype) == str(a.dtype)
        assert tuple(e.shape) == tuple(a.shape)
    pairs = [(e, a) for e, a in zip(expected, actual, strict=True) if e.requires_grad]
    if not pairs:
        return
    cotangents = [normal(*a.shape) + (1j * normal(*a.shape) if e.is_complex() else 0) for e, a in pairs]
    leaves = [
        (t, o) for t, o in zip(flat(theirs), flat(ours), strict=True) if getattr(o, "requires_grad", False)
    ]
    left = torch.autograd.grad(
        [e for e, _ in pairs],
        [t for t, _ in leaves],
        [torch.tensor(c) for c in cotangents],
        allow_unused=True,
    )
    right = REF.torch.autograd.grad(
        [a for _, a in pairs],
        [o for _, o in leaves],
        [REF.tensor_from(c, a.dtype) for c, (_, a) in zip(cotangents, pairs, strict=True)],
        allow_unused=True,
    )
    for e, a, (_, leaf) in zip(left, right, leaves, strict=True):
        zero = REF.zeros(leaf.array.shape, leaf.dtype)
        close(torch.zeros(leaf.array.shape) if e is None else e, zero if a is None else a)
