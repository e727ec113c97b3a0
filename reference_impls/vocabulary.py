"""The vocabulary: every operator's name, and which of them are methods and Python operators of a tensor."""

from __future__ import annotations

from .algorithms import attention, convolution, ctc, interpolation, pooling, recurrent, sampling
from .composites import creation, elementwise, indexing, linalg, numerics, random, reductions, shaping
from .composites.registry import COMPOSITES
from .primitives import TABLE

_FILES = (
    attention,
    creation,
    elementwise,
    indexing,
    linalg,
    numerics,
    random,
    reductions,
    shaping,
    convolution,
    pooling,
    recurrent,
    ctc,
    interpolation,
    sampling,
)
_CLASHES = COMPOSITES.keys() & TABLE.keys()
if _CLASHES:
    raise ValueError(f"both primitive and composite: {sorted(_CLASHES)}")

_SAME_NAME = """
    abs acos acosh add addbmm addcdiv addcmul addmm addmv addr adjoint all allclose amax amin aminmax
    angle any argmax argmin argsort argwhere as_strided asin asinh atan atan2 atanh baddbmm bernoulli bincount
    bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor bmm
    broadcast_to ceil cholesky chunk clamp clamp_max clamp_min clip clone conj conj_physical copysign
    corrcoef cos cosh count_nonzero cov cross cummax cummin cumprod cumsum deg2rad det diag diag_embed
    diagflat diagonal diagonal_scatter diff digamma dist div divide dot dsplit eq equal erf erfc erfinv
    exp exp2 expand expand_as expm1 fix flatten flip fliplr flipud float_power floor floor_divide fmax
    fmin fmod frac gather ge gt heaviside hsplit hypot index_add index_copy index_fill index_put
    index_select inner isclose isfinite isinf isnan isneginf isposinf isreal kron kthvalue ldexp le lerp
    lgamma log log10 log1p log2 log_softmax logaddexp logaddexp2 logcumsumexp logdet logical_and
    logical_not logical_or logical_xor logit logsumexp lt masked_fill masked_scatter masked_select
    matmul matrix_exp matrix_power max maximum mean median min minimum mm moveaxis movedim msort mul
    multiply mv mvlgamma nan_to_num nanmean nanmedian nansum narrow narrow_copy ne neg negative nonzero
    norm outer permute polygamma positive pow prod quantile rad2deg ravel reciprocal relu remainder
    repeat repeat_interleave reshape reshape_as resolve_conj resolve_neg roll rot90 round rsqrt scatter
    scatter_add scatter_reduce select select_scatter sgn sigmoid sign signbit sin sinc sinh
    slice_scatter slogdet softmax sort split sqrt square squeeze std sub subtract sum swapaxes swapdims
    t take take_along_dim tan tanh tensor_split tile topk trace transpose tril triu true_divide trunc
    unbind unflatten unfold unsqueeze var vdot view view_as vsplit xlogy
"""
METHODS: dict[str, str] = {name: name for name in _SAME_NAME.split()} | {
    "absolute": "abs",
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsin": "asin",
    "arcsinh": "asinh",
    "arctan": "atan",
    "arctan2": "atan2",
    "arctanh": "atanh",
    "greater": "gt",
    "inverse": "inv",
    "greater_equal": "ge",
    "less": "lt",
    "less_equal": "le",
    "not_equal": "ne",
    "i0": "i0",
}
"""Methods of ``torch.Tensor`` that are operators of the vocabulary. (Those with ``_`` appended follow.)"""

OPERATORS: dict[str, str] = {
    "__add__": "add",
    "__sub__": "sub",
    "__mul__": "mul",
    "__truediv__": "true_divide",
    "__floordiv__": "floor_divide",
    "__mod__": "remainder",
    "__pow__": "pow",
    "__matmul__": "matmul",
    "__neg__": "neg",
    "__pos__": "positive",
    "__abs__": "abs",
    "__invert__": "bitwise_not",
    "__and__": "bitwise_and",
    "__or__": "bitwise_or",
    "__xor__": "bitwise_xor",
    "__lshift__": "bitwise_left_shift",
    "__rshift__": "bitwise_right_shift",
    "__eq__": "eq",
    "__ne__": "ne",
    "__lt__": "lt",
    "__le__": "le",
    "__gt__": "gt",
    "__ge__": "ge",
    "__getitem__": "getitem",
}
"""Python's operators with the tensor on the left."""
REFLECTED: dict[str, str] = {
    "__radd__": "add",
    "__rsub__": "sub",
    "__rmul__": "mul",
    "__rtruediv__": "true_divide",
    "__rfloordiv__": "floor_divide",
    "__rmod__": "remainder",
    "__rpow__": "pow",
    "__rmatmul__": "matmul",
    "__rand__": "bitwise_and",
    "__ror__": "bitwise_or",
    "__rxor__": "bitwise_xor",
}
"""Python's operators with the tensor on the right: the operands change places."""
PROPERTIES: dict[str, str] = {
    "T": "reversed_dims",
    "mT": "matrix_transpose",
    "H": "adjoint",
    "mH": "adjoint",
} | {
    "real": "real",
    "imag": "imag",
}
"""Attributes of a tensor that are operators."""
ALIASES: dict[str, str] = {alias: name for alias, name in METHODS.items() if alias != name} | {
    "concat": "cat",
    "concatenate": "cat",
    "expit": "sigmoid",
    "gammaln": "lgamma",
    "psi": "digamma",
    "igamma": "gammainc",
    "igammac": "gammaincc",
    "multigammaln": "mvlgamma",
    "log_sigmoid": "logsigmoid",
    "row_stack": "vstack",
    "inverse": "inv",
    "trapz": "trapezoid",
}
"""Other names of operators, in ``torch``, ``torch.special`` and formulas."""
