"""Which names may be used where. Edit these lists; everything else follows from them."""

from __future__ import annotations

import builtins
from functools import cache

KINDS = ("operator", "topic", "module", "optimizer", "scheduler")
"""The key that says what kind of spec a file is."""

ROOT = "specs"
"""What the folder of all specs is called."""

JUDGES = ("reference", "literals", "law", "round trip")

FLOATING = ("float64", "float32", "bfloat16", "float16")
COMPLEX = ("complex128", "complex64")
INTEGER = ("int64", "int32", "int16", "int8", "uint8")
BOOLEAN = ("bool",)
FURTHER = ("complex32", "uint16", "uint32", "uint64", "float8_e4m3fn", "float8_e5m2")
DTYPE_GROUPS = {
    "floating": FLOATING,
    "complex": COMPLEX,
    "differentiable": FLOATING + COMPLEX,
    "integer": INTEGER,
    "boolean": BOOLEAN,
    "numeric": FLOATING + INTEGER,
    "any": FLOATING + COMPLEX + INTEGER + BOOLEAN,
}
DTYPES = FLOATING + COMPLEX + INTEGER + BOOLEAN + FURTHER
RESULT_DTYPES = ("promote", "float", "sum", "same", "real", *DTYPES)
"""How the dtype of an operator's result follows from those of its inputs; a dtype's name fixes it.

``float`` turns integers into the default dtype, ``sum`` integers and booleans into int64."""

DERIVED_IDS = frozenset(
    """
    value lengths forms in-place out gradient forward-mode second-order layouts promotion
    defaults resume param-groups none-gradient closure zero-grad caller-state
    foreach fused capturable differentiable
    timetable construction wrong-order
    state initial training evaluation functional round-trip pickle
    """.split()
)
"""Ids of the clauses that the generator derives; no clause written by hand may take one."""

MAKERS = frozenset(
    """
    tensor leaf scalar scalar_leaf integers booleans complex_tensor complex_leaf literal literal_leaf
    parameter positive symmetric well_conditioned one_hot permutation distinct ties linspace arange zeros ones full
    """.split()
)
"""What a maker expression (``given``, tensor arguments) calls; the generator implements them."""

CONSTANTS = frozenset({"inf", "nan", "pi"})

VERBS = frozenset({"raises", "warns"})
"""The verbs of a program besides ``assert`` and ``yield``."""

MODULES = {
    "np": "numpy",
    **{
        name: name
        for name in (
            "collections",
            "contextlib",
            "copy",
            "functools",
            "gc",
            "io",
            "itertools",
            "math",
            "operator",
            "pickle",
            "threading",
            "weakref",
        )
    },
}
"""Modules that every program has without importing them, and what they are called in full."""

FORMULA_BUILTINS = frozenset(
    """
    range len tuple list dict set zip enumerate isinstance int float bool complex str reversed sorted any all slice
    True False None Ellipsis getattr hasattr divmod callable map filter
    """.split()
)

UNSAFE_BUILTINS = frozenset(
    """
    open exec eval compile __import__ globals locals vars input breakpoint exit quit help print memoryview
    copyright credits license __build_class__ __loader__ __spec__ __debug__
    """.split()
)

PROGRAM_BUILTINS = frozenset(name for name in dir(builtins) if name not in UNSAFE_BUILTINS) | {
    "__name__",
    "__class__",
}

EXCEPTIONS = frozenset(
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, Exception) and value.__name__ == name
)

# Until the reference is there to say what its vocabulary is.
FALLBACK_VOCABULARY = frozenset(
    """
    abs absolute add acos acosh all amax amin angle any arange argmax argmin argsort asin asinh atan atan2 atanh
    broadcast_to cat ceil clamp clip complex conj concatenate cos cosh cumprod cumsum det diag diagonal digamma divide
    dot einsum equal erf erfc erfinv exp exp2 expand expm1 eye flatten flip floor floor_divide fmod full full_like
    gather greater greater_equal heaviside imag index_select inv isfinite isinf isnan kron less less_equal lgamma
    linspace log log10 log1p log2 log_softmax logaddexp logical_and logical_not logical_or logical_xor logsumexp
    masked_fill matmul max maximum mean median min minimum multiply nan_to_num negative norm not_equal ones ones_like
    outer pad permute polygamma power prod real reciprocal relu remainder reshape roll round rsqrt scatter select
    sigmoid sign sin sinc sinh slice_of softmax sort split sqrt square squeeze stack std subtract sum tan tanh tensordot
    topk transpose trapezoid tril triu trunc unsqueeze var where xlogy zeros zeros_like uniform normal constant
    conv conv2d dropout lstm
    """.split()
)


@cache
def vocabulary() -> frozenset[str]:
    """The names of the reference's vocabulary, which formulas are written in."""
    try:
        from reference_impls import vocabulary_names
    except ImportError:
        return FALLBACK_VOCABULARY
    return frozenset(vocabulary_names())


@cache
def formula_names() -> frozenset[str]:
    """What every formula may name besides its parameters."""
    return vocabulary() | FORMULA_BUILTINS | CONSTANTS


TOOLS = frozenset(
    """
    dtype device pattern like floating differentiable contracted vjp filled gradient state_of transformed
    follows uniform normal bernoulli constant pickled
    """.split()
)
"""What programs find beside ``torch``: the dtype and device of their line, and the helpers of the generator."""

PROGRAM_NAMES = PROGRAM_BUILTINS | VERBS | CONSTANTS | TOOLS | frozenset(MODULES) | {"torch"}
"""What every program may name besides what it is given and what it assigns."""

MAKER_NAMES = MAKERS | FORMULA_BUILTINS | CONSTANTS | {"torch"}
"""What a maker expression and an argument list may name."""
