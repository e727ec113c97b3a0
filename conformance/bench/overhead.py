"""What judging costs: the whole of it over the bare calls of the same samples.

    python -m conformance.bench.overhead [--backend NAME] [--device DEVICE] [PATH ...]

*Whole* is `Bench.check` of a case from beginning to end, on specs that were loaded afresh: samples are made,
programs compiled, the reference runs with its noisy copies, inputs are stored on the device, the program runs,
what it yields is copied, read back, compared and explained.

*Bare* is the compiled program of each of the same lines (a sample in a dtype), with inputs that are on the device
already, in a namespace where the helpers are defined already, and with claims that look at nothing: the backend's
own calls, the Python between them, and no more.

Both are the fastest of a few rounds that take turns, summed over the lines of an operator; the summary is the
geometric mean of the ratio over operators. Lines that the backend cannot run count on neither side. On the CPU
the time is that of this thread, so that the machine's other work does not count: with more than one thread
(``OMP_NUM_THREADS``) what the others do is counted on neither side.
"""

from __future__ import annotations

import argparse
import math
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..assemble import bench as assembled
from ..backends import resolve
from ..backends.contract import Backend
from ..case import Case, Sample
from ..check import Bench
from ..generate import cases
from ..observe import Recorder
from ..run import make_inputs, namespace
from ..spec import OperatorSpec, discover, load, program_module
from ..spec.words import FLOATING
from ..verdict import Verdict
from ..where import packaged_specs

ROUNDS = 3
BASIC = ("value", "gradient")
"""The derived cases that every operator has, by the end of their id."""


@dataclass(frozen=True)
class Cost:
    """Seconds that the lines of some cases of an operator took, judged and bare."""

    operator: str
    lines: int
    whole: float
    bare: float

    @property
    def ratio(self) -> float:
        return self.whole / self.bare


class Deaf(Recorder):
    """Claims that look at nothing; refusals are still caught, for the program to go on."""

    def observe(self, line: int, value: Any) -> None:
        pass

    def expect(self, line: int, left: Any, right: Callable[[], Any]) -> None:
        pass

    def hold(self, line: int, truth: Any) -> None:
        pass


def is_basic(case: Case) -> bool:
    """Whether it is one of the cases that every operator has."""
    return case.id.endswith(BASIC) and is_derived(case)


def is_derived(case: Case) -> bool:
    """Whether it follows from the definition; the others are written by hand."""
    return case.id not in case.spec.clauses


def measure(
    path: Path, bench: Bench, device: str, chosen: Callable[[Case], bool], rounds: int = ROUNDS
) -> Cost | None:
    """The cost of the chosen cases of an operator's spec; None where it has none of them."""
    clock = clock_of(device)
    whole = bare = math.inf
    lines = 0
    name = ""
    for _ in range(rounds):
        spec = load(path)
        if not isinstance(spec, OperatorSpec):
            return None
        name = spec.name
        found = [case for case in cases(spec) if case.judge == "reference" and chosen(case)]
        start = clock()
        ran = [line for case in found for line in _judged(bench, case, device)]
        whole = min(whole, clock() - start)
        lines = len(ran)
        bare = min(bare, sum(_bare(found, bench.backend, device, ran)))
    return Cost(name, lines, whole, bare) if lines else None


def _judged(bench: Bench, case: Case, device: str) -> Iterator[tuple[str, str, str]]:
    for line in bench.check(case, device, "eager", FLOATING):
        if line.verdict is not Verdict.UNSUPPORTED:
            yield case.id, line.sample, line.dtype


def _bare(
    found: Iterable[Case], backend: Backend, device: str, ran: Sequence[tuple[str, str, str]]
) -> Iterator[float]:
    """Seconds of each line that was judged."""
    wanted = set(ran)
    with warnings.catch_warnings(), np.errstate(all="ignore"), backend.running(device, "eager"):
        warnings.simplefilter("ignore")
        for case in found:
            for sample in case.samples("eager"):
                for dtype in FLOATING:
                    if (case.id, sample.name, dtype) in wanted:
                        yield _timed(sample, backend, device, dtype)


def _timed(sample: Sample, backend: Backend, device: str, dtype: str) -> float:
    clock = clock_of(device)
    recorder = Deaf(backend, both=False)
    names = namespace(backend, device, "eager", dtype, recorder) | make_inputs(sample, backend, device, dtype)
    with program_module("conformance_program", names) as module:
        for part in sample.setup:
            part.run(module.__dict__)
        code = sample.program.code
        backend.synchronize(device)
        start = clock()
        with suppress(Exception):
            exec(code, module.__dict__)
        backend.synchronize(device)
        return clock() - start


def clock_of(device: str) -> Callable[[], float]:
    """The clock for a device: on an accelerator this thread waits, and its own time says nothing."""
    return time.thread_time if device == "cpu" else time.perf_counter


def geometric_mean(ratios: Iterable[float]) -> float:
    logarithms = [math.log(ratio) for ratio in ratios]
    return math.exp(sum(logarithms) / len(logarithms))


CHOICES: dict[str, Callable[[Case], bool]] = {"value and gradient": is_basic, "all derived": is_derived}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m conformance.bench.overhead", description="What judging costs."
    )
    parser.add_argument("paths", nargs="*", type=Path, default=[packaged_specs()], help="specs of operators")
    parser.add_argument("--backend", default="torch")
    parser.add_argument("--device", help="default: the backend's first")
    options = parser.parse_args(arguments)
    backend = resolve(options.backend)
    device = options.device or backend.devices[0]
    bench = assembled(backend, packaged_specs())
    files = [file for path in options.paths for file in discover(path)]
    for title, chosen in CHOICES.items():
        found = []
        print(f"\n{title:36} {'lines':>6} {'whole ms':>9} {'bare ms':>9} {'ratio':>6}")
        for file in files:
            if cost := measure(file, bench, device, chosen):
                found.append(cost)
                times = f"{cost.whole * 1e3:9.1f} {cost.bare * 1e3:9.1f} {cost.ratio:6.2f}"
                print(f"{cost.operator:36} {cost.lines:6} {times}")
        if found:
            mean = geometric_mean(cost.ratio for cost in found)
            print(f"{'geometric mean':36} {sum(cost.lines for cost in found):6} {'':19} {mean:6.2f}")


if __name__ == "__main__":
    main()
