"""Classes that are constructed around something else: optimizers around parameters, schedulers around an optimizer."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from .check import Check
from .fields import Id
from .models import Benches, Refusal, Spec
from .signature import Arguments, Signature
from .text import Text
from .words import MAKER_NAMES


class Constructed(Spec):
    """A class whose constructor takes what it acts on, and then hyperparameters."""

    signature: Signature
    tries: dict[Id, Arguments] = Field(default_factory=dict, alias="try")
    errors: dict[Id, Refusal] = Field(default_factory=dict)
    bench: Benches = Field(default_factory=dict)

    @property
    def hyperparameters(self) -> tuple[str, ...]:
        """The parameters of the constructor besides the first."""
        return self.signature.names[1:]

    def own_ids(self) -> Iterator[Text]:
        yield from (*self.clauses, *self.tries, *self.errors)

    def check(self, check: Check) -> None:
        """Reports faults in the defaults and in the argument lists of trials, benchmarks and errors."""
        super().check(check)
        check.unique(self.clauses, self.tries, self.errors)
        check.sources(self.signature.defaults.values(), MAKER_NAMES)
        subject = self.signature.names[:1]
        for id, call in (*self.tries.items(), *((id, bench.call) for id, bench in self.bench.items())):
            check.bind(self.signature, call, id, subject, ())
            check.source(call, MAKER_NAMES)
        for id, refusal in self.errors.items():
            refusal.check(check, self.signature, id, subject)
