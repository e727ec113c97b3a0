"""Cases of an operator: everything that follows from its definition without being written again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..case import Case, Given, Sample
from ..spec.words import COMPLEX, FLOATING
from . import claims, forms, orders
from .arguments import LAYOUTS, laid_out
from .common import program_cases
from .derivation import Derivation
from .makers import number

if TYPE_CHECKING:
    from ..spec import OperatorSpec

ALL_MODES = ("eager", "compile", "vmap")
LENGTHS = (1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65)
"""Lengths around the widths of vector registers."""


def operator_cases(spec: OperatorSpec) -> Iterator[Case]:
    """Derived checks of each overload, then what the spec writes by hand."""
    for overload, body in spec.bodies.items():
        of = Derivation(spec, body, f"{overload}-" if overload else "")
        if not spec.random:
            yield from _derived(of)
        yield from claims.special(of)
        yield from claims.errors(of)
    yield from program_cases(spec)


def _derived(of: Derivation) -> Iterator[Case]:
    differentiable = tuple(d for d in of.dtypes if d in FLOATING + COMPLEX)
    floating = tuple(d for d in of.dtypes if d in FLOATING)
    yield of.case(
        "value", "Its value is that of the definition.", lambda mode: value(of, mode), modes=ALL_MODES
    )
    if len(of.body.inputs) == 1 and of.body.elementwise:
        yield of.case(
            "lengths",
            "Its value does not depend on where in memory an element lies.",
            lambda mode: lengths(of),
            dtypes=floating,
        )
    if len(forms.promoting(of)) > 1:
        yield of.case(
            "promotion",
            "Inputs of different dtypes are promoted as the documentation of type promotion says.",
            lambda mode: forms.promotion(of),
            dtypes=("float32",),
            shared=False,
        )
    if of.aliases or of.modules:
        yield of.case(
            "forms",
            "Each of its other forms computes the same.",
            lambda mode: forms.forms(of),
            dtypes=differentiable or of.dtypes,
        )
    if of.inplace or "inplace" in of.body.signature.names:
        yield of.case(
            "in-place",
            "The in-place form writes the same values to its input and returns it.",
            lambda mode: forms.in_place(of),
            dtypes=floating,
            needs=frozenset({"inplace", "autograd"}),
        )
    if "out" in of.body.signature.names:
        yield of.case(
            "out",
            "With `out=` the result is written to the given tensor, which is returned.",
            lambda mode: forms.out(of),
            dtypes=floating,
            needs=frozenset({"inplace"}),
        )
    if of.body.has_deprecated_flags:
        yield of.case(
            "deprecated-reduction",
            "The deprecated `size_average` and `reduce` still choose the reduction that they stood for.",
            lambda mode: forms.deprecated_reduction(of),
            dtypes=floating,
        )
    if not of.continuous:
        return
    yield of.case(
        "gradient",
        "Its gradient is that of the definition.",
        lambda mode: gradient(of, mode),
        dtypes=differentiable,
        modes=ALL_MODES,
        needs=frozenset({"autograd"}),
    )
    if of.aliases or of.modules:
        yield of.case(
            "forms-gradient",
            "The gradient of each of its other forms is the same.",
            lambda mode: forms.gradients_of_forms(of),
            dtypes=differentiable,
            needs=frozenset({"autograd"}),
        )
    yield of.case(
        "forward-mode",
        "Its directional derivative is that of the definition.",
        lambda mode: orders.forward_mode(of),
        dtypes=floating,
        needs=frozenset({"forward-mode"}),
    )
    yield of.case(
        "second-order",
        "Its second derivatives agree with the definition in all four compositions of modes.",
        lambda mode: orders.second_order(of),
        dtypes=floating,
        needs=frozenset({"double-backward"}),
    )
    yield of.case(
        "layouts",
        "Value and gradient do not depend on how the inputs lie in memory.",
        lambda mode: layouts(of),
        dtypes=floating,
        needs=frozenset({"strides", "autograd"}),
    )


def value(of: Derivation, mode: str) -> list[Sample]:
    """The bare call."""
    return [of.sample(call, of.result(call, mode) + "yield result\n") for call in of.calls()]


def gradient(of: Derivation, mode: str) -> list[Sample]:
    """The call and its vector-Jacobian product."""
    samples = []
    for call in of.calls():
        if names := of.differentiable(call):
            text = of.result(call, mode) + f"yield result\nyield vjp(result, ({', '.join(names)},))\n"
            samples.append(of.sample(call, text, names))
    return samples


def lengths(of: Derivation) -> list[Sample]:
    """The same values at every length around the vector widths, the points of interest in every lane."""
    name, declared = next(iter(of.body.inputs.items()))
    call = of.calls()[0]
    points = [float(number(p)) for p in declared.points]
    spread = np.resize(call.tensors[name].values, max(LENGTHS))
    if points:
        spread[::3] = np.resize(points, len(spread[::3]))  # in every lane: no width is divisible by three
    cut = call.text(of.name, {name: f"{name}[:length]"})
    text = f"for length in {LENGTHS}:\n    yield {cut}\n"
    return [of.sample(replace(call, tensors={name: Given(spread)}), text, name="every length")]


def layouts(of: Derivation) -> list[Sample]:
    """The first call that has matrices, or at least vectors, in each memory layout."""
    samples = []
    for layout, ranks in LAYOUTS.items():
        tried = (laid_out(call, layout, rank) for rank in ranks for call in of.calls())
        moved = next(filter(None, tried), None)
        if moved and (names := of.differentiable(moved)):
            text = f"result = {moved.text(of.name)}\nyield result\nyield vjp(result, ({', '.join(names)},))\n"
            samples.append(of.sample(moved, text, names))
    return samples
