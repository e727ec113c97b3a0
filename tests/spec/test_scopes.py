"""Which names a program takes from outside."""

from __future__ import annotations

import pytest

from conformance.spec import Expression, Program, Text
from conformance.spec.words import PROGRAM_NAMES

KNOWN = """\
x = 1
x
---
for i in range(3):
    i
i
---
with torch.no_grad() as mode:
    mode
---
try:
    1
except ValueError as error:
    error
---
[x for x in range(3)]
---
{k: v for k, v in {}.items() if k}
---
[(x, y) for x in range(3) for y in range(x)]
---
any((found := x) for x in range(3))
found
---
f = lambda a, *b, c=1, **d: (a, b, c, d)
---
def f(a, /, b, *c, d, **e):
    return a, b, c, d, e
f
---
def f():
    def g():
        return y
    y = 1
    return g
---
def f():
    global count
    count = 1
f()
count
---
def f():
    n = 0
    def g():
        nonlocal n
        n += 1
    return g
---
def later():
    return helper()
def helper():
    return 1
---
class A:
    size = 3
    def __init__(self):
        super().__init__()
        self.kind = __class__
---
class A(torch.nn.Module):
    @property
    def x(self):
        return self._x
    @x.setter
    def x(self, v):
        self._x = v
---
class B:
    def __enter__(self):
        return self
    def __exit__(self, *e):
        return None
---
a, (b, *c) = 1, (2, 3)
a, b, c
---
a = b = 1
a += b
---
n: int = 3
n
---
match 3:
    case [a, *b]:
        a, b
    case {'k': c, **d}:
        c, d
    case e:
        e
---
np.zeros(3), math.pi, inf, copy.deepcopy(1), io.BytesIO(), pickle.dumps(1)
---
f'{torch}'
---
def f(x: 'anything') -> 'at all':
    return x
---
isinstance(1, int), NotImplementedError, __name__, dtype, device
---
gen = (x for x in range(3))
next(gen)
---
del torch.x
"""

UNKNOWN = [
    ("y", "y", 1, 1),
    ("x = 1\nx + y", "y", 2, 5),
    ("[x for x in range(3)]\nx", "x", 2, 1),
    ("f = lambda x: x\nx", "x", 2, 1),
    ("def f(x):\n    return x\nx", "x", 3, 1),
    ("def f():\n    y = 1\nf()\ny", "y", 4, 1),
    ("class A:\n    size = 3\n    def f(self):\n        return size", "size", 4, 16),
    ("class A(Base):\n    pass", "Base", 1, 9),
    ("@decorated\ndef f():\n    pass", "decorated", 1, 2),
    ("def f(x=default):\n    return x", "default", 1, 9),
    ("[x for x in xs]", "xs", 1, 13),
    ("with raises(ValueErrer):\n    1", "ValueErrer", 1, 13),
    ("torch.exp(x=y)", "y", 1, 13),
    ("f'{y}'", "y", None, None),
    ("z['é'] + y", "y", 1, 10),
    ("x[y] = 1", "y", 1, 3),
]


def program(text: str) -> Program:
    return Program(Text(text, "file.yaml", 1, 1, "|", single=False))


@pytest.mark.parametrize("text", KNOWN.split("\n---\n"))
def test_known(text: str) -> None:
    assert list(program(text).unknown(PROGRAM_NAMES)) == []


@pytest.mark.parametrize(("text", "name", "line", "column"), UNKNOWN)
def test_unknown(text: str, name: str, line: int | None, column: int | None) -> None:
    found = [remark for remark in program(text).unknown(PROGRAM_NAMES, {"x", "z"} - {name})]
    assert [remark.message for remark in found] == [f"unknown name `{name}`"]
    if line is not None:
        assert (found[0].line, found[0].column) == (line, column)


@pytest.mark.parametrize(
    "name", ["open", "exec", "eval", "compile", "globals", "__import__", "input", "breakpoint"]
)
def test_unsafe_builtins(name: str) -> None:
    found = list(program(f"x = {name}").unknown(PROGRAM_NAMES))
    assert [remark.message for remark in found] == [f"`{name}` is not available in a spec"]


def test_faults_stand_where_the_file_has_them() -> None:
    text = Text("a = 1\nb = unknwn\n", "file.yaml", line=12, column=7, style="|", single=False)
    remark = next(Program(text).unknown({"unknown"}))
    assert (remark.line, remark.column, remark.suggestion) == (13, 11, "did you mean `unknown`?")


def test_the_scope_of_an_expression() -> None:
    expression = Expression(Text("[a * k for k in ks]"))
    assert expression.free == {"a", "ks"}
    assert not expression.is_constant
    assert Expression(Text("-(1 + 2)")).is_constant
