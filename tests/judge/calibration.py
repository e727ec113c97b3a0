"""The evidence behind the judge's numbers: how far torch strays from the reference, in spreads of noisy runs.

``python -m tests.judge.calibration`` prints the tables of ``docs/tolerances.md`` and every line that is refused;
with ``--write`` it puts them there.
An error counts where it exceeds the floor of the judge: only there the factor decides.
"""

from __future__ import annotations

import argparse
import datetime
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from conformance import judge
from conformance.assemble import reference_backend
from conformance.backends.contract import Unsupported
from conformance.backends.reference import ReferenceBackend
from conformance.backends.torch_backend import TorchBackend
from conformance.case import Sample
from conformance.check import Base
from conformance.generate import cases
from conformance.run import run
from conformance.spec import discover, load
from conformance.where import packaged_specs
from reference_impls.dtypes import NAMES

from .programs import programs

DOCUMENT = Path(__file__).parents[2] / "docs" / "tolerances.md"
DTYPES = ("float64", "float32", "bfloat16", "float16")
FEW, MANY = 4, judge.DRAWS
CLAUSES = ("value", "gradient", "forward-mode", "second-order", "training", "defaults")
"""Derived clauses that show arithmetic; the others repeat it in other forms and layouts."""
SAMPLES = 4
"""Samples of a clause that take part, spread over all of them."""
WRONG = 100.0
"""An error of more spreads than this is a finding, not rounding: it is named and left out of the tables."""


@dataclass
class Measured:
    """One sample in one dtype: errors and spreads of all elements whose value is rounded."""

    family: str
    clause: str
    sample: str
    dtype: str
    error: np.ndarray
    few: np.ndarray
    """The largest deviation among `FEW` noisy runs."""
    many: np.ndarray
    """The same among `MANY`."""
    ulp: np.ndarray
    floor: np.ndarray
    size: np.ndarray
    tolerance_ulp: float
    """What the judge reports after `MANY` runs: the median over each yielded value, at the widest."""
    draws: int
    """Noisy runs that the judge needs."""
    undecided: bool

    def ratios(self, spread: np.ndarray) -> np.ndarray:
        """Errors beyond the floor in multiples of the spread."""
        beyond = self.error > self.floor
        with np.errstate(divide="ignore"):
            return self.error[beyond] / spread[beyond]

    @property
    def wrong(self) -> bool:
        ratios = self.ratios(self.many)
        return bool(ratios.size and ratios.max() > WRONG)

    @property
    def relative(self) -> float:
        """The tolerance of the median element relative to its value."""
        bound = np.maximum(judge.FACTOR * self.many, self.floor)[self.size > 0]
        return float(np.median(bound / self.size[self.size > 0])) if bound.size else 0.0


