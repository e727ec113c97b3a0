"""A functional backend under judgement: what is right passes, what is wrong fails, what is missing is named."""

from pathlib import Path

import pytest

from conformance.assemble import assemble
from conformance.backends.reference import ReferenceBackend
from conformance.check import Bench
from conformance.generate import cases
from conformance.spec import load
from conformance.verdict import Verdict
from reference_impls import Reference

from .frameworks import Framework, specs

SPECS = Path(__file__).parents[2] / "specs" / "torch"


@pytest.fixture(scope="module")
def judge():
    reference = ReferenceBackend(assemble(specs(), Reference()))

    def judge(backend, path, case_id):
        case = next(case for case in cases(load(SPECS / path)) if case.id == case_id)
        lines = list(Bench(backend, reference).check(case, "cpu", "eager", ("float64",)))
        assert lines
        return lines

    return judge


def verdicts(lines):
    return {line.verdict for line in lines}


SOFTPLUS = "nn/functional/softplus.yaml"


@pytest.mark.parametrize("case", ["value", "gradient", "forward-mode", "second-order"])
def test_right(judge, case):
    """The framework that computes what the definition says passes."""
    assert verdicts(judge(Framework(), SOFTPLUS, case)) == {Verdict.PASS}


def test_scaled_function(judge):
    """A table entry that is one per cent off fails."""
    right = Framework().functions["torch.nn.functional.softplus"]
    wrong = Framework(torch__nn__functional__softplus=lambda *args, **kwargs: 1.01 * right(*args, **kwargs))
    assert Verdict.FAIL in verdicts(judge(wrong, SOFTPLUS, "value"))


def test_scaled_vjp(judge):
    """A vjp that is one per cent off fails the gradient, and the gradient only."""
    wrong = Framework()
    wrong.scale = 1.01
    assert verdicts(judge(wrong, SOFTPLUS, "value")) == {Verdict.PASS}
    assert Verdict.FAIL in verdicts(judge(wrong, SOFTPLUS, "gradient"))


def test_missing_function(judge):
    """A function that the table lacks makes its cases unsupported, by name."""
    lines = judge(Framework(torch__nn__functional__softplus=None), SOFTPLUS, "value")
    assert {(line.verdict, line.reason) for line in lines} == {
        (Verdict.UNSUPPORTED, "torch.nn.functional.softplus")
    }


def test_no_jvp(judge):
    """A framework without forward mode lacks that capability."""

    class Reverse(Framework):
        jvp = None

    lines = judge(Reverse(), SOFTPLUS, "forward-mode")
    assert verdicts(lines) == {Verdict.UNSUPPORTED}
    assert all(line.reason.startswith("forward-mode") for line in lines)


@pytest.mark.parametrize(
    ("path", "case", "supplied"),
    [
        ("nn/Linear.yaml", "training", "torch.nn.Linear"),
        ("nn/LSTM.yaml", "second-order", "lstm"),
        ("optim/SGD.yaml", "nesterov", "torch.optim.SGD"),
        ("optim/lr_scheduler/StepLR.yaml", "timetable", "torch.optim.lr_scheduler.StepLR"),
    ],
)
def test_supplied(judge, path, case, supplied):
    """Modules, optimizers and schedulers come from the specs, and the lines say so."""
    lines = judge(Framework(), path, case)
    assert verdicts(lines) == {Verdict.PASS}
    assert all(supplied in line.supplied for line in lines)


def test_scaled_vjp_reaches_modules(judge):
    """What the suite supplies around it does not hide a wrong vjp."""
    wrong = Framework()
    wrong.scale = 1.01
    assert Verdict.FAIL in verdicts(judge(wrong, "nn/Linear.yaml", "training"))
