"""Which names may be used where. Edit these lists; everything else follows from them."""

from __future__ import annotations

import builtins
from functools import cache


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


KINDS = ("operator", "topic", "module", "optimizer", "scheduler", "family")
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

DERIVED_IDS = words(
    """
    value lengths forms forms-gradient in-place out gradient forward-mode second-order layouts promotion
    unknown-reduction deprecated-reduction
    mixed in-place-gradient integers-in-place returns
    defaults resume param-groups none-gradient closure zero-grad caller-state
    foreach fused capturable differentiable derivatives tensor-options complex sparse-gradients zero-size
    deepcopy pickle
    timetable construction wrong-order by-last-epoch step-to-epoch epoch-deprecated outside-change tensor-rate
    kept-in-a-file
    state initial training evaluation functional round-trip factory meta-device lazy no-batch
    """
)
"""Ids of the clauses that the generator derives; no clause written by hand may take one."""

REDUCTIONS = ("mean", "sum", "none")
"""What `reduction` may be wherever it is a parameter: every call of a loss is made with each."""
DEPRECATED_FLAGS = ("size_average", "reduce")
"""Parameters of losses that `reduction` has replaced."""

MAKERS = words(
    """
    tensor leaf complex_tensor complex_leaf integers booleans literal
    """
)
"""What a maker expression (``given``, tensor arguments) calls; the generator implements them."""

CONSTANTS = frozenset({"inf", "nan", "pi"})

VERBS = frozenset({"raises", "warns"})
"""The verbs of a program besides ``assert`` and ``yield``."""

STANDARD = words(
    """
    base64 collections contextlib copy functools gc io itertools math mmap operator os pickle tempfile threading
    weakref zipfile zlib
    """
)
MODULES = {"np": "numpy", **{name: name for name in sorted(STANDARD)}}
"""Modules that every program has without importing them, and what they are called in full."""

FORMULA_BUILTINS = words(
    """
    range len tuple list dict set zip enumerate isinstance int float bool complex str reversed sorted any all
    slice True False None Ellipsis getattr hasattr divmod callable map filter
    """
)

UNSAFE_BUILTINS = words(
    """
    open exec eval compile __import__ globals locals vars input breakpoint exit quit help print memoryview
    copyright credits license __build_class__ __loader__ __spec__ __debug__
    """
)

PROGRAM_BUILTINS = frozenset(dir(builtins)) - UNSAFE_BUILTINS | {"__name__", "__class__"}

EXCEPTIONS = frozenset(
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, Exception) and value.__name__ == name
)


@cache
def vocabulary() -> frozenset[str]:
    """The names of the reference's vocabulary, which formulas are written in."""
    from reference_impls import vocabulary_names

    return frozenset(vocabulary_names())


@cache
def formula_names() -> frozenset[str]:
    """What every formula may name besides its parameters."""
    return vocabulary() | FORMULA_BUILTINS | CONSTANTS


TOOLS = words(
    """
    dtype device pattern like floating differentiable contracted vjp filled gradient state_of refused transformed
    follows uniform normal truncated bernoulli constant pickled taking
    """
)
"""What programs find beside ``torch``: the dtype and device of their line, and the generator's helpers."""

PROGRAM_NAMES = PROGRAM_BUILTINS | VERBS | CONSTANTS | TOOLS | frozenset(MODULES) | {"torch"}
"""What every program may name besides what it is given and what it assigns."""

MAKER_NAMES = MAKERS | FORMULA_BUILTINS | CONSTANTS | {"torch"}
"""What a maker expression and an argument list may name."""
