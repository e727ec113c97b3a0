"""What an operator's spec states at single points: special values and refusals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from textwrap import indent
from typing import TYPE_CHECKING, Any

import numpy as np

from ..case import Case, Given, Sample
from ..spec.words import FLOATING
from .arguments import VECTOR, Arguments
from .derivation import Derivation
from .makers import Makers, evaluate, number

if TYPE_CHECKING:
    from ..spec import Formula, Refusal, Special, Text


def special(of: Derivation) -> Iterator[Case]:
    """A clause for each special point: alone, and in every lane of a vector."""
    for id, entry in of.body.special.items():
        yield of.case(
            id,
            f"At {_spoken(entry.arguments)} {_claimed(entry)}.",
            partial(_special, of, entry),
            dtypes=tuple(d for d in of.dtypes if d in FLOATING),
            needs=frozenset({"autograd"}),
            claim=entry,
        )


def errors(of: Derivation) -> Iterator[Case]:
    """A clause for each documented refusal, and one for a reduction that is none."""
    if "reduction" in of.body.signature.defaults:
        yield of.case(
            "unknown-reduction",
            "A reduction that is none of those documented is refused with ValueError.",
            partial(_unknown_reduction, of),
            dtypes=("float32",),
            judge="literals",
            needs=frozenset({"error-checks"}),
        )
    for id, entry in of.body.errors.items():
        yield of.case(
            id,
            entry.sentence,
            partial(_refused, of, id, entry),
            dtypes=("float32",),
            judge="literals",
            needs=frozenset({"error-checks"}),
            claim=entry,
        )


def _special(of: Derivation, entry: Special, mode: str) -> list[Sample]:
    samples = []
    call = of.calls()[0]
    others = {str(k): str(v.text) for k, v in entry.arguments.items() if k not in of.body.inputs}
    shapes = {"scalar": (), "vector": (VECTOR,)} if of.body.elementwise else {"scalar": ()}
    for name, shape in shapes.items():
        tensors = {
            str(n): Given(np.full(shape, number(entry.arguments[n]), dtype=np.float64))
            for n in of.body.inputs
            if n in entry.arguments
        }
        here = Arguments(name, tensors, {**call.others, **others}, FLOATING, of.body.signature)
        text = f"result = {here.text(of.name)}\n"
        if entry.result is not None:
            text += f"assert result == {_full(shape, number(entry.result))}\n"
        gradients = entry.gradients(tuple(tensors))
        if gradients:
            text += f"gradients = torch.autograd.grad(result, ({', '.join(gradients)},), torch.ones_like(result))\n"
        for position, value in enumerate(gradients.values()):
            text += f"assert gradients[{position}] == {_full(shape, number(value))}\n"
        samples.append(of.sample(here, text, tuple(gradients)))
    return samples


def _refused(of: Derivation, id: str, entry: Refusal, mode: str) -> list[Sample]:
    bound = of.body.signature.bind(entry.call)  # what it leaves out is that of the first call
    first = of.calls()[0] if of.calls() else None
    tensors = dict(first.tensors) if first else {}
    for name in of.body.inputs:
        if name in bound and bound[name].text == "None":
            tensors.pop(name, None)
        elif name in bound:
            tensors[str(name)] = evaluate(bound[name], Makers(f"{of.name}:{id}:{name}"))
    others = {k: str(v.text) for k, v in bound.items() if k not in tensors}
    if first:
        others = {**{k: v for k, v in first.others.items() if k in first.required}, **others}
    call = Arguments("refused", tensors, others, ("float32",), of.body.signature)
    return _refusals(of, call, entry.attempt)


def _refusals(of: Derivation, call: Arguments, attempt: str) -> list[Sample]:
    """A call that is refused, of the function and of its modules, be it when they are built or when they are called."""
    forms = {"": call.text(of.name)} | dict(zip(of.modules, of.module_forms(call), strict=True))
    return [
        of.sample(
            call,
            attempt + indent(text, "    ") + "\n",
            name=call.name + (f", {form}" if form else ""),
        )
        for form, text in forms.items()
    ]


def _unknown_reduction(of: Derivation, mode: str) -> list[Sample]:
    call = of.calls()[0]
    call = replace(call, others={**call.others, "reduction": "'average'"})
    return _refusals(of, call, "with raises(ValueError):\n")


def _spoken(arguments: Mapping[Text, Formula]) -> str:
    return ", ".join(f"{name} = {value.text}" for name, value in arguments.items())


def _claimed(entry: Special) -> str:
    result = [f"the result is {entry.result.text}"] if entry.result else []
    return " and ".join(
        result
        + [f"the gradient of {n} is {g.text}" for n, g in entry.gradients(tuple(entry.arguments)).items()]
    )


def _full(shape: tuple[int, ...], value: Any) -> str:
    """A constant array as program text."""
    value = {np.inf: "np.inf", -np.inf: "-np.inf"}.get(value, "np.nan" if value != value else repr(value))
    return f"np.full({shape}, {value})"
