"""Implementations of optimizers: what proves that one ran, and that a clause fails where another did."""

from pathlib import Path

import pytest
import torch

from conformance.assemble import bench
from conformance.backends.torch_backend import TorchBackend
from conformance.backends.torch_paths import PathNotTaken, taking
from conformance.generate import cases
from conformance.spec import load
from conformance.verdict import Verdict

SPECS = Path(__file__).parents[2] / "specs"
SGD = SPECS / "torch/optim/SGD.yaml"


def stepped(path, asked):
    parameters = [torch.ones(2, requires_grad=True)]
    if asked == "differentiable":
        parameters = [parameters[0] * 1]  # a leaf cannot be written to by a step that is recorded
    optimizer = torch.optim.SGD(parameters, lr=0.5, **{asked: True})
    parameters[0].grad = torch.ones(2)
    with taking(path, optimizer):
        optimizer.step()


@pytest.mark.parametrize("path", ["foreach", "fused", "differentiable"])
def test_taken(path):
    """What was asked for ran."""
    stepped(path, path)


@pytest.mark.parametrize(
    ("path", "asked"), [("foreach", "fused"), ("fused", "foreach"), ("differentiable", "foreach")]
)
def test_not_taken(path, asked):
    """Another one ran."""
    with pytest.raises(PathNotTaken, match=path):
        stepped(path, asked)


@pytest.mark.parametrize(
    ("option", "asked", "instead"),
    [("foreach", "_multi_tensor_sgd", "_single_tensor_sgd"), ("fused", "_fused_sgd", "_multi_tensor_sgd")],
)
def test_the_clause_fails_where_the_request_is_ignored(option, asked, instead, monkeypatch):
    """An optimizer that falls back without a word, with the right numbers."""
    from torch.optim import sgd

    right = getattr(sgd, instead)

    def silent(*args, **kwargs):
        return right(*args, **{**kwargs, "grad_scale": None, "found_inf": None})

    case = next(case for case in cases(load(SGD)) if case.id == option)
    judge = bench(TorchBackend(), SPECS / "torch/optim")
    sample = next(sample for sample in case.samples("eager") if sample.name == "plain")
    assert judge.line(case, sample, "cpu", "eager", "float32").verdict is Verdict.PASS
    monkeypatch.setattr(sgd, asked, silent)
    line = judge.line(case, sample, "cpu", "eager", "float32")
    assert line.verdict is Verdict.FAIL
    assert "PathNotTaken" in line.failure.message
