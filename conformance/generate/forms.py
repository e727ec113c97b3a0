"""The other forms of an operator: methods, modules, in place, `out=`, and inputs of several dtypes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from reference_impls.dtypes import NAMES

from ..case import Given, Sample
from ..spec.words import DEPRECATED_FLAGS
from .arguments import Arguments
from .derivation import Derivation

PROMOTIONS = (
    (("float32", (3,)), ("int64", (3,))),
    (("int64", ()), ("float32", (3,))),
    (("bfloat16", (3,)), ("float16", (3,))),
    (("float32", (3,)), ("float64", ())),
    (("float32", (3,)), ("float64", (3,))),
    (("int32", (3,)), ("float64", ())),
    (("uint8", (3,)), ("int8", (3,))),
    (("int16", (3,)), ("int64", ())),
)
"""Pairs of dtype and shape that meet: categories, widths, and the lower rank of zero-dimensional tensors."""


def forms(of: Derivation) -> list[Sample]:
    """Every alias, method and module form on every argument list."""
    return [
        of.sample(call, f"yield {text}\n", name=f"{call.name}, {form}")
        for call in of.plain()
        for form, text in _forms(of, call)
    ]


def gradients_of_forms(of: Derivation) -> list[Sample]:
    """The gradient of each form, on the first argument list that has one."""
    call, names = next(
        ((call, names) for call in of.plain() if (names := of.differentiable(call))), (None, ())
    )
    if call is None:
        return []
    return [
        of.sample(call, f"yield vjp({text}, ({', '.join(names)},))\n", names, f"{call.name}, {form}")
        for form, text in _forms(of, call)
    ]


def _forms(of: Derivation, call: Arguments) -> Iterator[tuple[str, str]]:
    """The other forms of a call by name, as text."""
    first = next(iter(call.tensors))
    for alias in of.aliases:
        if alias.startswith("torch.Tensor."):
            yield alias, call.text(f"{first}.{alias.rpartition('.')[2]}", without=[first])
        else:
            yield alias, call.text(alias)
    yield from zip(of.modules, of.module_forms(call), strict=True)


def deprecated_reduction(of: Derivation) -> list[Sample]:
    """Each combination of the deprecated flags, with the function and with its modules."""
    samples = []
    call = of.calls()[0]
    flags = (None, False, True)
    for average, reduce in itertools.product(flags, flags):
        given = dict(zip(DEPRECATED_FLAGS, (repr(average), repr(reduce)), strict=True))
        flagged = replace(call, others={**call.others, **given})
        text = "".join(f"yield {form}\n" for form in (flagged.text(of.name), *of.module_forms(flagged)))
        samples.append(of.sample(flagged, text, name=f"size_average={average}, reduce={reduce}"))
    return samples


def promoting(of: Derivation) -> list[str]:
    """The inputs whose common dtype is that of the result."""
    if not of.body.elementwise or of.body.result != ("promote",):
        return []
    return [str(n) for n, i in of.body.inputs.items() if {"int64", "float32"} <= set(i.dtype)]


def promotion(of: Derivation) -> list[Sample]:
    """The first two inputs in pairs of dtypes."""
    call = of.calls()[0]
    first, second = promoting(of)[:2]
    samples = []
    for one, other in PROMOTIONS:
        tensors = dict(call.tensors)
        for name, (dtype, shape) in ((first, one), (second, other)):
            array = np.resize(tensors[name].values, shape).astype(NAMES[dtype].storage)
            tensors[name] = Given(array, dtype=dtype)
        tensors = {n: g if g.dtype else Given(np.resize(g.values, (3,))) for n, g in tensors.items()}
        text = f"result = {call.text(of.name)}\nassert result.dtype == torch.result_type({first}, {second})\n"
        spoken = " with ".join(dtype + " scalar" * (not shape) for dtype, shape in (one, other))
        samples.append(of.sample(replace(call, tensors=tensors), text + "yield result\n", name=spoken))
    return samples


def in_place(of: Derivation) -> list[Sample]:
    """The in-place forms on a copy, with their gradient; on a leaf that requires grad they are refused."""
    samples = []
    for call in of.plain():
        first = next(iter(call.tensors))
        forms: dict[str, str] = {
            name: call.text(f"copy.{name.rpartition('.')[2]}", without=[first])
            if name.startswith("torch.Tensor.")
            else call.text(name, {first: "copy"})
            for name in of.inplace
        }
        if "inplace" in of.body.signature.names:
            others = {**call.others, "inplace": "True"}
            forms["inplace=True"] = replace(call, others=others).text(of.name, {first: "copy"})
        for form, text in forms.items():
            program = (
                f"copy = {first}.clone()\nreturned = {text}\nassert returned is copy\nyield copy\n"
                + (f"yield vjp(copy, ({first},))\n" if of.continuous else "")
                + f"with raises(RuntimeError):\n    {text.replace('copy', first, 1)}\n" * of.continuous
            )
            samples.append(of.sample(call, program, [first] * of.continuous, f"{call.name}, {form}"))
    return samples


def out(of: Derivation) -> list[Sample]:
    """`out=` into tensors of the right shape, wherever they lie; arguments that require grad are refused."""
    samples = []
    for call in of.plain():
        into = replace(call, others={**call.others, "out": "out"}).text(of.name)
        text = f"out = torch.empty_like({call.text(of.name)})\nreturned = {into}\nassert returned is out\nyield out\n"
        samples.append(of.sample(call, text))
        apart = f"out = torch.stack([torch.empty_like({call.text(of.name)})] * 2, -1)[..., 0]\n"
        samples.append(
            of.sample(
                call,
                f"{apart}returned = {into}\nassert returned is out\nyield out\n",
                name=f"{call.name}, strided",
            )
        )
        if names := of.differentiable(call) if of.continuous else ():
            refused = f"out = torch.empty_like({call.text(of.name)}.detach())\nwith raises(RuntimeError):\n    {into}\n"
            samples.append(of.sample(call, refused, names, f"{call.name}, requires grad"))
    return samples
