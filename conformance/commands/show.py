"""``conformance show``: one clause as a reader wants it."""

from __future__ import annotations

import argparse
from textwrap import indent

from ..case import Case, Sample
from ..explain import show_input
from ..spec import OperatorSpec, OptimizerSpec, SchedulerSpec, Spec
from .select import case_id, one_case


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("clause", metavar="CLAUSE", help="such as specs/torch/optim/SGD.yaml::nesterov[cpu]")
    parser.add_argument("--sample", help="show this sample only")


def main(options: argparse.Namespace) -> None:
    case, _, mode = one_case(options.clause)
    print(f"{case_id(case)}  ({case.spec.path}:{case.line})")
    print(case.says)
    print(case.cites)
    print(f"\njudge: {case.judge}; dtypes: {', '.join(case.dtypes)}; modes: {', '.join(case.modes)}", end="")
    print(f"; needs: {', '.join(sorted(case.needs))}" if case.needs else "")
    for title, text in definitions(case.spec):
        print(f"\n{title}\n{indent(text.rstrip(), '    ')}")
    for sample in case.samples(mode or "eager"):
        if options.sample in (None, sample.name):
            print_sample(case, sample)


def definitions(spec: Spec) -> list[tuple[str, str]]:
    """What a spec says the thing computes, as it is written."""
    if isinstance(spec, OperatorSpec):
        return [
            (f"definition {name}{body.signature.text}", str(body.definition))
            for name, body in spec.bodies.items()
            if body.definition is not None
        ]
    if isinstance(spec, OptimizerSpec) and spec.step is not None:
        return [("step", str(spec.step))]
    if isinstance(spec, SchedulerSpec):
        parts = {"let": spec.let, "lr": spec.lr, "momentum": spec.momentum, "step": spec.step}
        return [(key, str(part)) for key, part in parts.items() if part is not None]
    return []


def print_sample(case: Case, sample: Sample) -> None:
    print(f"\nsample {sample.name!r}")
    for name, given in sample.inputs.items():
        print(f"    {name} = {show_input(given, given.dtype or 'tensor')}")
    print(indent(str(sample.program).rstrip(), "      "))
