"""Runs a case on a backend and gives each of its lines a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from reference_impls.dtypes import COMPONENT, FLOATING, NAMES, DType, float32, float64, to_complex
from reference_impls.noise import Noisy

from .backends.contract import Backend, Unsupported
from .backends.reference import ReferenceBackend
from .branches import Copy, Redo
from .case import Case, Sample
from .deviations import Deviation, matching
from .explain import failure
from .judge import Judgement, judge, judge_alone
from .observe import Observation
from .run import Ran, run, same, stored
from .verdict import Line, Verdict


@dataclass
class Bench:
    """What stays the same for all cases of a run: who is judged, by whom, and what is known already."""

    backend: Backend
    reference: ReferenceBackend
    deviations: Sequence[Deviation] = ()
    _bases: dict[tuple[int, str], Base] = field(default_factory=dict)

    def check(
        self, case: Case, device: str, mode: str, dtypes: Sequence[str], explore: int = 0
    ) -> Iterator[Line]:
        """The lines of a case, as they are won. ``dtypes`` is what the run was asked for.

        With ``explore`` the domains that the spec declares are then searched for that many examples.
        """
        samples = case.samples(mode)
        self.forget()
        for dtype in case.dtypes:
            if dtype not in dtypes:
                continue
            for sample in samples:
                if sample.dtypes is not None and dtype not in sample.dtypes:
                    continue
                yield self.line(case, sample, device, mode, dtype)
        if explore:
            from .explore import search  # hypothesis is slow to import

            yield from search(self, case, device, mode, dtypes, explore)

    def line(self, case: Case, sample: Sample, device: str, mode: str, dtype: str) -> Line:
        """One line of a case; the reference's run of the sample is kept for its other dtypes until `forget`."""
        return self._known(case, self._line(case, sample, device, mode, dtype), device)

    def forget(self) -> None:
        """Drop the runs of the reference that were kept."""
        self._bases.clear()

    def _known(self, case: Case, line: Line, device: str) -> Line:
        """The line as the known deviations see it."""
        if line.verdict not in (Verdict.FAIL, Verdict.PASS):
            return line
        entry = matching(self.deviations, case, line, device, self.backend.version)
        if entry is None:
            return line
        reason = f"{entry.reason} ({entry.issue or 'no issue known'})"
        if line.verdict is Verdict.PASS:
            return replace(line, stale=True, reason=reason)
        return replace(line, verdict=Verdict.KNOWN_DEVIATION, reason=reason)

    def _line(self, case: Case, sample: Sample, device: str, mode: str, dtype: str) -> Line:
        backend = self.backend
        try:
            for capability in sorted(case.needs & backend.lacks.keys()):
                raise Unsupported(f"{capability}: {backend.lacks[capability]}")
            for name in {dtype, *(stored(given, dtype) for given in sample.inputs.values())}:
                if name not in backend.dtypes:
                    raise Unsupported(f"dtype {name}")
            base = None if case.judge != "reference" else self._base(case, sample, dtype)
            if base is not None and base.fault:
                return Line(sample.name, dtype, Verdict.ERROR, reason=f"the reference: {base.fault}")
            ran = run(sample, backend, device, mode, dtype, both=base is None)
        except Unsupported as lacking:
            return Line(
                sample.name, dtype, Verdict.UNSUPPORTED, reason=lacking.what, supplied=backend.supplied()
            )
        allowance = case.accuracy.times if case.accuracy and case.accuracy.covers(dtype) else 1.0
        try:
            judgement = self._judge(sample, ran, base, dtype, allowance)
        except Unrepeatable as fault:
            return Line(sample.name, dtype, Verdict.ERROR, reason=f"the reference: {fault}")
        problem = failure(sample, ran, judgement, base.ran.written if base else None, dtype)
        return Line(
            sample.name,
            dtype,
            Verdict.FAIL if problem else Verdict.PASS if judgement.checks else Verdict.ERROR,
            problem,
            reason="" if judgement.checks else "nothing was checked",
            undecided=judgement.undecided,
            sharp=judgement.sharp or allowance > 1.0,
            tolerance_ulp=judgement.tolerance_ulp,
            checks=judgement.checks,
            supplied=backend.supplied(),
            allowance_needed=judgement.allowance_needed,
        )

    def _judge(self, sample: Sample, ran: Ran, base: Base | None, dtype: str, times: float) -> Judgement:
        if base is None:
            return judge_alone(ran.observations)
        tested = NAMES[dtype] if NAMES[dtype].category >= FLOATING else float32  # what integers become
        redo = base.redo(self.reference, tested)
        # What was yielded before an exception counts: where it was wrong already, that is the failure.
        reached = slice(len(ran.observations) if ran.error else None)
        return judge(
            base.ran.observations[reached],
            ran.observations,
            tested,
            lambda seed: (copy := redo(seed)) and copy.reaching(reached),
            times,
            base.relabel(dtype),
            bool(base.decisions),
        )

    def _base(self, case: Case, sample: Sample, dtype: str) -> Base:
        """The reference's run of a sample: one for all dtypes wherever that is sound."""
        shared = (
            case.shared
            and NAMES[dtype].category >= FLOATING
            and all(
                given.dtype is not None
                or given.values.dtype.kind not in "fc"
                or same(NAMES[stored(given, dtype)].round(given.values), given.values)
                for given in sample.inputs.values()
            )
        )
        key = (id(sample), SHARED if shared else dtype)
        if key not in self._bases:
            self._bases[key] = Base.of(self.reference, sample, key[1])
        return self._bases[key]


