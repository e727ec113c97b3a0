"""Programs: how they are rewritten and run, what they name, and where their tracebacks point."""

from __future__ import annotations

import pickle
import sys
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from conformance.spec import EXPECT, HOLD, OBSERVE, Program, SpecError, Text, TopicSpec, parse, program_module

from .bases import TOPIC


def program(text: str, line: int = 1, column: int = 1, file: str = "file.yaml") -> Program:
    return Program(Text(text, file, line, column, "|", single=False))


class Recorder:
    """What a rewritten program calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def expect(self, line: int, left: Any, right: Callable[[], Any]) -> None:
        self.calls.append(("expect", line, left, right))

    def hold(self, line: int, condition: Any) -> None:
        self.calls.append(("hold", line, condition))

    def observe(self, line: int, value: Any) -> None:
        self.calls.append(("observe", line, value))

    def names(self) -> dict[str, Any]:
        return {EXPECT: self.expect, HOLD: self.hold, OBSERVE: self.observe}


def calls(text: str, line: int = 1) -> list[tuple[Any, ...]]:
    recorder = Recorder()
    program(text, line).run(recorder.names())
    return [call[:3] + (call[3](),) if call[0] == "expect" else call for call in recorder.calls]


def test_an_equality_passes_its_right_side_as_a_function() -> None:
    recorder = Recorder()
    program("assert 1 + 1 == undefined").run(recorder.names())
    kind, line, left, right = recorder.calls[0]
    assert (kind, line, left) == ("expect", 1, 2)
    with pytest.raises(NameError):
        right()


def test_claims_become_calls_with_their_lines() -> None:
    assert calls("assert 1 == 2\nassert 3 < 4\nyield 5\nassert 1 == 1 == 1\n", line=10) == [
        ("expect", 10, 1, 2),
        ("hold", 11, True),
        ("observe", 12, 5),
        ("hold", 13, True),
    ]


def test_claims_within_blocks_functions_and_classes() -> None:
    text = """\
for i in range(2):
    if i:
        yield i
def f(x):
    assert x == 7
class A:
    def g(self):
        assert self
f(6)
A().g()
"""
    found = calls(text)
    assert [call[:2] for call in found] == [("observe", 3), ("expect", 5), ("hold", 8)]


def test_a_generator_function_keeps_its_yields() -> None:
    assert calls("def f():\n    yield 1\n    yield 2\nyield list(f())\n") == [("observe", 4, [1, 2])]


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("x = 1", 0),
        ("assert 1 == 1", 1),
        ("yield 1", 1),
        ("with raises(ValueError):\n    f()", 1),
        ("with warns(UserWarning), torch.no_grad():\n    f()", 1),
        ("with torch.no_grad():\n    f()", 0),
        ("def f():\n    yield 1", 0),
        ("def f():\n    assert x", 1),
        ("raises(ValueError)", 0),
    ],
)
def test_how_much_is_claimed(text: str, claims: int) -> None:
    assert program(text).claims == claims


def test_names_that_a_program_exercises() -> None:
    text = """\
F = torch.nn.functional
class M(torch.nn.Module):
    def forward(self, x):
        return F.relu(self.linear(x)).sum()
x = torch.randn(2).requires_grad_()
x.grad = torch.float32
math.pi, np.zeros(3).shape
M()(x).backward()
"""
    found = program(text)
    assert found.names == {
        "torch.nn.functional",
        "torch.nn.functional.relu",
        "torch.nn.Module",
        "torch.randn",
        "torch.float32",
        ".linear",
        ".sum",
        ".requires_grad_",
        ".grad",
        ".shape",
        ".backward",
    }
    assert found.chains == {name for name in found.names if name.startswith("torch.")}


def test_the_statement_at_a_line() -> None:
    found = program(
        "x = 1\nwith f(x):\n    y = (\n        2 +\n        3)\n\nfor i in y:\n    i\nelse:\n    0\n", 5
    )
    assert found.statement(5) == "x = 1"
    assert found.statement(6) == "with f(x):"
    assert found.statement(8) == "y = (\n    2 +\n    3)"
    assert found.statement(11) == "for i in y:"
    assert found.statement(12) == "i"
    assert found.statement(4) == found.statement(10) == found.statement(99) == ""


def test_a_traceback_points_at_the_lines_and_columns_of_the_file(tmp_path: Any) -> None:
    path = tmp_path / "accumulation.yaml"
    text = TOPIC.replace("x.sum().backward()", "y = 1 + (x / 0)")
    path.write_text(text)
    spec = parse(text, path)
    with pytest.raises(ZeroDivisionError) as caught:
        spec.clauses[Text("adds")].program.run({"x": 1})
    frame = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (frame.filename, frame.lineno, frame.line) == (str(path), 9, "y = 1 + (x / 0)")
    assert (frame.colno, frame.end_colno) == (
        text.splitlines()[8].index("x / 0"),
        text.splitlines()[8].index(")"),
    )


def test_a_traceback_points_into_functions_of_setup() -> None:
    text = TOPIC.replace("clauses:", "setup: |\n  def f(x):\n      return 1 / x\n\nclauses:")
    spec = parse(text, "specs/autograd/accumulation.yaml")
    assert isinstance(spec, TopicSpec) and spec.setup is not None
    namespace = spec.setup.run({})
    with pytest.raises(ZeroDivisionError) as caught:
        namespace["f"](0)
    assert traceback.extract_tb(caught.value.__traceback__)[-1].lineno == 6


CLASSES = """\
class Base:
    def __init__(self, size):
        self.size = size
class Derived(Base):
    def __init__(self, size):
        super().__init__(size + 1)
    def __eq__(self, other):
        return type(self) is type(other) and self.size == other.size
"""


def test_classes_pickle_while_their_module_lives() -> None:
    recorder = Recorder()
    claims = "one = Derived(2)\nassert pickle.loads(pickle.dumps(one)) == one\n"
    with program(claims).module("a_program", recorder.names(), program(CLASSES)) as module:
        (_, _, left, right) = recorder.calls[0]
        assert left == right() and left.size == 3
        assert sys.modules["a_program"] is module
        assert pickle.loads(pickle.dumps(module.Derived(5))).size == 6
    assert "a_program" not in sys.modules


def test_modules_of_programs_nest() -> None:
    with program_module("a_program", {"x": 1}) as outer:
        with program_module("a_program", {"x": 2}) as inner:
            assert sys.modules["a_program"] is inner
        assert sys.modules["a_program"] is outer
    assert outer.np.zeros(2).shape == (2,)


@pytest.mark.parametrize("text", ["break", "f(*x) = 1", "x = *y", "for x in y:\n  def f():\n    continue"])
def test_what_only_the_compiler_refuses_is_a_spec_error(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        spec = parse(TOPIC.replace("x.sum().backward()", text.replace("\n", "\n      ")), "t.yaml")
        spec.clauses[Text("adds")].program.run({})
    assert [(fault.file, fault.line >= 9, fault.column >= 7) for fault in caught.value.faults] == [
        ("t.yaml", True, True)
    ]


def test_generated_programs_have_the_lines_of_their_own_text() -> None:
    generated = Program.generated("x = 1\nyield x\n", "<generated>")
    recorder = Recorder()
    generated.run(recorder.names())
    assert recorder.calls == [("observe", 2, 1)]
    assert (generated.line, generated.file) == (1, "<generated>")
