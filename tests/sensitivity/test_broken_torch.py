"""Builds of torch that are broken on purpose: each must fail, with the verdict *fail*, at the clause that is named."""

from functools import cache
from importlib import import_module
from operator import attrgetter
from pkgutil import iter_modules

import pytest
import torch

from conformance.assemble import bench
from conformance.backends.torch_backend import TorchBackend
from conformance.generate import cases
from conformance.sensitivity.run import caught
from conformance.spec import load
from conformance.verdict import Verdict

from . import broken_torch
from .conftest import CAUGHT
from .few import SPECS

FAULTS = [
    (name, fault)
    for module in iter_modules(broken_torch.__path__)
    for name, fault in getattr(import_module(f"{broken_torch.__name__}.{module.name}"), "FAULTS", {}).items()
]


@cache
def judge():
    return bench(TorchBackend(), SPECS)


@cache
def case_of(clause):
    path, _, id = clause.partition("::")
    return next(case for case in cases(load(SPECS.parent / path)) if case.id == id)


def lines(clause):
    """The lines of a clause, one for each sample."""
    case = case_of(clause)
    return list(judge().check(case, "cpu", "eager", case.dtypes[:1]))


def test_names_are_given_once():
    """Two faults of one name could not be told apart in what a run prints."""
    assert len(dict(FAULTS)) == len(FAULTS)


@pytest.mark.parametrize(("name", "fault"), FAULTS, ids=[name for name, _ in FAULTS])
def test_caught(name, fault, monkeypatch, record_property):
    """The clause passes on the build as it is, and fails on the broken one; an exception would not count."""
    right = [line.verdict is Verdict.PASS for line in lines(fault.clause)]
    assert any(right)
    for target in fault.targets:
        owner, _, last = target.removeprefix("torch.").rpartition(".")
        holder = attrgetter(owner)(torch) if owner else torch
        monkeypatch.setattr(holder, last, fault.override(getattr(holder, last)))
    record_property(CAUGHT, (name, fault.clause))
    assert any(passed and caught(line) for passed, line in zip(right, lines(fault.clause), strict=True))
