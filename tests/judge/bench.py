"""Programs judged in this process: torch or a faulty backend on one side, the assembled reference on the other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from conformance import judge
from conformance.assemble import reference_backend
from conformance.backends.reference import ReferenceBackend
from conformance.backends.torch_backend import TorchBackend
from conformance.case import Case, Sample
from conformance.check import Base, Bench
from conformance.deviations import Deviation
from conformance.generate import cases
from conformance.generate.common import prelude
from conformance.generate.makers import Makers, evaluate
from conformance.observe import Observation
from conformance.run import run
from conformance.spec import Program, Text, load
from conformance.spec.formula import Expression
from conformance.verdict import Line
from reference_impls.dtypes import NAMES, DType

FLOATING = ("float64", "float32", "bfloat16", "float16")


@cache
def reference() -> ReferenceBackend:
    """The judge's side."""
    return reference_backend()


class Overlay:
    """A namespace that plays torch, with some names of its own."""

    def __init__(self, **own: Any) -> None:
        self.__dict__.update(own)

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)


def torch_with(**own: Any) -> TorchBackend:
    """torch with some of its functions replaced."""
    backend = TorchBackend()
    backend.torch = Overlay(**own)
    return backend


def sample(program: str, **inputs: str) -> Sample:
    """A program whose inputs are maker expressions."""
    given = {name: evaluate(Expression(Text(text)), Makers(f"judge:{name}")) for name, text in inputs.items()}
    return Sample("program", Program(Text(program, "program")), given, (prelude(),))


class Open(Exception):
    """A decision is inside the noise: what is right is no single number."""


class Judged:
    """A sample run on both sides, ready to be judged as often as one likes with the values changed."""

    def __init__(self, sample: Sample, dtype: str = "float32", backend: Any = None) -> None:
        self.dtype: DType = NAMES[dtype]
        self.base = Base.of(reference(), sample, "float64")
        assert not self.base.fault, self.base.fault
        ran = run(sample, backend or TorchBackend(), "cpu", "eager", dtype)
        assert ran.error is None, ran.traceback
        self.seen: list[Observation] = ran.observations
        self.redo = self.base.redo(reference(), self.dtype)

    def judge(self, times: float = 1.0) -> judge.Judgement:
        observed = self.base.ran.observations
        return judge.judge(
            observed, self.seen, self.dtype, self.redo, times, self.base.relabel(self.dtype.name)
        )

    def bounds(self) -> tuple[Any, np.ndarray, np.ndarray]:
        """All values of the sample in one row, the tolerance of each after all noisy runs, and its ulp.

        Raises `Open` where that says nothing.
        """
        observed = self.base.ran.observations
        flat = judge._flatten(observed, self.seen)
        assert flat is not None
        scale = judge._scale(flat, self.dtype)
        wide = np.zeros_like(flat.expected)
        for draw in range(judge.DRAWS):
            copy = self.redo(draw)
            if copy is None or copy.freed is not None:
                raise Open
            deviation = judge._deviation(flat, observed, self.seen, copy.observations)
            wide = np.maximum(wide, judge.FACTOR * deviation)
        return flat, np.where(scale.exact, 0.0, np.maximum(wide, scale.floor)), scale.ulp

    def values(self) -> list[np.ndarray]:
        """The arrays of floating values that the backend yielded; writing to them changes what is judged."""
        return [leaf.value for observation in self.seen for leaf in observation.left if judge._compared(leaf)]


def judged(program: str, dtype: str = "float32", backend: Any = None, **inputs: str) -> judge.Judgement:
    """The judge's word on a program."""
    return Judged(sample(program, **inputs), dtype, backend).judge()


HEAD = "topic: Judging\nsummary: What is judged.\ncites: https://example.org/judging\nclauses:\n"


def written(folder: Path, program: str, given: str = "", **options: str) -> Case:
    """The case of a topic with one clause, as a spec file states it."""
    path = folder / "specs" / "area" / "judging.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"    {key}: {value}" for key, value in options.items()] + [f"    given: {{{given}}}"] * bool(
        given
    )
    body = "\n".join(f"      {line}" for line in program.strip().split("\n"))
    text = "\n".join(["  clause:", "    says: The clause holds.", *lines, "    program: |", body, ""])
    path.write_text(HEAD + text)
    return cases(load(path))[0]


def lines(
    case: Case, backend: Any, dtypes: Sequence[str] = ("float32",), deviations: Sequence[Deviation] = ()
) -> list[Line]:
    """The verdicts on a case."""
    return list(Bench(backend, reference(), deviations).check(case, "cpu", "eager", dtypes))
