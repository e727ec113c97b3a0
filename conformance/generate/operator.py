"""Cases of an operator: everything that follows from its definition without being written again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from textwrap import indent
from typing import TYPE_CHECKING, Any

import numpy as np

from reference_impls.dtypes import NAMES

from ..case import Case, Given, Sample
from ..spec.words import COMPLEX, FLOATING, INTEGER
from .arguments import LAYOUTS, VECTOR, Arguments, arguments, laid_out
from .common import case, generated, prelude, program_cases
from .makers import Makers, evaluate, number

if TYPE_CHECKING:
    from ..spec import Body, Formula, OperatorSpec, Refusal, Special

ALL_MODES = ("eager", "compile", "vmap")
LENGTHS = (1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65)
"""Lengths around the widths of vector registers."""


def operator_cases(spec: OperatorSpec) -> Iterator[Case]:
    """Derived checks of each overload, then what the spec writes by hand."""
    for overload, body in spec.bodies.items():
        derived = _Derived(spec, body, f"{overload}-" if overload else "")
        if not spec.random:
            yield from derived.cases()
        yield from derived.special()
        yield from derived.errors()
    yield from program_cases(spec)


class _Derived:
    def __init__(self, spec: OperatorSpec, body: Body, prefix: str) -> None:
        self.spec, self.body, self.prefix = spec, body, prefix
        self.name = str(spec.operator)
        self.inplace = [n for n in spec.also if n.endswith("_")]
        self.modules = [
            n for n in spec.also if n.rpartition(".")[2][0].isupper() and not n.startswith("torch.Tensor")
        ]
        self.aliases = [n for n in spec.also if n not in self.inplace and n not in self.modules]
        self.line = body.line
        # Samples that differ in their values alone share one program, and so its compiled form.
        self.program = cache(lambda text: generated(text, spec))
        self.calls = cache(lambda: list(arguments(body, str(spec.operator) + prefix)))

    @property
    def dtypes(self) -> tuple[str, ...]:
        offered = {d for i in self.body.inputs.values() for d in i.dtype} or set(FLOATING)
        return tuple(d for d in (*FLOATING, *COMPLEX, *INTEGER, "bool") if d in offered)

    @property
    def continuous(self) -> bool:
        """Whether it has a derivative: a floating input that matters and a floating result."""
        inputs = [i for i in self.body.inputs.values() if set(i.dtype) & set(FLOATING)]
        return not {"bool", "int64"}.issuperset(self.body.result) and any(i.differentiable for i in inputs)

    def case(self, id: str, says: str, samples: Callable[[str], Sequence[Sample]], **options: Any) -> Case:
        dtypes = options.pop("dtypes", self.dtypes)
        return case(self.spec, self.prefix + id, says, samples, line=self.line, dtypes=dtypes, **options)

    def cases(self) -> Iterator[Case]:
        differentiable = tuple(d for d in self.dtypes if d in FLOATING + COMPLEX)
        floating = tuple(d for d in self.dtypes if d in FLOATING)
        yield self.case("value", "Its value is that of the definition.", self.value, modes=ALL_MODES)
        if len(self.body.inputs) == 1 and self.body.elementwise:
            yield self.case(
                "lengths",
                "Its value does not depend on where in memory an element lies.",
                self.lengths,
                dtypes=floating,
            )
        if len(self.promoting) > 1:
            yield self.case(
                "promotion",
                "Inputs of different dtypes are promoted as the documentation of type promotion says.",
                self.promotion,
                dtypes=("float32",),
                shared=False,
            )
        if self.aliases or self.modules:
            yield self.case(
                "forms",
                "Each of its other forms computes the same.",
                self.forms,
                dtypes=differentiable or self.dtypes,
            )
        if self.inplace or "inplace" in self.body.signature.names:
            yield self.case(
                "in-place",
                "The in-place form writes the same values to its input and returns it.",
                self.in_place,
                dtypes=floating,
                needs=frozenset({"inplace", "autograd"}),
            )
        if "out" in self.body.signature.names:
            yield self.case(
                "out",
                "With `out=` the result is written to the given tensor, which is returned.",
                self.out,
                dtypes=floating,
                needs=frozenset({"inplace"}),
            )
        if not self.continuous:
            return
        yield self.case(
            "gradient",
            "Its gradient is that of the definition.",
            self.gradient,
            dtypes=differentiable,
            modes=ALL_MODES,
            needs=frozenset({"autograd"}),
        )
        yield self.case(
            "forward-mode",
            "Its directional derivative is that of the definition.",
            self.forward_mode,
            dtypes=floating,
            needs=frozenset({"forward-mode"}),
        )
        yield self.case(
            "second-order",
            "Its second derivatives agree with the definition in all four compositions of modes.",
            self.second_order,
            dtypes=floating,
            needs=frozenset({"double-backward"}),
        )
        yield self.case(
            "layouts",
            "Value and gradient do not depend on how the inputs lie in memory.",
            self.layouts,
            dtypes=floating,
            needs=frozenset({"strides", "autograd"}),
        )

    def sample(
        self, call: Arguments, text: str, gradients: Sequence[str] = (), name: str | None = None
    ) -> Sample:
        inputs = call.with_gradients(gradients) if gradients else dict(call.tensors)
        return Sample(name or call.name, self.program(text), inputs, (prelude(),), call.dtypes)

    def function(self, call: Arguments, decorator: str = "") -> str:
        parameters = ", ".join(call.tensors)
        return f"{decorator}def function({parameters}):\n    return {call.text(self.name)}\n"

    def result(self, call: Arguments, mode: str) -> str:
        """Statements that leave the result under that name: the bare call, or the call as a mode transforms it."""
        if mode == "eager":
            return f"result = {call.text(self.name)}\n"
        return self.function(call, "@transformed\n") + f"result = function({', '.join(call.tensors)})\n"

    def value(self, mode: str) -> list[Sample]:
        return [self.sample(call, self.result(call, mode) + "yield result\n") for call in self.calls()]

    def gradient(self, mode: str) -> list[Sample]:
        samples = []
        for call in self.calls():
            if names := self.differentiable(call):
                text = self.result(call, mode) + f"yield result\nyield vjp(result, ({', '.join(names)},))\n"
                samples.append(self.sample(call, text, names))
        return samples

    def differentiable(self, call: Arguments) -> tuple[str, ...]:
        return call.differentiable(self.body) if set(call.dtypes) & set(FLOATING + COMPLEX) else ()

    def lengths(self, mode: str) -> list[Sample]:
        name, declared = next(iter(self.body.inputs.items()))
        call = self.calls()[0]
        points = [float(number(p)) for p in declared.points]
        spread = np.resize(call.tensors[name].values, max(LENGTHS))
        if points:
            spread[:: 1 + len(points)] = np.resize(points, len(spread[:: 1 + len(points)]))
        cut = call.text(self.name, {name: f"{name}[:length]"})
        text = f"for length in {LENGTHS}:\n    yield {cut}\n"
        return [self.sample(replace(call, tensors={name: Given(spread)}), text, name="every length")]

    def forms(self, mode: str) -> list[Sample]:
        samples = []
        for call in self.calls():
            if call.name not in ("defaults", *self.body.tries):
                continue
            first = next(iter(call.tensors))
            for alias in self.aliases:
                if alias.startswith("torch.Tensor."):
                    text = call.text(f"{first}.{alias.rpartition('.')[2]}", without=[first])
                else:
                    text = call.text(alias)
                samples.append(self.sample(call, f"yield {text}\n", name=f"{call.name}, {alias}"))
            for module in self.modules:
                forward = [n for n in call.tensors if n in call.required]
                built = call.text(module, without=forward)
                text = f"yield {built}({', '.join(forward)})\n"
                samples.append(self.sample(call, text, name=f"{call.name}, {module}"))
        return samples

    @property
    def promoting(self) -> list[str]:
        """The inputs whose common dtype is that of the result."""
        if not self.body.elementwise or self.body.result != ("promote",):
            return []
        return [str(n) for n, i in self.body.inputs.items() if {"int64", "float32"} <= set(i.dtype)]

    def promotion(self, mode: str) -> list[Sample]:
        call = self.calls()[0]
        first, second = self.promoting[:2]
        samples = []
        for one, other in PROMOTIONS:
            tensors = dict(call.tensors)
            for name, (dtype, shape) in ((first, one), (second, other)):
                array = np.resize(tensors[name].values, shape).astype(NAMES[dtype].storage)
                tensors[name] = Given(array, dtype=dtype)
            tensors = {n: g if g.dtype else Given(np.resize(g.values, (3,))) for n, g in tensors.items()}
            text = f"result = {call.text(self.name)}\nassert result.dtype == torch.result_type({first}, {second})\n"
            spoken = " with ".join(dtype + " scalar" * (not shape) for dtype, shape in (one, other))
            samples.append(self.sample(replace(call, tensors=tensors), text + "yield result\n", name=spoken))
        return samples

    def in_place(self, mode: str) -> list[Sample]:
        samples = []
        for call in self.calls():
            if call.name not in ("defaults", *self.body.tries):
                continue
            first = next(iter(call.tensors))
            forms = {
                name: call.text(f"copy.{name.rpartition('.')[2]}", without=[first])
                if name.startswith("torch.Tensor.")
                else call.text(name, {first: "copy"})
                for name in self.inplace
            }
            if "inplace" in self.body.signature.names:
                others = {**call.others, "inplace": "True"}
                forms["inplace=True"] = replace(call, others=others).text(self.name, {first: "copy"})
            for form, text in forms.items():
                program = (
                    f"copy = {first}.clone()\nreturned = {text}\nassert returned is copy\nyield copy\n"
                    + (f"yield vjp(copy, ({first},))\n" if self.continuous else "")
                    + f"with raises(RuntimeError):\n    {text.replace('copy', first, 1)}\n" * self.continuous
                )
                samples.append(self.sample(call, program, [first] * self.continuous, f"{call.name}, {form}"))
        return samples

    def out(self, mode: str) -> list[Sample]:
        samples = []
        for call in self.calls():
            if call.name not in ("defaults", *self.body.tries):
                continue
            into = replace(call, others={**call.others, "out": "out"}).text(self.name)
            text = f"out = torch.empty_like({call.text(self.name)})\nreturned = {into}\nassert returned is out\nyield out\n"
            samples.append(self.sample(call, text))
            if names := self.differentiable(call) if self.continuous else ():
                refused = f"out = torch.empty_like({call.text(self.name)}.detach())\nwith raises(RuntimeError):\n    {into}\n"
                samples.append(self.sample(call, refused, names, f"{call.name}, requires grad"))
        return samples

    def _smooth(self) -> Iterator[tuple[Arguments, tuple[str, ...]]]:
        for call in self.calls():
            if set(call.dtypes) & set(FLOATING) and (names := self.differentiable(call)):
                yield call, names

    def _curried(self, call: Arguments, names: tuple[str, ...]) -> str:
        """A function of the differentiable inputs alone, and a direction for each of them."""
        tuple_ = f"({', '.join(names)},)"
        return (
            f"def function({', '.join(names)}):\n    return floating({call.text(self.name)})\n"
            f"inputs = {tuple_}\ndirections = tuple(like(x, 5 + i) for i, x in enumerate(inputs))\n"
        )

    def forward_mode(self, mode: str) -> list[Sample]:
        text = "yield torch.func.jvp(function, inputs, directions)\n"
        return [self.sample(call, self._curried(call, names) + text) for call, names in self._smooth()]

    def second_order(self, mode: str) -> list[Sample]:
        samples = []
        for call, names in self._smooth():
            for composition, text in COMPOSITIONS.items():
                leaves = names if composition == "reverse over reverse" else ()
                program = self._curried(call, names) + text
                samples.append(self.sample(call, program, leaves, f"{call.name}, {composition}"))
        return samples

    def layouts(self, mode: str) -> list[Sample]:
        samples = []
        for layout in LAYOUTS:
            moved = next(filter(None, (laid_out(call, layout) for call in self.calls())), None)
            if moved and (names := self.differentiable(moved)):
                text = f"result = {moved.text(self.name)}\nyield result\nyield vjp(result, ({', '.join(names)},))\n"
                samples.append(self.sample(moved, text, names))
        return samples

    def special(self) -> Iterator[Case]:
        for id, entry in self.body.special.items():
            yield self.case(
                id,
                f"At {_spoken(entry.arguments)} {_claimed(entry)}.",
                lambda mode, entry=entry: self._special(entry),
                dtypes=tuple(d for d in self.dtypes if d in FLOATING),
                needs=frozenset({"autograd"}),
            )

    def _special(self, entry: Special) -> list[Sample]:
        samples = []
        call = self.calls()[0]
        others = {str(k): str(v.text) for k, v in entry.arguments.items() if k not in self.body.inputs}
        shapes = {"scalar": (), "vector": (VECTOR,)} if self.body.elementwise else {"scalar": ()}
        for name, shape in shapes.items():
            tensors = {
                str(n): Given(np.full(shape, number(entry.arguments[n]), dtype=np.float64))
                for n in self.body.inputs
                if n in entry.arguments
            }
            here = Arguments(name, tensors, {**call.others, **others}, FLOATING, self.body.signature)
            text = f"result = {here.text(self.name)}\n"
            if entry.result is not None:
                text += f"assert result == {_full(shape, number(entry.result))}\n"
            gradients = entry.gradients(tuple(tensors))
            if gradients:
                text += f"gradients = torch.autograd.grad(result, ({', '.join(gradients)},), torch.ones_like(result))\n"
            for position, value in enumerate(gradients.values()):
                text += f"assert gradients[{position}] == {_full(shape, number(value))}\n"
            samples.append(self.sample(here, text, tuple(gradients)))
        return samples

    def errors(self) -> Iterator[Case]:
        for id, entry in self.body.errors.items():
            says = entry.says or f"`{' '.join(entry.call.text.split())}` is refused with {entry.raises}."
            yield self.case(
                id,
                says,
                lambda mode, id=id, entry=entry: self._refused(id, entry),
                dtypes=("float32",),
                judge="literals",
                needs=frozenset({"error-checks"}),
            )

    def _refused(self, id: str, entry: Refusal) -> list[Sample]:
        bound = self.body.signature.bind(entry.call, supplied=self.body.inputs)
        first = self.calls()[0] if self.calls() else None
        tensors = dict(first.tensors) if first else {}
        for name in self.body.inputs:
            if name in bound and bound[name].text == "None":
                tensors.pop(name, None)
            elif name in bound:
                tensors[str(name)] = evaluate(bound[name], Makers(f"{self.name}:{id}:{name}"))
        others = {k: str(v.text) for k, v in bound.items() if k not in tensors}
        if first:
            others = {**{k: v for k, v in first.others.items() if k in first.required}, **others}
        call = Arguments("refused", tensors, others, ("float32",), self.body.signature)
        text = f"with raises({entry.raises}):\n" + indent(call.text(self.name), "    ") + "\n"
        return [self.sample(call, text)]


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

COMPOSITIONS = {
    "reverse over reverse": (
        "outputs = differentiable(function(*inputs))\n"
        "cotangents = tuple(like(part, 2, requires_grad=True) for part in outputs)\n"
        "first = torch.autograd.grad(outputs, inputs, cotangents, create_graph=True)\n"
        "yield torch.autograd.grad(first, inputs + cotangents, directions, materialize_grads=True)\n"
    ),
    "forward over reverse": (
        "def slopes(*inputs):\n"
        "    return torch.func.grad(lambda *x: contracted(function(*x)), argnums=tuple(range(len(inputs))))(*inputs)\n"
        "yield torch.func.jvp(slopes, inputs, directions)[1]\n"
    ),
    "reverse over forward": (
        "def slope(*inputs):\n"
        "    return torch.func.jvp(lambda *x: contracted(function(*x)), inputs, directions)[1]\n"
        "yield torch.func.grad(slope, argnums=tuple(range(len(inputs))))(*inputs)\n"
    ),
    "forward over forward": (
        "def slope(*inputs):\n"
        "    return torch.func.jvp(lambda *x: contracted(function(*x)), inputs, directions)[1]\n"
        "yield torch.func.jvp(slope, inputs, directions)[1]\n"
    ),
}
"""How two modes of differentiation compose; all four give the Hessian times the directions."""


def _spoken(arguments: Mapping[str, Formula]) -> str:
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