def samples(words: Sequence[str] = ()) -> Iterator[tuple[str, str, Sample, tuple[str, ...]]]:
    """(family, clause, sample, dtypes): every spec that has arithmetic, and the longer programs."""
    for path in discover(packaged_specs()):
        spec = load(path)
        if words and not any(word in str(path) for word in words):
            continue
        for case in cases(spec):
            if case.judge == "reference" and case.id.endswith(CLAUSES) and set(DTYPES) & set(case.dtypes):
                found = [s for s in case.samples("eager") if s.dtypes is None or set(DTYPES) & set(s.dtypes)]
                for sample in found[:: max(len(found) // SAMPLES, 1)]:
                    offered = tuple(d for d in DTYPES if d in case.dtypes and d in (sample.dtypes or DTYPES))
                    yield spec.name, case.id, sample, offered
    for family, sample in programs():
        if not words or any(word in family for word in words):
            yield family, "program", sample, DTYPES


def measure(
    family: str,
    clause: str,
    sample: Sample,
    dtype: str,
    torch: TorchBackend,
    reference: ReferenceBackend,
    base: Base,
) -> Measured | None:
    """Errors and spreads of one line; None where nothing is rounded, or the line fails in another way."""
    label = NAMES[dtype]
    try:
        ran = run(sample, torch, "cpu", "eager", dtype)
    except Unsupported:
        return None
    observed = base.ran.observations
    if ran.error is not None or len(ran.observations) != len(observed):
        return None
    if any(
        judge._structure(a, b, base.relabel(dtype)) for a, b in zip(observed, ran.observations, strict=True)
    ):
        return None
    flat = judge._flatten(observed, ran.observations)
    if flat is None:
        return None
    scale = judge._scale(flat, label)
    equal = (flat.seen == flat.rounded) | (np.isnan(flat.seen) & np.isnan(flat.expected))
    error = np.where(equal, 0.0, judge._distance(flat.expected, flat.seen, scale.largest))
    redo = base.redo(reference, label)
    few = many = np.zeros_like(error)
    draws = 0
    undecided = False
    for draw in range(MANY):
        needed = (error > np.maximum(scale.floor, judge.FACTOR * many)).any()
        copy = redo(draw)
        undecided |= copy is None or copy.freed is not None
        if copy is None:
            break
        draws += bool(needed)
        many = np.maximum(many, judge._deviation(flat, observed, ran.observations, copy.observations))
        few = many if draw < FEW else few
    bound = np.where(scale.exact, 0.0, np.maximum(judge.FACTOR * many, scale.floor))
    tolerance = judge._tolerance_ulp(flat, scale, bound)
    rounded = ~scale.exact
    if not rounded.any():
        return None
    parts = (error, few, many, scale.ulp, scale.floor, np.abs(flat.expected))
    return Measured(
        family, clause, sample.name, dtype, *(p[rounded] for p in parts), tolerance, draws, undecided
    )


def measured(words: Sequence[str] = (), dtypes: Sequence[str] = DTYPES) -> Iterator[Measured]:
    """All lines. Bases are kept for the dtypes of one sample only."""
    torch, reference = TorchBackend(), reference_backend()
    for family, clause, sample, offered in samples(words):
        base = Base.of(reference, sample, "float64")
        for dtype in offered:
            if dtype in dtypes and not base.fault:
                found = measure(family, clause, sample, dtype, torch, reference, base)
                if found is not None:
                    yield found


def largest(lines: Sequence[Measured], draws: str) -> tuple[int, float, float]:
    """How many errors exceed the floor; the 99th percentile and the maximum of their ratios to the spread."""
    ratios = np.concatenate([line.ratios(getattr(line, draws)) for line in lines] or [np.zeros(0)])
    return (
        (ratios.size, float(np.quantile(ratios, 0.99)), float(ratios.max())) if ratios.size else (0, 0.0, 0.0)
    )


def tables(lines: Sequence[Measured]) -> Iterator[str]:
    """The tables as Markdown."""
    right = [line for line in lines if not line.wrong and not line.undecided]
    families = {
        f: [line for line in right if line.family == f] for f in dict.fromkeys(x.family for x in right)
    }
    yield f"| family | lines | beyond the floor | {FEW} runs: 99 %, most | {MANY} runs: 99 %, most |"
    yield "|---|---|---|---|---|"
    for family, here in (
        *families.items(),
        *((d, [x for x in right if x.dtype == d]) for d in DTYPES),
        ("all", right),
    ):
        count, *few = largest(here, "few")
        _, *many = largest(here, "many")
        elements = sum(line.error.size for line in here)
        shown = f"{few[0]:.1f}, {few[1]:.1f} | {many[0]:.1f}, {many[1]:.1f}" if count else "– | –"
        yield f"| {family} | {len(here)} | {count} of {elements} | {shown} |"
    yield f"\n| family | {' | '.join(DTYPES)} |"
    yield "|---" * (1 + len(DTYPES)) + "|"
    for family, here in (*families.items(), ("all", right)):
        yield f"| {family} | {' | '.join(_sharpness([x for x in here if x.dtype == d]) for d in DTYPES)} |"
    yield "\n| noisy runs needed | lines | share |"
    yield "|---|---|---|"
    counts = np.bincount([line.draws for line in right], minlength=MANY + 1)
    for low, high in ((0, 0), (1, 1), (2, 3), (4, 7), (8, 15), (16, 16)):
        count = int(counts[low : high + 1].sum())
        yield f"| {low if low == high else f'{low} to {high}'} | {count} | {count / max(len(right), 1):.1%} |"


def _sharpness(lines: Sequence[Measured]) -> str:
    """Tolerance in ulp: median, 90th percentile, maximum."""
    if not lines:
        return "–"
    ulps = [line.tolerance_ulp for line in lines]
    return ", ".join(f"{x:.0f}" for x in (*np.quantile(ulps, (0.5, 0.9)), max(ulps)))


def remarks(lines: Sequence[Measured], blunt: float) -> Iterator[str]:
    """Lines left out of the tables, and those that would let a relative error of ``blunt`` pass."""
    for line in lines:
        name = f"`{line.family}::{line.clause}`, {line.sample}, {line.dtype}"
        ratios = line.ratios(line.many)
        if ratios.size and ratios.max() > judge.FACTOR:
            yield f"- refused: {name}: {ratios.max():.2g} spreads"
        elif line.undecided:
            yield f"- undecided: {name}"
        elif line.dtype in ("float64", "float32") and line.relative > blunt:
            yield f"- blunt: {name}: {line.relative:.2g} of the value"


BEGIN, END = "<!-- python -m tests.judge.calibration --write -->", "<!-- end -->"


def main() -> None:
    import torch

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "words", nargs="*", help="parts of the paths or families to measure; all where none is given"
    )
    parser.add_argument("--dtype", action="append", choices=DTYPES)
    parser.add_argument(
        "--blunt", type=float, default=0.01, help="name lines whose relative tolerance exceeds this"
    )
    parser.add_argument("--write", action="store_true", help=f"put the tables into {DOCUMENT.name}")
    options = parser.parse_args()
    lines = list(measured(options.words, options.dtype or DTYPES))
    text = f"torch {torch.__version__}, {platform.machine()}, {datetime.date.today()}\n\n" + "\n".join(
        tables(lines)
    )
    text += "\n\n" + "\n".join(remarks(lines, options.blunt)) + "\n"
    if not options.write:
        print(text)
        return
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    DOCUMENT.write_text(f"{before}{BEGIN}\n{text}{END}{after}")


if __name__ == "__main__":
    main()
