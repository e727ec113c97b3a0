"""Turns a disagreement into what its reader needs: the statement, the inputs, both values, the size of the error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from reference_impls.dtypes import NAMES

from .case import Given, Sample
from .judge import Judgement
from .run import Ran, stored
from .verdict import Failure


def failure(
    sample: Sample, ran: Ran, judgement: Judgement, reference_after: dict[str, np.ndarray] | None, dtype: str
) -> Failure | None:
    """What went wrong first on a line: a difference, an exception, or a modified input; None if nothing did."""
    problem = _problem(sample, ran, judgement, reference_after, dtype)
    if problem is None:
        return None
    inputs = {name: show_input(given, stored(given, dtype)) for name, given in sample.inputs.items()}
    program = sample.program
    return replace(problem, inputs=inputs, program=str(program.text), program_line=program.line)


def _problem(
    sample: Sample, ran: Ran, judgement: Judgement, reference_after: dict[str, np.ndarray] | None, dtype: str
) -> Failure | None:
    if judgement.difference is not None:
        d = judgement.difference
        return Failure(d.message, d.line, d.where, d.expected, d.seen, d.ulp, d.times_tolerance)
    if ran.error is not None:
        message = f"raised {type(ran.error).__name__}: {first_line(ran.error)}"
        return Failure(message, ran.error_line, traceback=ran.traceback)
    for name, given in sample.inputs.items():
        if reference_after is None or name not in reference_after or same(ran.after[name], given.values):
            continue
        if not same(reference_after[name], given.values):
            continue  # the program itself writes to it
        rounded = NAMES[stored(given, dtype)].round(given.values)
        if not same(ran.after[name], rounded):
            before, after = (np.array2string(a, threshold=8) for a in (given.values, ran.after[name]))
            return Failure("modified an input", 0, name, before, after)
    return None


def first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0][:300]


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays hold the same values, nan being equal to nan."""
    if a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes():
        return True  # nearly always, and at a tenth of the cost
    return np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")


def show_input(given: Given, dtype: str) -> str:
    """An input in a few words: dtype, shape, flags and values."""
    flags = [given.layout] * (given.layout != "contiguous") + ["requires grad"] * given.requires_grad
    values = np.array2string(given.values, threshold=12, edgeitems=3, separator=", ")
    return f"{dtype}{list(given.values.shape)}{' (' + ', '.join(flags) + ')' if flags else ''} {values}"
