"""Operators: a definition, and what it claims at special points, of its gradient and of its errors."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, PrivateAttr

from .check import Check
from .document import Map
from .fields import Dotted, DottedNames, FormulaOrMap, Id, Name, Names, ResultDtypes
from .formula import Formula
from .models import Benches, Claim, Input, Model, Refusal, Spec
from .signature import Arguments, Signature
from .text import Text
from .words import DEPRECATED_FLAGS, DERIVED_IDS, FORMULA_BUILTINS, MAKER_NAMES, formula_names


class Special(Claim):
    """What the operator gives at one point."""

    arguments: dict[Name, Formula] = Field(min_length=1)
    result: Formula | None = None
    gradient: FormulaOrMap | None = None

    def gradients(self, names: Sequence[str]) -> Mapping[str, Formula]:
        """The gradient by parameter; a formula that is not in a map is that of the first of ``names``."""
        if self.gradient is None or isinstance(self.gradient, dict):
            return {str(name): formula for name, formula in (self.gradient or {}).items()}
        return dict.fromkeys(names[:1], self.gradient)


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

    signature: Signature = Signature(Text("()"))
    inputs: dict[Name, Input] = Field(default_factory=dict)
    tries: dict[Id, Arguments] = Field(default_factory=dict, alias="try")
    definition: Formula | None = None
    random: bool = False
    result: ResultDtypes = (Text("promote"),)
    """The rule for the dtype of each result."""
    forward: Names = ()
    """What a module form takes when it is called, besides the tensors that are required."""
    constructor: Names = ()
    """What a module form is constructed with, where that is not the function's other parameters in their order."""
    also: DottedNames | None = None
    """The other forms that an overload has, where those are not the spec's."""
    gradient: dict[Name, Formula] = Field(default_factory=dict)
    special: dict[
        Id, Annotated[Special, BeforeValidator(gather_arguments, json_schema_input_type=dict[Text, Any])]
    ] = Field(default_factory=dict)
    errors: dict[Id, Refusal] = Field(default_factory=dict)
    bench: Benches = Field(default_factory=dict)

    _line: int = PrivateAttr(1)

    @property
    def line(self) -> int:
        """The line of the key that it stands under."""
        return self._line

    @property
    def elementwise(self) -> bool:
        """Whether any shape will do: no input declares one, no argument list brings tensors of its own."""
        brought = any(
            name in self.inputs for call in self.tries.values() for name in self.signature.bind(call)
        )
        return not brought and all(i.shape is None and i.values is None for i in self.inputs.values())

    @property
    def has_deprecated_flags(self) -> bool:
        """Whether the flags that `reduction` has replaced still stand beside it: then a definition only knows that."""
        return {*DEPRECATED_FLAGS, "reduction"} <= set(self.signature.names)

    def ids(self) -> Iterator[Text]:
        """The ids of the body that are written by hand."""
        for group in (self.tries, self.special, self.errors):
            yield from group

    def check_body(self, check: Check, *path: str) -> None:
        """Faults within one body; ``path`` leads to it."""
        where = check.key(*path) if path else check.key("operator")
        if "signature" not in self.model_fields_set:
            check.missing(where, "`signature` is missing")
            return
        if self.definition is None and not self.random:
            check.missing(where, "`definition` is missing", "only an operator with `random: true` has none")
        names = self.signature.parameters
        what = f"a parameter of {self.signature.brief}"
        check.known(self.inputs, names, what)
        check.known(self.gradient, names, what)
        check.known((*self.forward, *self.constructor), names, what)
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
            check.sources(special.gradients(tuple(special.arguments)).values(), vocabulary, special.arguments)
            if isinstance(special.gradient, dict):
                check.known(special.gradient, names, what)
        self.check_calls(check, where)

    def check_calls(self, check: Check, where: Text) -> None:
        # What an unknown input stands for is not reported again as a missing argument.
        supplied = self.inputs if set(self.inputs) <= set(self.signature.names) else self.signature.names
        calls = [*self.tries.items(), *((id, bench.call) for id, bench in self.bench.items())]
        for id, call in calls:
            check.bind(self.signature, call, id, supplied=supplied)
            check.source(call, MAKER_NAMES)
        for bench in self.bench.values():
            check.source(bench.operations, FORMULA_BUILTINS)
        if not self.tries and not check.partial:
            check.bind(self.signature, Arguments(Text("")), where, supplied=supplied)
        for id, refusal in self.errors.items():
            refusal.check(check, self.signature, id)


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
        return {str(id): body for id, body in self.overloads.items()} or {"": self}

    def settle(self, path: Path, data: Map) -> None:
        super().settle(path, data)
        for id, body in self.overloads.items():
            body._line = id.line

    def own_ids(self) -> Iterator[Text]:
        yield from self.clauses
        yield from () if self.overloads else self.ids()
        for overload, body in self.overloads.items():
            for id in body.ids():
                yield Text(f"{overload}-{id}", id.file, id.line, id.column)

    def derived_ids(self) -> Collection[str]:
        return [f"{overload}-{id}" for overload in self.overloads for id in DERIVED_IDS] or DERIVED_IDS

    def check(self, check: Check) -> None:
        super().check(check)
        if self.overloads:
            for key in check.data:
                if key in BODY_KEYS:
                    check.fault(key, f"`{key}` beside `overloads`", "it belongs in each overload")
            for id, body in self.overloads.items():
                body.check_body(check, "overloads", id)
            check.known_not(self.own_ids(), self.derived_ids())
        else:
            self.check_body(check)
        check.unique(self.own_ids())


BODY_KEYS = frozenset(field.alias or name for name, field in Body.model_fields.items()) - {"random", "also"}
