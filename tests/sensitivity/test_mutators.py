"""Each mutator makes of a small text what it says, and nothing else."""

from __future__ import annotations

import ast

import pytest

from conformance.sensitivity.mutators import MUTATORS, Names, mutations, with_result, without_assignment

NAMES = Names(
    kinds=(("input", "target"), ("beta", "gamma")), small=frozenset({"eps"}), counters=frozenset({"epoch"})
)


def made(text: str, mutator: str) -> set[str]:
    """The texts that one mutator makes."""
    return {m.text for m in mutations(text, NAMES) if m.mutator == mutator}


@pytest.mark.parametrize(
    ("mutator", "text", "expected"),
    [
        ("coefficient", "2 * x", {"2.02 * x"}),
        ("coefficient", "x / 0.5", {"x / 0.505"}),
        ("coefficient", "-1 + x", {"-1.01 + x"}),
        ("coefficient", "x[1] ** (2,)[0]", set()),
        ("coefficient", "(1,) * (x.dim() - 2)", set()),
        ("coefficient", "0 * x", set()),
        ("sign", "a + b", {"(a - b)"}),
        ("sign", "a - b * c", {"(a + b * c)"}),
        ("sign", "-exp(x)", {"exp(x)"}),
        ("sign", "(0,) + tuple(range(2))", set()),
        ("small constant", "sqrt(v + eps)", {"sqrt(v + 0)", "sqrt(v + (2 * eps))", "(sqrt(v) + eps)"}),
        ("small constant", "x + 1e-08", {"x + 0", "x + (2 * 1e-08)"}),
        ("comparison", "where(z > t, a, b)", {"where((z >= t), a, b)"}),
        ("comparison", "x if n == 1 else y", {"x if (n != 1) else y"}),
        ("comparison", "x if b is None else y", {"x if (b is not None) else y"}),
        ("off by one", "softmax(x, 1)", {"softmax(x, 2)"}),
        ("off by one", "softmax(x, -1)", {"softmax(x, -2)"}),
        ("off by one", "r * (epoch // 7)", {"r * ((epoch + 1) // 7)", "r * ((epoch - 1) // 7)", "r * (epoch // 8)"}),
        ("off by one", "f(True, 0.5, 100)", set()),
        ("dropped", "a + b", {"a", "b"}),
        ("dropped", "a - b", {"a", "(-b)"}),
        ("dropped", "a * b", {"a", "b"}),
        ("dropped", "a / b", {"a", "(1 / b)"}),
        ("dropped", "1 / b", {"1"}),
        ("dropped", "x ** 2", {"x"}),
        ("dropped", "a @ b", set()),
        ("condition", "a if flag else b", {"a if (not flag) else b"}),
        ("condition", "a if not flag else b", {"a if flag else b"}),
        ("condition", "a if b and c else d", {"a if (b or c) else d", "a if (not (b and c)) else d"}),
        ("condition", "where(c, a, b)", {"where(c, b, a)"}),
        ("divisor", "mean(x, 1)", {"sum(x, 1)"}),
        ("divisor", "sum(x) / n", {"(sum(x) / (n + 1))"}),
        ("divisor", "x / y.numel()", {"(x / (y.numel() + 1))"}),
        ("divisor", "x / y", set()),
        ("variable", "input - target", {"target - target", "input - input"}),
        ("variable", "beta * other", {"gamma * other"}),
    ],
)  # fmt: skip
def test_what_a_mutator_makes(mutator: str, text: str, expected: set[str]) -> None:
    """The mutants of a text by one mutator are exactly these."""
    assert made(text, mutator) == expected


def test_every_mutator_is_tried() -> None:
    """The list above leaves no mutator out."""
    marks = test_what_a_mutator_makes.pytestmark[0].args[1]
    assert {mutator for mutator, _, expected in marks if expected} == set(MUTATORS)


def test_places_and_texts() -> None:
    """A mutation knows its line and column, what it replaced, and leaves the rest as it was written."""
    text = "z = beta * input   # é\nif z > 0:\n    z\nelse:\n    sum(z,\n        1)\n"
    by_place = {(m.line, m.column, m.mutator): m for m in mutations(text, NAMES)}
    comparison = by_place[2, 4, "comparison"]
    assert (comparison.original, comparison.mutated) == ("z > 0", "z >= 0")
    assert comparison.text == text.replace("z > 0", "(z >= 0)")
    assert by_place[6, 9, "off by one"].text == text.replace("1)", "2)")


def test_mutants_are_distinct_and_parse() -> None:
    """No text comes twice, none is the original, and each is Python."""
    text = "a = -x * 2 + eps\nwhere(a > 0, sqrt(a + eps), mean(a, -1) / 3) if not flag else a"
    texts = [m.text for m in mutations(text, NAMES)]
    assert len(texts) == len(set(texts)) > 20 and text not in texts
    for mutated in texts:
        ast.parse(mutated)


def test_results_of_every_branch() -> None:
    """A fault of the result is put around each expression that the value may come from."""
    text = "if a:\n    x + 1\nelif b:\n    y\nelse:\n    (u, v)\n"
    assert with_result(text, "f") == "if a:\n    f(x + 1)\nelif b:\n    f(y)\nelse:\n    f((u, v))\n"


def test_assignments_removed() -> None:
    """State that is not kept is computed and assigned to another name."""
    text = "if t:\n    m = m + 1\n    n = m\ny"
    assert without_assignment(text, "m") == "if t:\n    unused_m = m + 1\n    n = m\ny"
