"""Programs: a few lines in torch's vocabulary, run on a backend, whose claims are asserts and yields.

Before it runs, a program is rewritten: ``assert left == right`` to
``__expect__(line, left, lambda: right)``, whose right side is evaluated only where the runner wants it; any
other assert to ``__hold__(line, condition)``; ``yield value`` outside functions to
``__observe__(line, value)``. Whoever runs a program puts these three in its namespace, with ``torch``,
``raises``, ``warns`` and what it is given.
"""

from __future__ import annotations

import ast
import importlib
import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache, cached_property
from types import CodeType, ModuleType
from typing import Any, ClassVar

from .source import Remark, Source, blocks, import_hint, statements
from .text import Text
from .words import MODULES, VERBS

EXPECT, HOLD, OBSERVE = "__expect__", "__hold__", "__observe__"


class Program(Source):
    """Python statements of a spec. Syntax is checked on loading; code is made when it is needed."""

    kind: ClassVar[str] = "a program"

    def check(self) -> Iterator[Remark]:
        for statement, inside in statements(self.tree.body):
            yield from self.check_statement(statement, inside)
        if "yield" in self.text or "await" in self.text:
            yield from self.check_yields()

    def check_statement(self, statement: ast.stmt, inside: str) -> Iterator[Remark]:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            yield self.remark(statement, f"{self.shown(statement)}: no imports", import_hint(statement))
        elif isinstance(statement, ast.Return) and inside != "function":
            yield self.remark(
                statement, "`return` outside a function", "write `yield` for a value to compare"
            )
        elif isinstance(statement, ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith):
            yield self.remark(statement, "a program has no `async`")
        elif isinstance(statement, ast.Assert):
            if statement.msg is not None:
                yield self.remark(statement.msg, "an assert takes no message", "`says:` is the message")
            for node in ast.walk(statement.test):
                if isinstance(node, ast.NamedExpr | ast.Yield | ast.YieldFrom):
                    yield self.remark(
                        node, f"{self.shown(node)} inside an assert", "give it a line of its own"
                    )
            if isinstance(statement.test, ast.Tuple) and statement.test.elts:
                yield self.remark(statement.test, "an assert of a tuple always holds")

    def check_yields(self) -> Iterator[Remark]:
        """Outside functions a yield is a statement with a value."""
        observed = set()
        for statement, inside in statements(self.tree.body):
            if not inside and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Yield):
                observed.add(statement.value)
                if statement.value.value is None:
                    yield self.remark(statement, "a `yield` without a value")
        pending: list[ast.AST] = [self.tree]
        while pending:
            node = pending.pop()
            if isinstance(node, ast.Yield | ast.YieldFrom | ast.Await) and node not in observed:
                yield self.remark(
                    node, f"{self.shown(node)}: outside a function, `yield value` is a whole line"
                )
            if not isinstance(node, ast.FunctionDef | ast.Lambda):
                pending += ast.iter_child_nodes(node)

    @cached_property
    def claims(self) -> int:
        """How many statements claim something: asserts, yields outside functions, ``with raises``."""
        found = 0
        for statement, inside in statements(self.tree.body):
            if isinstance(statement, ast.Assert):
                found += 1
            elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Yield):
                found += not inside
            elif isinstance(statement, ast.With):
                found += any(is_verb(item.context_expr) for item in statement.items)
        return found

    @cached_property
    def code(self) -> CodeType:
        """The rewritten program; its tracebacks point at the lines of the spec file."""
        return self.compiled(Rewriter().visit)

    @classmethod
    def generated(cls, text: str, file: str) -> Program:
        """A program that comes from no spec: nothing is checked, and it is parsed when it is needed."""
        program = cls.__new__(cls)
        program.text = Text(text, file, style="|", single=False)
        return program

    def run(self, namespace: dict[str, Any]) -> dict[str, Any]:
        """Runs the program in a namespace, best that of a ``program_module``; returns the namespace."""
        exec(self.code, namespace)
        return namespace

    @contextmanager
    def module(
        self, name: str, names: Mapping[str, Any], setup: Program | None = None
    ) -> Iterator[ModuleType]:
        """The module that results from running ``setup`` and the program with these names."""
        with program_module(name, names) as module:
            if setup is not None:
                setup.run(module.__dict__)
            self.run(module.__dict__)
            yield module

    @cached_property
    def names(self) -> frozenset[str]:
        """The documented names that the program exercises.

        Attribute chains that start at ``torch`` are given in full, through local abbreviations too; any other
        attribute or method, whose owner only a run could tell, by itself behind a dot (``.backward``).
        """
        chains = {"torch": "torch"}
        for statement, _ in statements(self.tree.body):
            if isinstance(statement, ast.Assign) and (dotted := chain(statement.value, chains)):
                chains |= {target.id: dotted for target in statement.targets if isinstance(target, ast.Name)}
        found: set[str] = set()
        pending: list[ast.AST] = [self.tree]
        while pending:
            node = pending.pop()
            if isinstance(node, ast.Attribute):
                if dotted := chain(node, chains):
                    found.add(dotted)
                    continue
                if not (isinstance(node.value, ast.Name) and node.value.id in MODULES):
                    found.add(f".{node.attr}")
            pending += ast.iter_child_nodes(node)
        return frozenset(found)

    @property
    def chains(self) -> frozenset[str]:
        """The names below ``torch`` among them."""
        return frozenset(name for name in self.names if not name.startswith("."))

    def statement(self, line: int) -> str:
        """Source of the innermost statement at a line of the file, without the blocks below its head."""
        within = [
            statement
            for statement, _ in statements(self.tree.body)
            if statement.lineno <= line <= (statement.end_lineno or statement.lineno)
        ]
        if not within:
            return ""
        innermost = within[-1]
        last = innermost.end_lineno or innermost.lineno
        for block in blocks(innermost):
            last = min(last, max(block[0].lineno - 1, innermost.lineno))
            break
        lines = self.text.split("\n")[innermost.lineno - self.line : last - self.line + 1]
        indent = len(lines[0]) - len(lines[0].lstrip())
        return "\n".join(text[indent:] if not text[:indent].strip() else text for text in lines)


