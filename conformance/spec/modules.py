"""Modules: their state, and what calling them computes in training and in evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, ClassVar

from pydantic import Field

from .check import Check
from .faults import quote
from .fields import Dotted, Dtype, Id, Label, Name, StateName
from .formula import Each, Expression, Formula, Update
from .models import Input, Model, Refusal, Spec
from .signature import Arguments, Signature
from .text import Text
from .words import FORMULA_BUILTINS, MAKER_NAMES, MODULES, formula_names

DISTRIBUTIONS = frozenset({"uniform", "normal"})
"""What ``init`` may call besides the vocabulary: draws of the member's shape."""


class Member(Model):
    """A parameter or buffer, or a family of them whose name has placeholders that ``for`` fills in."""

    shape: Expression
    init: Formula | None = None
    dtype: Dtype | None = None
    """Where it is not the default one."""
    when: Expression | None = None
    each: Each | None = Field(default=None, alias="for")
    zero: Expression | None = None
    """The row that starts at zero all the same; None where there is none."""
    persistent: bool = True
    """Whether it is in the state dict."""


class Variant(Model):
    """Another class that the same formulas define."""

    constants: dict[Name, Expression] = Field(default_factory=dict)
    """What tells it from the first one: a value for each of the spec's `constants`."""
    lazy: Dotted | None = None


class ModuleTrial(Model):
    """One way to construct the module, and what to call it with."""

    of: Dotted | None = None
    """The class, where it is not the first one."""
    call: Arguments = Arguments(Text(""))
    inputs: dict[Name, Expression] = Field(default_factory=dict)


class ModuleRefusal(Refusal):
    """A construction, or with inputs a call, that is documented to be refused."""

    of: Dotted | None = None
    inputs: dict[Name, Expression] = Field(default_factory=dict)


