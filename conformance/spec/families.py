"""Families: functions that do the same with each tensor of a list, and differ in what that is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from .check import Check
from .fields import Dotted, Dtypes, Expressions, Id, Names, ResultDtype, only_list
from .models import DEFAULT_DTYPES, Model, Refusal, Spec
from .signature import Signature
from .text import Text
from .words import COMPLEX, INTEGER, formula_names, vocabulary

SIGNATURE = Signature(Text("(tensors)"))
NOT_KEPT = {"float": INTEGER, "real": COMPLEX}
"""The dtypes that the result has not where the tensor has them, by the rule for the dtype of the result."""


class Members(Model):
    """Functions of one tensor that take the same dtypes; one that ends in `_` has an in-place form only."""

    names: Names = Field(min_length=1)
    dtype: Dtypes = DEFAULT_DTYPES
    result: ResultDtype = Text("promote")
    points: Expressions = ()
    """Where they are decided: kinks, ties, poles, ends of domains."""

    @property
    def kept(self) -> tuple[str, ...]:
        """The dtypes that a result can be stored in."""
        return tuple(dtype for dtype in self.dtype if dtype not in NOT_KEPT.get(self.result, ()))


class FamilySpec(Spec):
    """``torch._foreach_sin`` and its like: what is said of one of them holds for all."""

    kind: ClassVar[str] = "family"

    family: Dotted
    functions: Annotated[tuple[Members, ...], BeforeValidator(only_list), Field(min_length=1)]
    errors: dict[Id, Refusal] = Field(default_factory=dict)
    """What every form of every function refuses."""

    @property
    def name(self) -> str:
        """What the names of the functions begin with."""
        return self.family

    def members(self) -> Iterator[tuple[Text, Members]]:
        """Each function of one tensor, with those that it stands among."""
        for members in self.functions:
            for name in members.names:
                yield name, members

    def form(self, name: str, in_place: bool) -> str:
        """The function of lists that applies a function."""
        return f"{self.family}_{name.removesuffix('_')}" + "_" * in_place

    def own_ids(self) -> Iterator[Text]:
        yield from (*self.clauses, *self.errors)

    def check(self, check: Check) -> None:
        super().check(check)
        check.unique(self.clauses, self.errors)
        check.unique(name for name, _ in self.members())
        check.known(
            (n for n, _ in self.members() if not n.endswith("_")), vocabulary(), "a function of one tensor"
        )
        for members in self.functions:
            check.sources(members.points, formula_names())
        for id, refusal in self.errors.items():
            refusal.check(check, SIGNATURE, id)
