"""Turns a disagreement into what its reader needs: the statement, the inputs, both values, the size of the error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from reference_impls.dtypes import NAMES

from .case import Given, Sample
from .judge import Judgement
from .run import Ran, same, stored
from .verdict import Failure


def failure(
    sample: Sample, ran: Ran, judgement: Judgement, written: frozenset[str] | None, dtype: str
) -> Failure | None:
    """What went wrong first on a line: a difference, an exception, or a modified input; None if nothing did.

    ``written`` names the inputs that the program itself writes to, where the reference has told.
    """
    problem = _problem(sample, ran, judgement, written, dtype)
    if problem is None:
        return None
    inputs = {name: show_input(given, stored(given, dtype)) for name, given in sample.inputs.items()}
    program = sample.program
    return replace(problem, inputs=inputs, program=str(program.text), program_line=program.line)


def _problem(
    sample: Sample, ran: Ran, judgement: Judgement, written: frozenset[str] | None, dtype: str
) -> Failure | None:
    if judgement.difference is not None:
        d = judgement.difference
        return Failure(d.message, d.line, d.where, d.expected, d.seen, d.ulp, d.times_tolerance)
    if ran.error is not None:
        message = f"raised {type(ran.error).__name__}: {first_line(ran.error)}"
        return Failure(message, ran.error_line, traceback=ran.traceback)
    for name, given in sample.inputs.items():
        if written is None or name in written or same(ran.after[name], given.values):
            continue
        rounded = NAMES[stored(given, dtype)].round(given.values)
        if not same(ran.after[name], rounded):
            before, after = (np.array2string(a, threshold=8) for a in (given.values, ran.after[name]))
            return Failure("modified an input", 0, name, before, after)
    return None


def first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0][:300]


def show_input(given: Given, dtype: str) -> str:
    """An input in a few words: dtype, shape, flags and values."""
    flags = [given.layout] * (given.layout != "contiguous") + ["requires grad"] * given.requires_grad
    values = np.array2string(given.values, threshold=12, edgeitems=3, separator=", ")
    return f"{dtype}{list(given.values.shape)}{' (' + ', '.join(flags) + ')' if flags else ''} {values}"
