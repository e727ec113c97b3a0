"""What is not a number: the path a program takes, exceptions, warnings, inputs, and clauses that judge themselves."""

from __future__ import annotations

import warnings

import pytest
import torch

from conformance.deviations import Deviation
from conformance.verdict import Verdict

from .bench import lines, torch_with, written


def verdict(folder, program, backend=None, given="", **options):
    """The one line of a clause on a backend."""
    (line,) = lines(written(folder, program, given, **options), backend or torch_with())
    return line


def fails(folder, program, wrong, given="", **options):
    """Passes on torch, and fails on a backend that differs in some functions; returns that failure."""
    right = verdict(folder, program, given=given, **options)
    assert right.verdict is Verdict.PASS, right
    line = verdict(folder, program, torch_with(**wrong), given, **options)
    assert line.verdict is Verdict.FAIL, line
    assert line.failure is not None
    return line.failure


def test_another_path(tmp_path):
    """A program that reaches another statement is told so."""
    program = "if torch.is_tensor(x):\n    yield x\nelse:\n    yield x * 2"
    failure = fails(tmp_path, program, {"is_tensor": lambda x: False}, "x: tensor(3)")
    assert "another path" in failure.message and failure.line == 12


def test_fewer_and_more_yields(tmp_path):
    """As many statements as expected, no fewer and no more."""
    program = "for _ in range(3 if torch.is_tensor(x) else 2):\n    yield x"
    assert (
        "2 times where 3" in fails(tmp_path, program, {"is_tensor": lambda x: False}, "x: tensor(3)").message
    )
    program = "for _ in range(2 if torch.is_tensor(x) else 3):\n    yield x"
    assert (
        "3 times where 2" in fails(tmp_path, program, {"is_tensor": lambda x: False}, "x: tensor(3)").message
    )


@pytest.mark.parametrize(
    "other", ["[x]", "[x, x, x]", "x", "None", "[x, None]", "{'a': x, 'b': x}", "[[x], x]"]
)
def test_another_structure(tmp_path, other):
    """Tuples and dicts have the same form, whatever is in them."""
    wrong = {"is_tensor": lambda x: False}
    fails(tmp_path, f"yield (x, x) if torch.is_tensor(x) else {other}", wrong, "x: tensor(3)")


def test_an_exception_is_a_failure(tmp_path):
    """What a backend raises is its failure, with the statement at which it was raised."""

    def broken(x):
        raise ArithmeticError("no such luck")

    failure = fails(tmp_path, "yield x\nyield torch.exp(x)", {"exp": broken}, "x: tensor(3)")
    assert failure.message == "raised ArithmeticError: no such luck" and failure.line == 10


def raising(error):
    def function(x):
        if error is not None:
            raise error
        return x

    return function


RAISES = "with raises(RuntimeError):\n    torch.exp(torch.zeros(2) + torch.zeros(3))"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (TypeError("x"), "raised TypeError, expected RuntimeError"),
        (ValueError("x"), "raised ValueError, expected RuntimeError"),
        (None, "raised nothing, expected RuntimeError"),
    ],
)
def test_raises(tmp_path, error, message):
    """The type of an exception is normative; a subclass is one of them; none at all is a failure."""
    program = "with raises(RuntimeError):\n    torch.check(x)"
    right = torch_with(check=raising(NotImplementedError("a subclass")))
    assert verdict(tmp_path, program, right, "x: tensor(3)", judge="literals").verdict is Verdict.PASS
    wrong = torch_with(check=raising(error))
    line = verdict(tmp_path, program, wrong, "x: tensor(3)", judge="literals")
    assert line.verdict is Verdict.FAIL and line.failure and line.failure.message == message
    wrong.exact_error_types = False  # of other backends only the refusal is asked
    line = verdict(tmp_path, program, wrong, "x: tensor(3)", judge="literals")
    assert line.verdict is (Verdict.FAIL if error is None else Verdict.PASS)


@pytest.mark.parametrize(
    ("category", "passes"), [(UserWarning, True), (DeprecationWarning, False), (None, False)]
)
def test_warns(tmp_path, category, passes):
    """A warning of the right category, not another one, not none."""

    def function(x):
        if category:
            warnings.warn("watch out", category, stacklevel=1)

    line = verdict(
        tmp_path,
        "with warns(UserWarning):\n    torch.check(x)",
        torch_with(check=function),
        "x: tensor(3)",
        judge="literals",
    )
    assert line.verdict is (Verdict.PASS if passes else Verdict.FAIL)


