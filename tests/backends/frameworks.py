"""A functional framework for tests: the functions and the transforms of a reference, taken for a framework's own."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from conformance.assemble import assemble, furnish
from conformance.backends.functional import FunctionalBackend
from conformance.spec import discover, load
from reference_impls import Reference
from reference_impls.dtypes import NAMES

SPECS = Path(__file__).parents[2] / "specs" / "torch"
WORDS = """
    add sub mul true_divide neg pow exp log sin tanh matmul sum mean maximum where reshape transpose getitem
    unsqueeze zeros_like sqrt abs eq gt lt square sigmoid reversed_dims chunk unbind select cat stack squeeze
    log_softmax conj
"""


@cache
def specs():
    return tuple(load(path) for path in discover(SPECS))


class Framework(FunctionalBackend):
    """The reference behind a table and a vjp; ``own`` replaces entries of the table, None removes them."""

    name = "functions"
    version = "1"
    dtypes = frozenset({"float64", "complex128", "int64", "bool"})

    def __init__(self, **own):
        self.reference = assemble(specs(), Reference())
        torch, public = self.reference.torch, self.reference.ops.public
        table = {name: public[name] for name in WORDS.split()}
        table |= {
            "to": lambda array, dtype: array.to(NAMES[dtype]),
            "clone": lambda array: array.clone(),
            "expand": lambda array, *sizes: array.expand(*sizes),
            "detach": lambda array: array.detach(),
            "torch.nn.functional.softplus": torch.nn.functional.softplus,
            "torch.nn.functional.linear": torch.nn.functional.linear,
        }
        table |= {name.replace("__", "."): function for name, function in own.items()}
        self.functions = {name: function for name, function in table.items() if function is not None}
        self.scale = 1.0
        """A fault: by how much the pullback is off."""
        super().__init__()
        furnish(specs(), self.host)

    def vjp(self, function, primals):
        outputs, pull_back = self.reference.torch.func.vjp(lambda *a: tuple(function(*a)), *primals)
        return list(outputs), lambda cotangents: [self.scale * g for g in pull_back(tuple(cotangents))]

    def jvp(self, function, primals, tangents):
        outputs, slopes = self.reference.torch.func.jvp(
            lambda *a: tuple(function(*a)), tuple(primals), tuple(tangents)
        )
        return list(outputs), list(slopes)

    def array_from(self, values, dtype):
        return self.reference.tensor_from(values.copy(), NAMES[dtype])

    def numpy_from(self, array):
        return np.array(array.detach().array)

    def dtype_name(self, array):
        return array.dtype.name

    def is_array(self, value):
        return isinstance(value, self.reference.Tensor)