class Unrepeatable(Exception):
    """A noisy run of the reference did not come to its end."""


SHARED = "float64"
"""The dtype of the one run that serves all."""


@dataclass
class Base:
    """The reference's run of a sample, its decisions, and what is wrong with it if anything is."""

    ran: Ran
    sample: Sample
    dtype: str
    decisions: list[np.ndarray]
    fault: str = ""

    @classmethod
    def of(cls, reference: ReferenceBackend, sample: Sample, dtype: str) -> Base:
        """Run the reference, and hold it to the closed forms, literals and errors that the program states."""
        with reference.reference.base() as noise:
            try:
                ran = run(sample, reference, "cpu", "eager", dtype, both=True)
            except Unsupported as lacking:
                return cls(Ran([]), sample, dtype, [], f"lacks {lacking.what}")
        base = cls(ran, sample, dtype, noise.decisions)
        if ran.error is not None:
            base.fault = f"raised {type(ran.error).__name__}: {ran.error}\n{ran.traceback}"
            return base
        noise_of = NAMES[dtype] if NAMES[dtype].category >= FLOATING else float64
        try:
            own = judge(ran.observations, ran.observations, noise_of, base.redo(reference, noise_of))
        except Unrepeatable as fault:
            base.fault = str(fault)
            return base
        if own.difference:
            d = own.difference
            base.fault = f"fails line {d.line}: {d.where} {d.message}: expected {d.expected}, seen {d.seen}"
        return base

    def redo(self, reference: ReferenceBackend, dtype: DType) -> Redo:
        """Noisy runs for the judge. They raise `Unrepeatable` where one ends in an exception that the base had not."""

        def again(seed: int, free: bool) -> tuple[Noisy, list[Observation]]:
            with reference.reference.noisy(dtype, seed, self.decisions, free) as noise:
                ran = run(self.sample, reference, "cpu", "eager", self.dtype, both=True)
            if ran.error is not None and not noise.undecided:
                raise Unrepeatable(f"raised in a noisy run {type(ran.error).__name__}: {ran.error}")
            noise.lost |= ran.error is not None
            return noise, ran.observations

        def freed(seed: int) -> list[Observation] | None:
            noise, observations = again(seed, free=True)
            return None if noise.lost else observations

        def noisy(seed: int) -> Copy | None:
            noise, observations = again(seed, free=False)
            if noise.lost:
                return None
            return Copy(observations, partial(freed, seed) if noise.undecided else None)

        return noisy

    def relabel(self, dtype: str):
        """From a label of this run to the one that a line of ``dtype`` must show."""
        if self.dtype == dtype:
            return str
        tested = NAMES[dtype]
        names = {"float64": COMPONENT.get(tested, tested).name, "complex128": to_complex(tested).name}
        return lambda label: names.get(label, label)