class Rewriter(ast.NodeTransformer):
    """Turns the claims of a program into calls of the runner."""

    def __init__(self) -> None:
        self.inside = False

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        outer, self.inside = self.inside, True
        self.generic_visit(node)
        self.inside = outer
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        line = ast.Constant(node.lineno)
        test = node.test
        if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq):
            nothing = ast.arguments([], [], None, [], [], None, [])
            return call(node, EXPECT, line, test.left, ast.Lambda(nothing, test.comparators[0]))
        return call(node, HOLD, line, test)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        if self.inside or not isinstance(node.value, ast.Yield) or node.value.value is None:
            return node
        return call(node, OBSERVE, ast.Constant(node.lineno), node.value.value)


def call(replaced: ast.stmt, function: str, *arguments: ast.expr) -> ast.stmt:
    """A statement that calls a function, in the place of another statement."""
    expression = ast.Call(ast.Name(function, ast.Load()), list(arguments), [])
    return ast.copy_location(ast.Expr(expression), replaced)


def is_verb(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in VERBS


def chain(node: ast.expr, roots: Mapping[str, str]) -> str:
    """``torch.nn.functional.relu`` for such an attribute chain, or nothing where it starts at no root."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in roots:
        return ""
    return ".".join((roots[node.id], *reversed(attributes)))


@contextmanager
def program_module(name: str, names: Mapping[str, Any]) -> Iterator[ModuleType]:
    """A module for programs to run in, known to ``sys.modules`` meanwhile so that their classes pickle."""
    module = ModuleType(name)
    namespace = module.__dict__
    namespace.update(standard_names())
    namespace.update(names)
    outer = sys.modules.get(name)
    sys.modules[name] = module
    try:
        yield module
    finally:
        if outer is None:
            sys.modules.pop(name, None)
        else:
            sys.modules[name] = outer


@cache
def standard_names() -> dict[str, Any]:
    """What programs have without importing it."""
    modules = {short: importlib.import_module(full) for short, full in MODULES.items()}
    return {**modules, "inf": math.inf, "nan": math.nan, "pi": math.pi}
