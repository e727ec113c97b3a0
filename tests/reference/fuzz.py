"""Runs random programs on the reference and on torch, statement by statement, and compares what can be seen.

``python -m tests.reference.fuzz --programs 20000 --seed 0`` prints the first differences, minimised, and what
was compared. A difference that a listed deviation of torch explains ends its program, and is counted.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Iterator, Sequence

import torch

from reference_impls import Reference

from .deviations import explain
from .lockstep import Count, Step, compare
from .programs import FAMILIES, draw


def unexplained(lines: Sequence[str], reference: Reference, count: Count, every: bool) -> Step | None:
    """The first difference of a program, unless a listed deviation explains it."""
    step = compare(lines, reference, count, every)
    if step is None:
        return None
    names = explain(step)
    if not names and not every:  # what is seen at the end may have begun with a deviation
        names = explain(compare(lines, reference, Count()))
    count.deviations.update(names)
    return None if names else step


def minimised(step: Step, reference: Reference, every: bool) -> Step:
    """The difference again in as few statements as dropping one after the other leaves."""
    shorter = True
    while shorter:
        shorter = False
        for i in reversed(range(len(step.lines) - 1)):
            if i >= len(step.lines) - 1:
                continue
            again = unexplained(step.lines[:i] + step.lines[i + 1 :], reference, Count(), every)
            if again is not None and len(again.lines) < len(step.lines):
                step, shorter = again, True
    return step


def differences(
    family: str, seeds: range, reference: Reference, count: Count
) -> Iterator[tuple[int, bool, Step]]:
    """The unexplained differences of many programs."""
    for seed in seeds:
        count.programs += 1
        every = family == "writes" or seed % 3 != 0
        step = unexplained(draw(family, seed), reference, count, every)
        if step is not None:
            yield seed, every, step


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="of the first program; the others follow")
    parser.add_argument("--family", choices=list(FAMILIES), default="graphs")
    parser.add_argument("--show", type=int, default=3, help="how many differences to print, minimised")
    wanted = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    reference, count, found, start = Reference(), Count(), 0, time.perf_counter()
    seeds = range(wanted.seed, wanted.seed + wanted.programs)
    for seed, every, step in differences(wanted.family, seeds, reference, count):
        found += 1
        if found <= wanted.show:
            looked = "" if every else ", looked at only at its end"
            print(f"program {seed}{looked}:\n{minimised(step, reference, every)}\n")
    seconds = time.perf_counter() - start
    print(
        f"{count.programs} programs of the family {wanted.family!r} from seed {wanted.seed}: {found} differ"
    )
    print(f"{count.statements} statements compared, {count.hook_calls} calls of hooks; {seconds:.0f} s")
    print(f"{count.cut} ended with an error in backward, the same on both sides")
    for title, counter in (("errors", count.errors), ("known deviations", count.deviations)):
        print(f"{title}: {dict(counter.most_common())}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
