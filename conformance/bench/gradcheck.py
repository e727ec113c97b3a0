"""How fast outputs are checked, beside PyTorch's own fast gradcheck of the same calls.

    python -m conformance.bench.gradcheck [PATH ...]

Ours are all lines of the operators' specs, in every dtype and with all that surrounds the call (samples made, programs
compiled, the reference and its noisy copies, the judge). A *tensor* is what a program yields or claims something
about: a value, the gradient of one input, a second derivative; each of its *numbers* is compared by itself. Gradcheck
runs in its fast mode on the calls that our gradient clauses make, in float64: for each pair of an input and a result it
compares one number, a projection of the Jacobian, which is counted as a tensor and as a number. Both are measured in
one process, in time of this thread.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..assemble import bench as assembled
from ..backends import resolve
from ..backends.contract import Backend
from ..case import Sample
from ..check import Base, Bench
from ..generate import cases
from ..generate.derivation import Derivation
from ..generate.orders import curried
from ..judge import Judgement
from ..observe import Recorder
from ..run import Ran, make_inputs, namespace
from ..spec import OperatorSpec, discover, load, program_module
from ..spec.words import FLOATING
from ..where import packaged_specs
from .overhead import clock_of

FAST = "yield torch.autograd.gradcheck(function, inputs, fast_mode=True, raise_exception=False)\n"
PAIRS = "yield len(inputs) * len(function(*inputs))\n"


@dataclass
class Rate:
    """What was compared, and the seconds that took."""

    tensors: int = 0
    numbers: int = 0
    seconds: float = 0.0

    def add(self, other: Rate) -> None:
        self.tensors += other.tensors
        self.numbers += other.numbers
        self.seconds += other.seconds


@dataclass
class Counting(Bench):
    """A bench that counts what it compares."""

    tensors: int = 0
    numbers: int = 0

    def _judge(self, sample: Sample, ran: Ran, base: Base | None, dtype: str, times: float) -> Judgement:
        leaves = (leaf for seen in ran.observations for leaf in seen.left)
        sizes = [leaf.value.size for leaf in leaves if leaf.kind == "tensor"]
        self.tensors += len(sizes)
        self.numbers += sum(sizes)
        return super()._judge(sample, ran, base, dtype, times)


class Heard(Recorder):
    """Keeps the last value that a program yielded."""

    value: Any = None

    def observe(self, line: int, value: Any) -> None:
        self.value = value


def ours(spec: OperatorSpec, bench: Counting) -> Rate:
    """Every line of a spec."""
    clock = clock_of("cpu")
    bench.tensors, bench.numbers, start = 0, 0, clock()
    for case in cases(spec):
        for _ in bench.check(case, "cpu", "eager", FLOATING):
            pass
    return Rate(bench.tensors, bench.numbers, clock() - start)


def gradchecked(spec: OperatorSpec, backend: Backend) -> Rate:
    """gradcheck of every call that has a gradient."""
    rate = Rate()
    for sample, pairs in _calls(spec):
        (_, seconds), (count, _) = _ran(sample, backend), _ran(pairs, backend)
        rate.add(Rate(count, count, seconds))
    return rate


def _calls(spec: OperatorSpec) -> Iterator[tuple[Sample, Sample]]:
    for overload, body in spec.bodies.items():
        of = Derivation(spec, body, overload)
        if of.continuous and not spec.random:
            for call, names in of.smooth():
                program = curried(of, call, names)
                yield of.sample(call, program + FAST, names), of.sample(call, program + PAIRS, names)


def _ran(sample: Sample, backend: Backend) -> tuple[int, float]:
    """What a program yielded (0 where it raised) and the seconds that it took."""
    clock = clock_of("cpu")
    recorder = Heard(backend, both=False)
    names = namespace(backend, "cpu", "eager", "float64", recorder)
    with program_module(
        "conformance_program", names | make_inputs(sample, backend, "cpu", "float64")
    ) as module:
        for part in sample.setup:
            part.run(module.__dict__)
        code = sample.program.code
        start = clock()
        try:
            exec(code, module.__dict__)
        except Exception:
            return 0, clock() - start
        return int(recorder.value), clock() - start


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m conformance.bench.gradcheck",
        description="Outputs checked a second, and by fast gradcheck.",
    )
    parser.add_argument("paths", nargs="*", type=Path, default=[packaged_specs()], help="specs of operators")
    backend = resolve("torch")
    judged = assembled(backend, packaged_specs())
    bench = Counting(backend, judged.reference, judged.deviations)
    mine, theirs = Rate(), Rate()
    for path in parser.parse_args(arguments).paths:
        for file in discover(path):
            spec = load(file)
            if isinstance(spec, OperatorSpec):
                mine.add(ours(spec, bench))
                theirs.add(gradchecked(spec, backend))
    print(f"{'':14} {'seconds':>9} {'tensors':>9} {'a second':>9} {'numbers':>9} {'a second':>9}")
    for name, rate in {"this suite": mine, "fast gradcheck": theirs}.items():
        counts = (f"{n:9} {n / rate.seconds:9.0f}" for n in (rate.tensors, rate.numbers))
        print(f"{name:14} {rate.seconds:9.1f}", *counts)
    faster = theirs.seconds / mine.seconds
    print(f"ratio: {mine.tensors / theirs.tensors * faster:.2f} in tensors, ", end="")
    print(f"{mine.numbers / theirs.numbers * faster:.2f} in numbers")


if __name__ == "__main__":
    main()
