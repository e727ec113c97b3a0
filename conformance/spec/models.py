"""What the specs of every kind have in common."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr

from .check import Check
from .document import Map
from .faults import quote
from .fields import Bounds, Dtypes, Expressions, Id, Judge, Label, Labels, Links, Name, Prose, Raised
from .formula import Expression
from .program import Program
from .signature import Arguments, Signature
from .text import Text
from .version import Version, applies
from .words import DERIVED_IDS, FLOATING, MAKER_NAMES, PROGRAM_NAMES, ROOT, formula_names

DEFAULT_DTYPES = tuple(map(Text, FLOATING))


class Model(BaseModel):
    """Strict, closed and frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=False)


class Accuracy(Model):
    """A bound looser than the suite's, with its reason."""

    times: float = Field(gt=1)
    """How many times the suite's tolerance."""
    because: Prose
    dtypes: Dtypes | None = None
    """The dtypes that it holds for; all where none are named."""

    def covers(self, dtype: str) -> bool:
        """Whether it holds for a dtype."""
        return self.dtypes is None or dtype in self.dtypes


class Claim(Model):
    """What can be claimed of some versions only, or needs something that a backend may lack."""

    says: Prose | None = None
    cites: Links = ()
    needs: Labels = ()
    since: Version | None = None
    until: Version | None = None

    def applies(self, version: str) -> bool:
        """Whether the documentation of that version makes the claim."""
        return applies(self.since, self.until, version)


class Clause(Claim):
    """One claim, and the program that checks it."""

    _line: int = PrivateAttr(0)

    says: Prose
    given: dict[Name, Expression] = Field(default_factory=dict)
    program: Program
    judge: Judge = Text("reference")
    dtypes: Dtypes = DEFAULT_DTYPES
    accuracy: Accuracy | None = None

    @property
    def line(self) -> int:
        """The line of its id."""
        return self._line


class Bench(Model):
    """A call to measure, and how much work it is."""

    call: Arguments = Arguments(Text(""))
    operations: Expression | None = None
    """Floating-point operations, where that is not a matter of one for each element."""


def bench_call(value: Any) -> Any:
    """An argument list by itself is the call."""
    return value if isinstance(value, Map) else {"call": value}


Benches = dict[Label, Annotated[Bench, BeforeValidator(bench_call, json_schema_input_type=Bench | Arguments)]]


class Refusal(Claim):
    """A call that is documented to be refused."""

    call: Arguments
    raises: Raised
    """The exception; or several, where no page names it, any of which will do."""

    @property
    def sentence(self) -> str:
        """What is claimed, in a sentence."""
        call = " ".join(self.call.text.split())
        return self.says or f"`{call}` is refused with {' or '.join(self.raises)}."

    @property
    def attempt(self) -> str:
        """The head of the block in which it is refused."""
        return f"with raises({', '.join(self.raises)}):\n"

    def check(
        self,
        check: Check,
        signature: Signature,
        id: Text,
        without: Collection[str] = (),
        supplied: Collection[str] | None = None,
    ) -> None:
        """Reports arguments that do not fit, unless that is what is refused: with a TypeError."""
        check.source(self.call, MAKER_NAMES)
        if "TypeError" not in self.raises:
            check.bind(signature, self.call, id, without, supplied)


class Input(Model):
    """The domain of one tensor argument."""

    dtype: Dtypes = DEFAULT_DTYPES
    range: Bounds | None = None
    shape: Expression | None = None
    points: Expressions = ()
    optional: bool = False
    present: bool = True
    """Whether calls that do not name it have it, too."""
    differentiable: bool = True
    values: Expression | None = None

    def check(self, check: Check, names: Collection[str], name: Text) -> None:
        """Reports unknown names; ``names`` are those of the arguments around."""
        check.source(self.shape, formula_names(), names)
        check.sources((*(self.range or ()), *self.points), formula_names(), names)
        check.source(self.values, MAKER_NAMES)


class Spec(Model):
    """One documented thing."""

    kind: ClassVar[str] = ""

    summary: Prose
    cites: Links = Field(min_length=1)
    doc: Prose | None = None
    since: Version | None = None
    until: Version | None = None
    needs: Labels = ()
    """Capabilities without which no clause of the spec can be judged."""
    setup: Program | None = None
    clauses: dict[Id, Clause] = Field(default_factory=dict)
    accuracy: dict[Text, Accuracy] = Field(default_factory=dict)

    _path: Path = PrivateAttr(Path())
    _line: int = PrivateAttr(1)

    @property
    def path(self) -> Path:
        """The file that the spec was read from."""
        return self._path

    @property
    def relative_path(self) -> str:
        """The path from the root of the specs on, as clause ids have it: ``specs/torch/exp.yaml``."""
        parts = self._path.parts
        start = len(parts) - 1 - parts[::-1].index(ROOT) if ROOT in parts else -1
        return "/".join(parts[start:])

    @property
    def line(self) -> int:
        """The line of the key that says what the spec is about."""
        return self._line

    def settle(self, path: Path, data: Map) -> None:
        """Tells the spec and its parts where they stand."""
        self._path = path
        self._line = next((key.line for key in data if key == self.kind), data.mark.line)
        for id, clause in self.clauses.items():
            clause._line = id.line

    @property
    def name(self) -> str:
        """What the spec is about, as users write it."""
        raise NotImplementedError

    def applies(self, version: str) -> bool:
        """Whether the thing is documented in that version."""
        return applies(self.since, self.until, version)

    def accuracy_of(self, id: str) -> Accuracy | None:
        """The looser bound of a clause, where it has one."""
        clause = self.clauses.get(Text(id))
        return (clause and clause.accuracy) or self.accuracy.get(Text(id))

    def own_ids(self) -> Iterator[Text]:
        """All ids of the spec that are written by hand."""
        yield from self.clauses

    def derived_ids(self) -> Collection[str]:
        """The ids of clauses that may be derived from the spec."""
        return DERIVED_IDS

    def check(self, check: Check) -> None:
        """Reports the faults that only show between the parts of the spec."""
        defined = self.setup.bound if self.setup else frozenset()
        check.source(self.setup, PROGRAM_NAMES)
        if self.setup and self.setup.claims:
            check.fault(check.key("setup"), "a setup claims nothing; asserts and yields belong in clauses")
        for id, clause in self.clauses.items():
            check.source(clause.program, PROGRAM_NAMES, clause.given, defined)
            check.sources(clause.given.values(), MAKER_NAMES)
            if not clause.program.claims:
                check.fault(
                    id,
                    f"the program of {quote(id)} asserts nothing",
                    "write `assert left == right` or `yield value`",
                )
            check.unused(clause.given, clause.program)
        if not check.partial:
            check.known(self.accuracy, {*self.own_ids(), *self.derived_ids()}, "a clause of this spec")
        for id in self.accuracy:
            if id in self.clauses and self.clauses[id].accuracy:
                check.fault(id, f"{quote(id)} has an accuracy of its own already")
