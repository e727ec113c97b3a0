"""Cases of a module: its state, its forward pass in training and evaluation, and what training changes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ..case import Case, Given, Sample
from .common import case, generated, prelude, program_cases
from .makers import FUNCTIONS, Makers, evaluate

if TYPE_CHECKING:
    from ..spec import ModuleSpec, Text
    from ..spec.modules import ModuleRefusal, ModuleTrial


DRAWS = {"uniform": 2_000, "normal": 20_000}
"""Numbers that are drawn, at least, so that a distribution a tenth too narrow or too wide is refused."""
OVERWRITTEN = (
    "with torch.no_grad():\n    for x in (*module.parameters(), *module.buffers()):\n        x.add_(1)\n"
)
"""Writes to all state of the original."""
NAMES = {
    **FUNCTIONS,
    "uniform": lambda low, high: ("uniform", low, high),
    "normal": lambda mean, deviation: ("normal", mean, deviation),
}
"""What ``init:`` formulas call: distributions stay what they are called with."""


def module_cases(spec: ModuleSpec) -> Iterator[Case]:
    """The checks that follow from a module's declarations, then what the spec writes by hand."""
    derived = _Derived(spec)
    modules = frozenset({"modules"})
    yield derived.case(
        "state",
        "Its parameters and buffers have the documented names, shapes and dtypes, in order.",
        derived.state(),
    )
    if {"device", "dtype"} <= set(spec.signature.parameters):
        yield derived.case(
            "factory",
            "`device` and `dtype` say where its parameters and buffers are made, and of which dtype.",
            derived.factory(),
            judge="law",
            needs=modules,
        )
        # Where there is one real device, only this one shows that `device` is heeded.
        yield derived.case(
            "meta-device",
            "On the meta device it is made with all its parameters and buffers, of the documented shapes.",
            derived.on_meta(),
            judge="law",
            needs=modules | {"meta"},
        )
    yield derived.case(
        "training",
        "In training its result, gradients and buffers follow the definition; parameters stay as they are.",
        derived.forward("train"),
    )
    yield derived.case(
        "evaluation",
        "In evaluation its result, gradients and buffers follow the definition; parameters stay as they are.",
        derived.forward("eval"),
    )
    yield derived.case(
        "second-order", "The gradients of its parameters can be differentiated again.", derived.second_order()
    )
    if spec.functional:
        yield derived.case("functional", "Its functional form computes the same.", derived.functional())
    if spec.unbatched:
        yield derived.case("no-batch", "Without a batch it computes the same.", derived.unbatched())
    yield derived.case(
        "round-trip",
        "A state dict loads into a second module, which then computes the same, bit for bit, and shares nothing.",
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
    yield derived.case(
        "deepcopy",
        "A deep copy computes the same, bit for bit, and shares nothing.",
        derived.copied(),
        judge="round trip",
        needs=modules,
    )
    if any(variant.lazy for variant in spec.family.values()):
        yield derived.case(
            "lazy",
            "The lazy form has the same state without shapes until it is called or loaded; then it is this module.",
            derived.lazy(),
            judge="round trip",
            needs=modules,
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
        yield derived.case(
            id,
            entry.sentence,
            [derived.refused(str(id), entry)],
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

    def samples(
        self, text: str, gradients: bool = False, tries: Mapping[Text, ModuleTrial] | None = None
    ) -> list[Sample]:
        """The program for each of `try`; ``{new}`` builds the module, ``{inputs}`` are what it is called on."""
        found = []
        for name, entry in (self.spec.tries if tries is None else tries).items():
            inputs = self.inputs(name, entry, gradients)
            leaves = [n for n, g in inputs.items() if g.requires_grad]
            kind = entry.of or self.spec.module
            first, _, others = str(entry.call.text).partition(",")
            program = text.format(
                new=f"{kind}({entry.call.text}).to(dtype=dtype, device=device)",
                made=f"{kind}({entry.call.text}, device=device, dtype=dtype)",
                meta=f"{kind}({entry.call.text}, device='meta', dtype=dtype)",
                lazy=f"{self.spec.family[kind].lazy}({others.strip()}).to(dtype=dtype, device=device)",
                inputs=self.passed(inputs),
                leaves=", ".join(leaves) + "," if leaves else "",
            )
            found.append(Sample(name, generated(program, self.spec), inputs, (prelude(),)))
        return found

    def refused(self, id: str, entry: ModuleRefusal) -> Sample:
        """A construction, or with inputs a call after it."""
        inputs = self.inputs(id, entry, False)
        new = f"{entry.of or self.spec.module}({entry.call.text})"
        call = f"module({self.passed(inputs)})"
        text = (f"module = {new}\n" if inputs else "") + entry.attempt
        return Sample("refused", generated(f"{text}    {call if inputs else new}\n", self.spec), inputs)

    def passed(self, inputs: Mapping[str, Given]) -> str:
        """What is optional is passed by its name, so that the ones before it may be left out."""
        optional = {name for name, domain in self.spec.inputs.items() if domain.optional}
        return ", ".join(f"{name}={name}" if name in optional else name for name in inputs)

    def inputs(self, name: str, entry, gradients: bool) -> dict[str, Given]:
        made = {}
        for key, text in entry.inputs.items():
            given = evaluate(text, Makers(f"{self.spec.module}:{name}:{key}"))
            floating = given.values.dtype.kind in "fc"
            made[key] = Given(given.values, gradients and floating, given.dtype, given.layout)
        return made

    def state(self) -> list[Sample]:
        text = (
            "module = {new}\n"
            "yield module.training\n"
            "for members in (module.named_parameters(), module.named_buffers()):\n"
            "    yield [[n, tuple(x.shape), x.dtype == dtype or str(x.dtype), x.requires_grad] for n, x in members]\n"
            "yield list(module.state_dict())\n"
        )
        return self.samples(text)

    def forward(self, mode: str) -> list[Sample]:
        text = (
            f"module = filled({{new}}).{mode}()\n"
            "result = module({inputs})\nyield result\n"
            "yield vjp(result, ({leaves} *module.parameters(),), allow_unused=True)\n"
            "yield {{name: x.detach() for name, x in (*module.named_parameters(), *module.named_buffers())}}\n"
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

    def unbatched(self) -> list[Sample]:
        """For the tries that have a batch, as far as the dimensions of the first input tell."""
        spec = self.spec
        assert spec.unbatched is not None
        first, domain = next(iter(spec.inputs.items()))
        assert domain.shape is not None
        tries = {}
        for name, entry in spec.tries.items():
            shape = domain.shape.evaluate(FUNCTIONS, **spec.options(entry.call, FUNCTIONS, entry.of))
            given = self.inputs(name, entry, False)[first].values
            if given.ndim == len(shape) and given.size:
                tries[name] = entry
        text = (
            f"module = filled({{new}}).eval()\nassert {spec.unbatched.text.strip()} == module({{inputs}})\n"
        )
        return self.samples(text, tries=tries)

    def factory(self) -> list[Sample]:
        text = (
            "module, other = {made}, {new}\n"
            "for x, y in zip((*module.parameters(), *module.buffers()), (*other.parameters(), *other.buffers())):\n"
            "    assert x.dtype == y.dtype and x.device == y.device and x.shape == y.shape\n"
            "assert list(module.state_dict()) == list(other.state_dict())\n"
        )
        return self.samples(text)

    def on_meta(self) -> list[Sample]:
        text = (
            "module, other = {meta}, {new}\n"
            "assert [x.device.type for x in module.state_dict().values()] == ['meta'] * len(module.state_dict())\n"
            "assert [[n, tuple(x.shape)] for n, x in module.state_dict().items()] == [\n"
            "    [n, tuple(x.shape)] for n, x in other.state_dict().items()]\n"
        )
        return self.samples(text)

    def round_trip(self) -> list[Sample]:
        text = (
            "module = filled({new}).eval()\nloaded = {new}.eval()\n"
            "saved = module.state_dict()\nbefore = copy.deepcopy(saved)\n"
            "missing = loaded.load_state_dict(saved)\n"
            "assert list(missing.missing_keys) + list(missing.unexpected_keys) == []\n"
            "assert dict(saved) == dict(before)\n"
            "assert list(loaded.state_dict()) == list(before)\n"
            "assert dict(loaded.state_dict()) == dict(before)\n"
            "result = module({inputs})\nassert loaded({inputs}) == result\n"
            "before = copy.deepcopy(loaded.state_dict())\n"  # which the call may have changed
            + OVERWRITTEN
            + "assert dict(loaded.state_dict()) == dict(before)\nassert loaded({inputs}) == result\n"
        )
        return self.samples(text)

    def copied(self) -> list[Sample]:
        text = (
            "module = filled({new}).eval()\n"
            "copied, before = copy.deepcopy(module), copy.deepcopy(module.state_dict())\n"
            "assert list(copied.state_dict()) == list(before)\n"
            "assert copied.training == module.training\n"
            "result = module({inputs})\n"
            + OVERWRITTEN
            + "assert dict(copied.state_dict()) == dict(before)\nassert copied({inputs}) == result\n"
        )
        return self.samples(text)

    def lazy(self) -> list[Sample]:
        first = next(iter(self.spec.signature.parameters))
        uninitialized = "(torch.nn.parameter.UninitializedParameter, torch.nn.parameter.UninitializedBuffer)"
        text = (
            "module = filled({new}).eval()\n"
            "def unknown(lazy):\n"
            f"    return [isinstance(x, {uninitialized}) for x in (*lazy.parameters(), *lazy.buffers())]\n"
            "called, loaded = {lazy}.eval(), {lazy}.eval()\n"
            "for lazy in (called, loaded):\n"
            "    assert list(lazy.state_dict()) == list(module.state_dict())\n"
            "    assert any(unknown(lazy)) == any(x.dim() > 0 for x in module.state_dict().values())\n"
            "called({inputs})\nloaded.load_state_dict(module.state_dict())\n"
            "for lazy in (called, loaded):\n"
            "    assert not any(unknown(lazy))\n"
            "    assert [[x.shape, x.dtype] for x in lazy.state_dict().values()] "
            "== [[x.shape, x.dtype] for x in module.state_dict().values()]\n"
            f"assert called.{first} == module.{first}\n"
            "called.load_state_dict(module.state_dict())\n"
            "for lazy in (called, loaded):\n"
            "    assert lazy({inputs}) == module({inputs})\n"
            "    assert type(lazy) is type(module)\n"
        )
        return self.samples(
            text,
            tries={
                n: t for n, t in self.spec.tries.items() if self.spec.family[t.of or self.spec.module].lazy
            },
        )

    def pickled(self) -> list[Sample]:
        text = (
            "module = filled({new}).eval()\ncopied = pickled(module)\n"
            "assert list(copied.state_dict()) == list(module.state_dict())\n"
            "assert dict(copied.state_dict()) == dict(module.state_dict())\n"
            "assert copied.training == module.training\n"
            "assert copied({inputs}) == module({inputs})\n"
            # In training it goes on from the same statistics, by the same options.
            "assert copied.train()({inputs}) == module.train()({inputs})\n"
            "assert dict(copied.state_dict()) == dict(module.state_dict())\n"
        )
        return self.samples(text)

    def initial(self) -> list[Sample]:
        """Constants are asked of one module, distributions of the parameters of many."""
        samples: dict[str, Sample] = {}
        for name, entry in self.spec.tries.items():
            new = f"{entry.of or self.spec.module}({entry.call.text})"
            options = self.spec.options(entry.call, NAMES, entry.of)
            asked, many = "", 1
            for member, shape, declaration, names in self.spec.declared(self.spec.members, options, NAMES):
                if shape is None or declaration.init is None:
                    continue
                start = declaration.init.evaluate(NAMES, **names)
                zero = declaration.zero.evaluate(NAMES, **names) if declaration.zero else None
                if isinstance(start, tuple):
                    kind, *parameters = start
                    rows = [row for row in range(shape[0]) if zero is None or row != zero % shape[0]]
                    part = "" if zero is None else f"[{rows}]"
                    many = max(many, math.ceil(DRAWS[kind] / max(math.prod(shape[1:]) * len(rows), 1)))
                    asked += (
                        f"values = torch.cat([state[{member!r}]{part}.reshape(-1) for state in states])\n"
                    )
                    asked += f"assert follows(values, {kind}({', '.join(map(repr, parameters))}))\n"
                    if zero is not None:
                        asked += f"assert states[0][{member!r}][{zero}] == np.zeros({shape[1:]})\n"
                else:
                    asked += f"assert states[0][{member!r}] == np.full({shape}, {start!r})\n"
            text = f"states = [{new}.state_dict(keep_vars=True) for _ in range({many})]\n{asked}"
            if asked:
                samples.setdefault(text, Sample(str(name), generated(text, self.spec), {}))
        return list(samples.values())
