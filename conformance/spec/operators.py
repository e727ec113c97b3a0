"""Operators: a definition, and what it claims at special points, of its gradient and of its errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from .check import Check
from .document import Map
from .fields import Dotted, DottedNames, FormulaOrMap, Id, Label, Name, ResultDtype
from .formula import Expression, Formula
from .models import Claim, Input, Model, Refusal, Spec
from .signature import Arguments, Signature
from .text import Text
from .words import MAKER_NAMES, formula_names


class Special(Claim):
    """What the operator gives at one point."""

    arguments: dict[Name, Formula] = Field(min_length=1)
    result: Formula | None = None
    gradient: FormulaOrMap | None = None

    @property
    def gradients(self) -> Mapping[str, Formula]:
        """The gradient by parameter; a single formula is that of the first argument."""
        if self.gradient is None or isinstance(self.gradient, dict):
            return self.gradient or {}
        return {next(iter(self.arguments)): self.gradient}


CLAIM_KEYS = frozenset(Special.model_fields) - {"arguments"}


def gather_arguments(value: Any) -> Any:
    """The keys of a special point that are no claim are arguments."""
    if not isinstance(value, Map):
        return value
    claims: dict[Any, Any] = {key: item for key, item in value.items() if key in CLAIM_KEYS}
    claims["arguments"] = {key: item for key, item in value.items() if key not in CLAIM_KEYS}
    return claims


class Body(Model):
    """One signature with what it means: an operator, or one of its overloads."""

    signature: Signature | None = None
    inputs: dict[Name, Input] = Field(default_factory=dict)
    trials: dict[Id, Arguments] = Field(default_factory=dict, alias="try")
    definition: Formula | None = None
    random: bool = False
    result: ResultDtype = Text("promote")
    gradient: dict[Name, Formula] = Field(default_factory=dict)
    special: dict[Id, Annotated[Special, BeforeValidator(gather_arguments)]] = Field(default_factory=dict)
    errors: dict[Id, Refusal] = Field(default_factory=dict)
    bench: dict[Label, Arguments] = Field(default_factory=dict)

    @property
    def parameters(self) -> Signature:
        """The signature, which every body of a loaded spec has."""
        assert self.signature is not None
        return self.signature

    def ids(self) -> Iterator[Text]:
        """The ids of the body that are written by hand."""
        for group in (self.trials, self.special, self.errors):
            yield from group

    def check_body(self, check: Check, *path: str) -> None:
        """Faults within one body; ``path`` leads to it."""
        where = check.key(*path) if path else check.key("operator")
        if self.signature is None:
            check.missing(where, "`signature` is missing")
            return
        if self.definition is None and not self.random:
            check.missing(where, "`definition` is missing", "only an operator with `random: true` has none")
        names = self.signature.parameters
        what = f"a parameter of {self.signature.text}"
        check.known(self.inputs, names, what)
        check.known(self.gradient, names, what)
        vocabulary = formula_names()
        check.source(self.definition, vocabulary, names)
        check.sources(self.gradient.values(), vocabulary, names, ("grad", "result"))
        for default in self.signature.defaults.values():
            check.source(default, MAKER_NAMES)
        for name, domain in self.inputs.items():
            domain.check(check, names, name)
        for special in self.special.values():
            check.known(special.arguments, names, what)
            check.sources(special.arguments.values(), vocabulary)
            if special.result is None and special.gradient is None:
                check.fault(next(iter(special.arguments)), "claims neither a `result` nor a `gradient`")
            check.source(special.result, vocabulary, special.arguments)
            check.sources(special.gradients.values(), vocabulary, special.arguments)
            if isinstance(special.gradient, dict):
                check.known(special.gradient, names, what)
        self.check_calls(check, where)

    def check_calls(self, check: Check, where: Text) -> None:
        for group in (self.trials, self.bench):
            for id, arguments in group.items():
                check.bind(self.parameters, arguments, id, supplied=self.inputs)
                check.source(arguments, MAKER_NAMES)
        if not self.trials and not check.partial:
            check.bind(self.parameters, Arguments(Text("")), where, supplied=self.inputs)
        for id, refusal in self.errors.items():
            refusal.check(check, self.parameters, id, supplied=self.inputs)


class OperatorSpec(Spec, Body):
    """A function of tensors. Either the spec itself is the only body, or ``overloads`` holds them."""

    kind: ClassVar[str] = "operator"

    operator: Dotted
    also: DottedNames = ()
    overloads: dict[Id, Body] = Field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.operator

    @property
    def bodies(self) -> dict[str, Body]:
        """The bodies by overload; a single one has an empty name."""
        return {**self.overloads} if self.overloads else {"": self}

    def own_ids(self) -> Iterator[Text]:
        yield from self.clauses
        for body in self.bodies.values():
            yield from body.ids()

    def check(self, check: Check) -> None:
        super().check(check)
        if self.overloads:
            for key in check.data:
                if key in BODY_KEYS:
                    check.fault(key, f"`{key}` beside `overloads`", "it belongs in each overload")
            for id, body in self.overloads.items():
                body.check_body(check, "overloads", id)
                check.unique(self.clauses, body.ids())
        else:
            self.check_body(check)
            check.unique(self.clauses, self.ids())


BODY_KEYS = frozenset(field.alias or name for name, field in Body.model_fields.items()) - {"random"}
