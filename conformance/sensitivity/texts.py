"""Mutants of what the specs define: one fault in a `definition`, a `step`, an `lr` or a `forward`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..spec import (
    Expression,
    Formula,
    ModuleSpec,
    OperatorSpec,
    OptimizerSpec,
    SchedulerSpec,
    Signature,
    Spec,
    Text,
)
from ..where import area
from .mutant import Mutant
from .mutators import SCALE, SMALL, Names, mutations, with_result, without_assignment

Rebuild = Callable[[Formula], Spec]


def text_mutants(spec: Spec) -> Iterator[Mutant]:
    """Every mutant of a spec's formulas."""
    if isinstance(spec, OperatorSpec):
        yield from _operator(spec)
    elif isinstance(spec, OptimizerSpec) and spec.step is not None:
        yield from _optimizer(spec, spec.step)
    elif isinstance(spec, SchedulerSpec):
        yield from _scheduler(spec)
    elif isinstance(spec, ModuleSpec):
        yield from _module(spec)


class Mutated:
    """Makes mutants of one formula of a spec; ``rebuild`` puts another formula in its place."""

    def __init__(self, spec: Spec, formula: Formula, rebuild: Rebuild, also: Sequence[str] = ()) -> None:
        self.spec, self.formula, self.rebuild = spec, formula, rebuild
        self.text = str(formula.text)
        self.reach = frozenset({str(spec.name), *also})

    def mutant(
        self, text: str, mutator: str, original: str, mutated: str, line: int = 1, column: int = 1
    ) -> Mutant:
        """The mutant in which the formula has this text."""
        there = self.formula.text
        faulty = type(self.formula)(Text(text, there.file, there.line, there.column, "|"))
        path = self.spec.path

        def specs(all_of_them: Sequence[Spec]) -> list[Spec]:
            return [self.rebuild(faulty) if spec.path == path else spec for spec in all_of_them]

        # Below the first line of a `|` block every line begins at the column of the block.
        place = f"{there.line + line - 1}:{there.column + column - 1}"
        id = self.spec.relative_path
        within = self.text.split("\n")[line - 1].strip() if line > 0 else ""
        return Mutant(
            area(id), id, mutator, original, mutated, specs, reach=self.reach, place=place, within=within
        )

    def faults(self, names: Names) -> Iterator[Mutant]:
        """One for each fault of the text."""
        for m in mutations(self.text, names):
            yield self.mutant(m.text, m.mutator, m.original, m.mutated, m.line, m.column)

    def results(self) -> Iterator[Mutant]:
        """The whole result scaled, or only its gradient."""
        yield self.mutant(
            with_result(self.text, "scaled_value"), "scaled value", "result", f"{SCALE} * result"
        )
        yield self.mutant(
            with_result(self.text, "scaled_gradient"), "scaled gradient", "gradient", f"{SCALE} * gradient"
        )

    def inputs(self, names: Sequence[str]) -> Iterator[Mutant]:
        """The gradient of one input blocked, or only its derivative scaled."""
        for name in names:
            for function, what in {
                "blocked": "blocked gradient",
                "scaled_second": "scaled second derivative",
            }.items():
                text = f"{name} = {function}({name})\n{self.text}"
                yield self.mutant(text, what, name, f"{function}({name})", 0)


def literal(default: Expression | None) -> Any:
    """A default's value where it is a plain number, flag or text; else None."""
    try:
        return ast.literal_eval(str(default.text)) if default is not None else None
    except ValueError:
        return None


def kinds(signature: Signature, tensors: Sequence[Sequence[str]], numbers: Sequence[str] = ()) -> Names:
    """The names of a formula by what they stand for, as far as a signature tells."""
    defaults = {str(name): literal(default) for name, default in signature.defaults.items()}
    known = {name for group in tensors for name in group}
    flags = tuple(n for n, v in defaults.items() if isinstance(v, bool) and n not in known)
    number = tuple(n for n, v in defaults.items() if type(v) in (int, float) and n not in known)
    small = frozenset(n for n in number if type(defaults[n]) is float and 0 < defaults[n] <= SMALL)
    return Names((*map(tuple, tensors), (*number, *numbers), flags), small)


def _operator(spec: OperatorSpec) -> Iterator[Mutant]:
    for overload, body in spec.bodies.items():
        if body.definition is None:
            continue

        def rebuild(formula: Formula, overload: str = overload) -> Spec:
            changed = spec.bodies[overload].model_copy(update={"definition": formula})
            if not overload:
                return changed  # type: ignore[return-value]
            others = {id: changed if id == overload else other for id, other in spec.overloads.items()}
            return spec.model_copy(update={"overloads": others})

        mutated = Mutated(spec, body.definition, rebuild, spec.also)
        tensors = [str(name) for name in body.inputs]
        yield from mutated.faults(kinds(body.signature, [tensors]))
        yield from mutated.results()
        smooth = [
            name for name in tensors if body.inputs[Text(name)].differentiable and _floats(body.inputs, name)
        ]
        yield from mutated.inputs(smooth)


