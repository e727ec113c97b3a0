"""Formulas, updates and loops: their values, what they keep, and where their tracebacks point."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from conformance.spec import (
    Each,
    Expression,
    Formula,
    OperatorSpec,
    OptimizerSpec,
    SourceError,
    Text,
    Update,
    parse,
)

from .bases import OPERATOR, OPTIMIZER, edited


def block(text: str) -> Text:
    return Text(text, "file.yaml", 3, 3, "|", single=False)


VALUES: list[tuple[str, dict[str, Any], Any]] = [
    ("a + 1", {"a": 2}, 3),
    ("b = a + 1\nb * 2", {"a": 2}, 6),
    ("if a > 1:\n    'big'\nelse:\n    'small'", {"a": 2}, "big"),
    ("if a > 9:\n    1\nelif a > 1:\n    b = 5\n    b\nelse:\n    2", {"a": 2}, 5),
    ("total = 0\nfor i in range(a):\n    total = total + i\ntotal", {"a": 4}, 6),
    ("def f(x):\n    return x * a\nf(3)", {"a": 2}, 6),
    ("[x * a for x in range(3)]", {"a": 2}, [0, 2, 4]),
    ("(lambda x: x + a)(1)", {"a": 2}, 3),
    ("a = a + 1\na", {"a": 2}, 3),
    ("if a:\n    raise ValueError('no')\nelse:\n    1", {"a": 0}, 1),
    ("double(a)", {"a": 2}, 4),
]


@pytest.mark.parametrize(("text", "names", "value"), VALUES)
def test_the_value_is_the_last_expression(text: str, names: dict[str, Any], value: Any) -> None:
    formula = Formula(block(text))
    namespace = {"double": lambda x: 2 * x}
    assert formula.function(tuple(names), namespace)(**names) == value
    assert formula.evaluate(namespace, **names) == value


def test_parameters_come_before_the_namespace() -> None:
    formula = Formula(Text("a + b"))
    assert formula.evaluate({"a": 1, "b": 2}) == 3
    assert formula.evaluate({"a": 1, "b": 2}, a=10) == 12


def test_what_persists() -> None:
    formula = Formula(block("if training:\n    mean = mean + x\n    x\nelse:\n    mean"))
    function = formula.function(("x", "mean", "training"), {}, persists=("mean",))
    assert function(x=2, mean=1, training=True) == (2, {"mean": 3})
    assert function(x=2, mean=1, training=False) == (1, {"mean": 1})


def test_an_update_returns_what_persists() -> None:
    spec = edited(OPTIMIZER)
    assert isinstance(spec, OptimizerSpec) and spec.step is not None
    assert spec.persistent == ("param", "buf")
    step = spec.step.function((*spec.hyperparameters, *spec.persistent, "grad"), {}, spec.persistent)
    first = step(lr=0.5, momentum=0.5, param=1.0, buf=None, grad=2.0)
    assert first == {"param": 0.0, "buf": 2.0}
    assert step(lr=0.5, momentum=0.5, **first, grad=1.0) == {"param": -1.0, "buf": 2.0}
    assert list(spec.step.assignments()) == ["buf", "param"]


def test_a_loop_gives_the_values_of_its_names() -> None:
    each = Each(Text('k in range(n) for s in ("", "_r") if k', "file.yaml", 4, 10))
    assert each.names == ("k", "s")
    assert each.free == {"n", "range"}
    assert each.evaluate({}, n=2) == [{"k": 1, "s": ""}, {"k": 1, "s": "_r"}]


@pytest.mark.parametrize("text", ["k in x] + [0 for j in y", "k", "", "3"])
def test_what_is_no_loop(text: str) -> None:
    with pytest.raises(SourceError):
        Each(Text(text))


def test_numbers_and_lists_are_formulas() -> None:
    text = OPERATOR + "special:\n  a: {input: [0, .inf, nan, 017], result: [1, [exp(0), true]]}\n"
    spec = parse(text, "specs/torch/foo.yaml")
    assert isinstance(spec, OperatorSpec)
    special = spec.special[Text("a")]
    names = {"nan": "nan", "exp": lambda x: x + 5, "inf": "inf"}
    assert special.arguments[Text("input")].evaluate(names) == [0, "inf", "nan", 17]
    assert special.result is not None
    assert special.result.evaluate(names) == [1, [5, True]]
    assert str(special.result) == "[(1), ([(exp(0)), (True)])]"


def test_a_traceback_points_at_the_line_of_the_file() -> None:
    formula = Formula(Text("y = 2\n1 / x", "some.yaml", 30, 5, "|", single=False))
    with pytest.raises(ZeroDivisionError) as caught:
        formula.evaluate({}, x=0)
    frame = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (frame.filename, frame.lineno, frame.colno, frame.name) == ("some.yaml", 31, 4, "formula")


def test_an_expression_is_one_expression() -> None:
    assert Expression(Text("(2, 3)")).evaluate({}) == (2, 3)
    with pytest.raises(SourceError):
        Expression(block("a = 1\na"))
    with pytest.raises(SourceError):
        Expression(Text(""))


def test_an_update_needs_no_value() -> None:
    assert Update(block("a = 1")).function((), {}, ("a",))() == {"a": 1}
    assert Update(block("a = 1")).function((), {})() == {}
