"""``conformance repro``: a script that shows what a clause does, with nothing but torch and numpy."""

from __future__ import annotations

import argparse

from ..check import Base
from ..where import root_of
from . import Refused
from .select import one_case


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "clause", metavar="CLAUSE", help="such as 'specs/torch/optim/SGD.yaml::nesterov[cpu]'"
    )
    parser.add_argument("--dtype", help="(default: the first of the clause)")
    parser.add_argument("--sample", help="(default: the first of the clause)")
    parser.add_argument("--device", help="(default: that of the clause's brackets, or cpu)")


def main(options: argparse.Namespace) -> None:
    from ..report.script import expected, script

    case, device, mode = one_case(options.clause)
    dtype = options.dtype or case.dtypes[0]
    if dtype not in case.dtypes:
        raise Refused(f"--dtype {dtype}: the clause has {', '.join(case.dtypes)}")
    samples = {sample.name: sample for sample in case.samples(mode or "eager")}
    name = options.sample or next(iter(samples))
    if name not in samples:
        raise Refused(f"--sample {name}: the clause has {', '.join(map(repr, samples))}")
    sample = samples[name]
    base = ""
    if case.judge == "reference":
        from ..assemble import reference_backend

        reference = reference_backend(root_of(case.spec.path.resolve()))
        own = Base.of(reference, sample, dtype)
        if own.fault:
            raise Refused(f"the reference: {own.fault}")
        base = expected(own, reference, dtype)
    print(
        script(case, sample, options.clause, dtype, options.device or device or "cpu", mode or "eager", base),
        end="",
    )
