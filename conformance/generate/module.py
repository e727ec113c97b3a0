"""Cases of a module: its state, its forward pass in training and evaluation, and what training changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..case import Case, Given, Sample
from .common import case, generated, prelude, program_cases
from .makers import FUNCTIONS, Makers, evaluate

if TYPE_CHECKING:
    from ..spec import ModuleSpec


MANY = 100
"""Modules that are built to see the distribution that their parameters start from."""
NAMES = {
    **FUNCTIONS,
    "uniform": lambda low, high: f"uniform({low!r}, {high!r})",
    "normal": lambda mean, deviation: f"normal({mean!r}, {deviation!r})",
}
"""What ``init:`` formulas call: distributions become the text of a program."""


def module_cases(spec: ModuleSpec) -> Iterator[Case]:
    """The checks that follow from a module's declarations, then what the spec writes by hand."""
    derived = _Derived(spec)
    modules = frozenset({"modules"})
    yield derived.case(
        "state", "Its parameters and buffers have the documented names and shapes, in order.", derived.state()
    )
    yield derived.case(
        "training",
        "In training its result, gradients and buffers follow the definition.",
        derived.forward("train"),
    )
    yield derived.case(
        "evaluation",
        "In evaluation its result, gradients and buffers follow the definition.",
        derived.forward("eval"),
    )
    yield derived.case(
        "second-order", "The gradients of its parameters can be differentiated again.", derived.second_order()
    )
    if spec.functional:
        yield derived.case("functional", "Its functional form computes the same.", derived.functional())
    yield derived.case(
        "round-trip",
        "A state dict loads into a second module, which then computes the same, bit for bit.",
        derived.round_trip(),
        judge="round trip",
        needs=modules,
    )
    yield derived.case(
        "pickle",
        "A pickled copy computes the same, bit for bit.",
        derived.pickled(),
        judge="round trip",
        needs=modules | {"serialization"},
    )
    if any(member.init for member in spec.members.values()):
        yield derived.case(
            "initial",
            "Its parameters start from the documented distribution.",
            derived.initial(),
            judge="law",
            dtypes=("float32",),
            needs=modules | {"randomness"},
        )
    for id, entry in spec.errors.items():
        says = entry.says or f"`{' '.join(entry.call.text.split())}` is refused with {entry.raises}."
        text = f"with raises({entry.raises}):\n    {spec.module}({entry.call.text})\n"
        sample = Sample("refused", generated(text, spec), {})
        yield derived.case(
            id,
            says,
            [sample],
            judge="literals",
            dtypes=("float32",),
            needs=frozenset({"error-checks"}),
            claim=entry,
        )
    yield from program_cases(spec)


class _Derived:
    def __init__(self, spec: ModuleSpec) -> None:
        self.spec = spec

    def case(self, id: str, says: str, samples: list[Sample], **options) -> Case:
        return case(self.spec, id, says, lambda mode: samples, line=self.spec.line, **options)

    def samples(self, text: str, gradients: bool = False) -> list[Sample]:
        """The program for each of `try`; ``{new}`` builds the module, ``{inputs}`` are what it is called on."""
        found = []
        for name, entry in self.spec.tries.items():
            inputs = self.inputs(name, entry, gradients)
            leaves = [n for n, g in inputs.items() if g.requires_grad]
            arguments = ", ".join(inputs)
            program = text.format(
                new=f"{self.spec.module}({entry.call.text}).to(dtype=dtype, device=device)",
                inputs=arguments,
                leaves=", ".join(leaves) + "," if leaves else "",
            )
            found.append(Sample(name, generated(program, self.spec), inputs, (prelude(),)))
        return found

    def inputs(self, name: str, entry, gradients: bool) -> dict[str, Given]:
        made = {}
        for key, text in entry.inputs.items():
            given = evaluate(text, Makers(f"{self.spec.module}:{name}:{key}"))
            floating = given.values.dtype.kind in "fc"
            made[key] = Given(given.values, gradients and floating, given.dtype, given.layout)
        return made

    def state(self) -> list[Sample]:
        text = (
            "module = {new}\nyield [[name, tuple(x.shape), x.requires_grad] for name, x in module.named_parameters()]\n"
            "yield [[name, tuple(x.shape)] for name, x in module.named_buffers()]\n"
            "yield list(module.state_dict())\n"
        )
        return self.samples(text)

    def forward(self, mode: str) -> list[Sample]:
        text = (
            f"module = filled({{new}}).{mode}()\n"
            "result = module({inputs})\nyield result\n"
            "yield vjp(result, ({leaves} *module.parameters(),), allow_unused=True)\n"
            "yield dict(module.named_buffers())\n"
        )
        return self.samples(text, gradients=True)

    def second_order(self) -> list[Sample]:
        text = (
            "module = filled({new})\nvariables = ({leaves} *module.parameters(),)\n"
            "outputs = floating(module({inputs}))\n"
            "cotangents = tuple(like(x, i, requires_grad=True) for i, x in enumerate(outputs))\n"
            "first = torch.autograd.grad(outputs, variables, cotangents, create_graph=True, materialize_grads=True)\n"
            "yield vjp(first, (*variables, *cotangents), 5, materialize_grads=True)\n"
        )
        return self.samples(text, gradients=True)

    def functional(self) -> list[Sample]:
        assert self.spec.functional is not None
        text = f"module = filled({{new}}).eval()\nassert {self.spec.functional.text.strip()} == module({{inputs}})\n"
        return self.samples(text)

    def round_trip(self) -> list[Sample]:
        text = (
            "module = filled({new}).eval()\ncopy = {new}.eval()\nmissing = copy.load_state_dict(module.state_dict())\n"
            "assert list(missing.missing_keys) + list(missing.unexpected_keys) == []\n"
            "assert list(copy.state_dict()) == list(module.state_dict())\n"
            "assert dict(copy.state_dict()) == dict(module.state_dict())\n"
            "assert copy({inputs}) == module({inputs})\n"
        )
        return self.samples(text)

    def pickled(self) -> list[Sample]:
        text = "module = filled({new}).eval()\ncopy = pickled(module)\nassert copy({inputs}) == module({inputs})\n"
        return self.samples(text)

    def initial(self) -> list[Sample]:
        """Constants are asked of one module, distributions of the parameters of many."""
        samples = []
        for name, entry in self.spec.tries.items():
            options = self.spec.options(entry.call, NAMES)
            text = f"modules = [{self.spec.module}({entry.call.text}) for _ in range({MANY})]\n"
            for member, shape, declaration in self.spec.declared(self.spec.members, options, NAMES):
                if shape is None or declaration.init is None:
                    continue
                start = declaration.init.evaluate(NAMES, **options)
                if isinstance(start, str):
                    text += f"values = torch.cat([m.{member}.detach().reshape(-1) for m in modules])\n"
                    text += f"assert follows(values, {start})\n"
                else:
                    text += f"assert modules[0].{member} == np.full({shape}, {start!r})\n"
            samples.append(Sample(str(name), generated(text, self.spec), {}))
        return samples