def test_a_false_assertion(tmp_path):
    """An assertion that is no equality holds or fails."""
    failure = fails(tmp_path, "assert torch.is_tensor(x)", {"is_tensor": lambda x: False}, "x: tensor(3)")
    assert failure.message == "the assertion does not hold" and failure.line == 9


def test_modified_inputs(tmp_path):
    """An input that the program does not write to is left as it was."""

    def careless(x):
        result = torch.exp(x)
        x.data.mul_(1.5)
        return result

    failure = fails(tmp_path, "yield torch.exp(x)", {"exp": careless}, "x: tensor(3)")
    assert failure.message == "modified an input" and failure.where == "x"


def test_inputs_that_the_program_writes_to(tmp_path):
    """What the program itself writes is no fault."""
    assert verdict(tmp_path, "x.mul_(2)\nyield x * 1", given="x: tensor(3)").verdict is Verdict.PASS


def test_a_clause_that_the_reference_fails(tmp_path):
    """A wrong closed form, or a program that the reference cannot run, is an error of the suite on every backend."""
    for program in (
        "assert torch.exp(x) == x",
        "assert (x * 2).sum() == 0",
        "yield torch.exp(x, x, x)",
        "assert x is None",
    ):
        line = verdict(tmp_path, program, given="x: tensor(3)")
        assert line.verdict is Verdict.ERROR and line.reason.startswith("the reference"), program
        wrong = verdict(tmp_path, program, torch_with(exp=lambda x: x), "x: tensor(3)")
        assert wrong.verdict is Verdict.ERROR


def test_nothing_checked_is_an_error(tmp_path):
    """A program that reaches none of its claims proves nothing."""
    assert verdict(tmp_path, "if x is None:\n    yield x", given="x: tensor(3)").verdict is Verdict.ERROR


@pytest.mark.parametrize("judge", ["law", "round trip", "literals"])
def test_both_sides_from_the_backend(tmp_path, judge):
    """Laws and round trips compare bit for bit: no rounding is excused, and nothing is asked of the reference."""
    program = "assert torch.twice(x) == x + x"
    for twice, expected in (
        (lambda x: 2 * x, Verdict.PASS),
        (lambda x: 2 * x * (1 + 2.0**-23), Verdict.FAIL),
        (lambda x: (2 * x).double(), Verdict.FAIL),
        (lambda x: (2 * x)[:2], Verdict.FAIL),
        (lambda x: [2 * x], Verdict.FAIL),
        (lambda x: None, Verdict.FAIL),
    ):
        line = verdict(tmp_path, program, torch_with(twice=twice), "x: tensor(3)", judge=judge)
        assert line.verdict is expected


def test_nan_equals_nan_in_a_law(tmp_path):
    """Bit for bit: nan is itself."""
    program = "assert torch.log(x) == torch.log(x)"
    assert verdict(tmp_path, program, given="x: 'literal([-1.0, 2.0])'", judge="law").verdict is Verdict.PASS


DEVIATION = Deviation(clause="*::clause", reason="Exponentials are doubled.", issue="https://example.org/1")


def test_known_deviation_and_stale(tmp_path):
    """A listed failure is a known deviation; a listed pass is stale; an entry for another dtype says nothing."""
    case = written(tmp_path, "yield torch.exp(x)", "x: tensor(3)")
    wrong = torch_with(exp=lambda x: 2 * torch.exp(x))
    assert [x.verdict for x in lines(case, wrong, deviations=[DEVIATION])] == [Verdict.KNOWN_DEVIATION]
    (stale,) = lines(case, torch_with(), deviations=[DEVIATION])
    assert stale.verdict is Verdict.PASS and stale.stale
    elsewhere = DEVIATION.model_copy(update={"dtype": ("float64",)})
    assert [x.verdict for x in lines(case, wrong, ("float64", "float32"), [elsewhere])] == [
        Verdict.KNOWN_DEVIATION,
        Verdict.FAIL,
    ]


def test_an_error_is_no_deviation(tmp_path):
    """A fault of the suite is not excused by a list of the backend's faults."""
    case = written(tmp_path, "assert torch.exp(x) == x", "x: tensor(3)")
    assert lines(case, torch_with(), deviations=[DEVIATION])[0].verdict is Verdict.ERROR


def test_a_missing_name_is_unsupported(tmp_path):
    """What a backend lacks is named, and is not its failure."""
    line = verdict(tmp_path, "yield torch.nonsense.name(x)", given="x: tensor(3)", judge="law")
    assert line.verdict is Verdict.UNSUPPORTED and line.reason == "torch.nonsense"