def _floats(inputs: Mapping[Any, Any], name: str) -> bool:
    return "float64" in inputs[name].dtype


def _optimizer(spec: OptimizerSpec, step: Formula) -> Iterator[Mutant]:
    mutated = Mutated(spec, step, lambda formula: spec.model_copy(update={"step": formula}))
    tensors = [str(n) for n, s in spec.state.items() if type(literal(s.init)) not in (int, float)]  # type: ignore[arg-type]
    yield from mutated.faults(kinds(spec.signature, [["param", "grad", *tensors]]))
    for name in ("param", *tensors):
        text = f"{mutated.text.rstrip()}\n{name} = scaled_value({name})\n"
        yield mutated.mutant(text, "scaled value", name, f"{SCALE} * {name}", mutated.text.count("\n"))
    for name in spec.state:
        never = spec.state[name].model_copy(update={"when": Expression(Text("False"))})
        state = {n: never if n == name else s for n, s in spec.state.items()}
        forgetful = Mutated(spec, step, _with_state(spec, state))
        yield forgetful.mutant(mutated.text, "state not kept", str(name), "forgotten after each step", 0)


def _with_state(spec: OptimizerSpec, state: dict[Any, Any]) -> Rebuild:
    return lambda formula: spec.model_copy(update={"state": state})


def _scheduler(spec: SchedulerSpec) -> Iterator[Mutant]:
    required = [str(n) for n in spec.hyperparameters if n not in spec.signature.defaults]
    numbers = dict.fromkeys(
        [*required, "base_lr", "epoch", *spec.locals] if spec.lr else [*spec.state, "lr", "metric"]
    )
    names = kinds(spec.signature, [], list(numbers))
    names = Names(names.kinds, names.small, frozenset({"epoch"}))
    scaled = f"(lambda value: value and {SCALE} * value)"
    for field in ("base_lr", "let", "lr", "momentum", "step"):
        formula = getattr(spec, field)
        if formula is None:
            continue
        mutated = Mutated(spec, formula, _with(spec, field))
        yield from mutated.faults(names)
        if field in ("lr", "momentum"):
            yield mutated.mutant(
                with_result(mutated.text, scaled), "scaled value", field, f"{SCALE} * {field}"
            )
        if field == "step":
            text = f"{mutated.text.rstrip()}\nlr = {SCALE} * lr\n"
            yield mutated.mutant(text, "scaled value", "lr", f"{SCALE} * lr", mutated.text.count("\n"))
        for name in spec.state:
            text = f"unchanged = {name}\n{mutated.text.rstrip()}\n{name} = unchanged\n"
            yield mutated.mutant(text, "state not kept", str(name), "forgotten after each step", 0)
    later = [formula for formula in (spec.let, spec.lr, spec.momentum, spec.step) if formula is not None]
    read = frozenset().union(*(formula.free for formula in later)) - {"base_lr", "epoch", "lr", "metric"}
    for option in sorted((read & {*spec.hyperparameters, *spec.state}) - {*spec.functions}):
        forgetful = Mutated(spec, later[0], _without_saving(spec, option))
        yield forgetful.mutant(forgetful.text, "not saved", option, "that of the one that loads", 0)


def _with(spec: SchedulerSpec, field: str) -> Rebuild:
    return lambda formula: spec.model_copy(update={field: formula})


def _without_saving(spec: SchedulerSpec, option: str) -> Rebuild:
    return lambda formula: spec.model_copy(update={"functions": (*spec.functions, option)})


def _module(spec: ModuleSpec) -> Iterator[Mutant]:
    mutated = Mutated(
        spec, spec.forward, lambda formula: spec.model_copy(update={"forward": formula}), list(spec.also)
    )
    members = [str(name) for name in spec.members if name.isidentifier()]
    alike: dict[str, list[str]] = {}
    for name, member in spec.members.items():
        if name.isidentifier():
            alike.setdefault(str(member.shape), []).append(str(name))
    required = [str(p.name) for p in spec.signature.parameters.values() if p.required]
    names = kinds(spec.signature, [*alike.values()], required)
    yield from mutated.faults(names)
    yield from mutated.results()
    rigid = [n for n, domain in spec.inputs.items() if not domain.differentiable]
    smooth = [n for n in (*spec.input_names, *members) if n not in (*rigid, *spec.buffers)]
    yield from mutated.inputs(smooth)
    for buffer in spec.assignable:
        text = without_assignment(mutated.text, buffer)
        if text != mutated.text:
            yield mutated.mutant(text, "state not kept", buffer, "never assigned", 0)
    if spec.let is not None:
        inner = Mutated(
            spec, spec.let, lambda formula: spec.model_copy(update={"let": formula}), list(spec.also)
        )
        yield from inner.faults(names)
