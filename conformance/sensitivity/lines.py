"""The lines that mutants are tried on: those that the unbroken reference passes, with what each of them uses."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reference_impls import Reference
from reference_impls.primitive import Primitive
from reference_impls.primitives import TABLE

from ..assemble import assemble
from ..backends.reference import ReferenceBackend
from ..case import Case, Sample
from ..check import Base, Bench
from ..generate import cases
from ..spec import Spec
from ..verdict import Line, Verdict
from .mutant import EXTRA, Faulty, add_faults

PREFERRED = ("float64", "complex128", "int64", "bool")
"""The dtypes in which the reference computes as torch does; others are tried only where a clause has none of these."""


@dataclass(frozen=True)
class Planned:
    """One dtype and sample of a case that the unbroken reference passes."""

    case: Case
    sample: Sample
    dtype: str
    uses: frozenset[str]
    """The operators, classes, primitives (``log``) and derivatives (``log.input``) that its run called, and the
    names below torch that its program mentions."""
    calls: int
    """How many of these it called: what it costs, and the same in every run."""

    @property
    def subject(self) -> str:
        """The spec that it belongs to."""
        return self.case.spec.relative_path


class Judge(Bench):
    """Judges one line after the other for many backends. What the reference yields is the same for all, and kept."""

    def tried(self, backend: ReferenceBackend, case: Case, sample: Sample, dtype: str) -> Line:
        """The line of one backend."""
        self.backend = backend
        return self.line(case, sample, "cpu", "eager", dtype)

    def _base(self, case: Case, sample: Sample, dtype: str) -> Base:
        base = super()._base(case, sample, dtype)
        if "redo" not in vars(base):
            vars(base)["redo"] = functools.cache(lambda *given: functools.cache(Base.redo(base, *given)))
        return base


def planned(judge: Judge, specs: Sequence[Spec], chosen: Sequence[Spec]) -> list[Planned]:
    """The lines of the chosen specs that can catch a mutant: the ones that the unbroken reference passes."""
    watch = Watch(specs)
    lines = []
    for spec in chosen:
        for case in cases(spec):
            for sample, dtype in _combinations(case):
                watch.calls.clear()
                line = judge.tried(watch.backend, case, sample, dtype)
                if line.verdict is Verdict.PASS and not line.undecided:
                    uses = frozenset(watch.calls) | sample.program.chains
                    lines.append(Planned(case, sample, dtype, uses, watch.calls.total()))
    return lines


def _combinations(case: Case) -> Iterator[tuple[Sample, str]]:
    dtypes = [dtype for dtype in case.dtypes if dtype in PREFERRED] or list(case.dtypes[:1])
    for sample in case.samples("eager"):
        for dtype in dtypes:
            if sample.dtypes is None or dtype in sample.dtypes:
                yield sample, dtype


class Watch:
    """An unbroken reference that counts in ``calls`` what a program calls."""

    def __init__(self, specs: Sequence[Spec]) -> None:
        self.calls: Counter[str] = Counter()
        reference = _Noting(self, {name: self.primitive(p) for name, p in {**TABLE, **EXTRA}.items()})
        add_faults(reference)
        self.backend = Faulty(assemble(specs, reference))

    def noting(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, which notes a name whenever it is called."""

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls[name] += 1
            return function(*args, **kwargs)

        return call

    def primitive(self, primitive: Primitive) -> Primitive:
        name = primitive.name
        vjp = {input: self.noting(f"{name}.{input}", formula) for input, formula in primitive.vjp.items()}
        return replace(primitive, forward=self.noting(name, primitive.forward), vjp=vjp)


class _Noting(Reference):
    def __init__(self, watch: Watch, primitives: dict[str, Primitive]) -> None:
        super().__init__(primitives=primitives)
        self.watch = watch

    def define(self, dotted: str, value: Any) -> None:
        if isinstance(value, type):
            value.__init__ = self.watch.noting(dotted, value.__init__)  # type: ignore[misc]
        elif callable(value):
            value = self.watch.noting(dotted, value)
        super().define(dotted, value)