class ModuleSpec(Spec):
    """A class of modules."""

    kind: ClassVar[str] = "module"

    module: Dotted
    constants: dict[Name, Expression] = Field(default_factory=dict)
    """Names of formulas whose value depends on which class of the family it is."""
    lazy: Dotted | None = None
    """The class that lacks the first argument, and finds it when it is first called."""
    also: dict[Dotted, Variant] = Field(default_factory=dict)
    signature: Signature
    let: Update | None = None
    parameters: dict[StateName, Member] = Field(default_factory=dict)
    buffers: dict[StateName, Member] = Field(default_factory=dict)
    inputs: dict[Name, Input] = Field(default_factory=dict)
    tries: dict[Id, ModuleTrial] = Field(default_factory=dict, alias="try")
    forward: Formula
    functional: Formula | None = None
    """The same through functions, of the inputs and the ``module`` that holds the state."""
    unbatched: Formula | None = None
    """The same by calls without a batch, for tries whose first input has the declared number of dimensions."""
    errors: dict[Id, ModuleRefusal] = Field(default_factory=dict)
    bench: dict[Label, ModuleTrial] = Field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.module

    @property
    def family(self) -> dict[Text, Variant]:
        """Every class that the spec defines."""
        return {self.module: Variant.model_construct(constants=self.constants, lazy=self.lazy), **self.also}

    @property
    def locals(self) -> tuple[str, ...]:
        """The names that ``let`` computes."""
        return tuple(self.let.assignments()) if self.let else ()

    @property
    def members(self) -> dict[Text, Member]:
        return {**self.parameters, **self.buffers}

    @property
    def assignable(self) -> tuple[str, ...]:
        """Buffers that the forward may assign to."""
        return tuple(name for name in self.buffers if name.isidentifier())

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of what the module is called with, in order."""
        if self.inputs:
            return tuple(self.inputs)
        return tuple(dict.fromkeys(name for trial in self.tries.values() for name in trial.inputs))

    def options(self, call: Arguments, namespace: dict[str, Any], of: Text | None = None) -> dict[str, Any]:
        """What the constructor's parameters and the names of ``let`` are, for one argument list."""
        options = {name: default.evaluate(namespace) for name, default in self.signature.defaults.items()}
        options |= {name: value.evaluate(namespace) for name, value in self.signature.bind(call).items()}
        return self.completed(options, namespace, of)

    def completed(
        self, options: dict[str, Any], namespace: dict[str, Any], of: Text | None = None
    ) -> dict[str, Any]:
        """The constructor's parameters, and with them the constants of the class and the names of ``let``."""
        constants = self.family[of or self.module].constants
        options = options | {name: value.evaluate(namespace) for name, value in constants.items()}
        if self.let is None:
            return options
        return options | self.let.function(tuple(options), namespace, self.locals)(**options)

    @staticmethod
    def declared(
        members: Mapping[Text, Member], options: dict[str, Any], namespace: dict[str, Any]
    ) -> Iterator[tuple[str, tuple[int, ...] | None, Member, dict[str, Any]]]:
        """The members that a module with these options has: name, shape (None if absent), declaration, and what
        the names in that are."""
        for _, family in groupby(members.items(), lambda item: item[1].each and item[1].each.text):
            patterns = list(family)  # neighbours with the same loop go through it together
            each = patterns[0][1].each
            for turn in each.evaluate(namespace, **options) if each else [{}]:
                for pattern, member in patterns:
                    names = options | turn
                    if member.when is None or member.when.evaluate(namespace, **names):
                        yield (
                            str(pattern).format(**turn),
                            tuple(member.shape.evaluate(namespace, **names)),
                            member,
                            names,
                        )
                    elif each is None:
                        yield str(pattern), None, member, names

    def own_ids(self) -> Iterator[Text]:
        yield from (*self.clauses, *self.tries, *self.errors)

    def check(self, check: Check) -> None:
        super().check(check)
        check.unique(self.clauses, self.tries, self.errors)
        vocabulary, arguments = formula_names(), (*self.signature.parameters, *self.constants)
        for variant in self.family.values():
            check.known(variant.constants, self.constants, "one of `constants`")
            check.sources(variant.constants.values(), MAKER_NAMES)
        named = [entry.of for group in (self.tries, self.errors, self.bench) for entry in group.values()]
        check.known(filter(None, named), self.also, "a class in `also`")
        check.sources(self.signature.defaults.values(), MAKER_NAMES)
        check.source(self.let, vocabulary, arguments)
        constructed = (*arguments, *self.locals)
        for name, member in self.members.items():
            loop = member.each.names if member.each else ()
            check.known(placeholders(name), loop, f"a name of the loop of {quote(name)}")
            check.sources(
                filter(None, (member.shape, member.when, member.zero)), vocabulary, constructed, loop
            )
            check.source(member.init, vocabulary, DISTRIBUTIONS, constructed, loop)
            check.source(member.each, vocabulary, constructed)
        for name, domain in self.inputs.items():
            domain.check(check, constructed, name)
        inside = (*constructed, *self.members, *self.input_names)
        check.source(self.forward, vocabulary, inside, ("training", "state"))
        called = (*self.input_names, "module", "torch")
        check.source(self.functional, FORMULA_BUILTINS, MODULES, called)
        check.source(self.unbatched, FORMULA_BUILTINS, MODULES, called)
        read_only = {*constructed, *self.parameters} - set(self.buffers)
        check.assigned(self.forward, read_only, "assigned in `forward`, which may only change buffers")
        for group in (self.tries, self.bench):
            for id, trial in group.items():
                check.bind(self.signature, trial.call, id, supplied=())
                check.source(trial.call, MAKER_NAMES)
                self.check_inputs(check, trial.inputs)
        for id, refusal in self.errors.items():
            refusal.check(check, self.signature, id)
            self.check_inputs(check, refusal.inputs)

    def check_inputs(self, check: Check, inputs: dict[Text, Expression]) -> None:
        check.known(inputs, self.input_names, "an input of this module")
        check.sources(inputs.values(), MAKER_NAMES)


def placeholders(name: Text) -> Iterator[Text]:
    """The names in braces within a state name, each at its place."""
    start = 0
    while (start := name.find("{", start)) >= 0:
        start += 1
        yield Text(name[start : name.find("}", start)], name.file, name.line, name.column + start)
