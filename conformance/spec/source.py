"""Python text of a spec file: parsing, scopes and unknown names, with places in the YAML file."""

from __future__ import annotations

import ast
import symtable
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from types import CodeType
from typing import Any, ClassVar, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from .faults import Fault, SpecError, did_you_mean, quote
from .text import Text
from .words import MODULES, UNSAFE_BUILTINS

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True)
class Remark:
    """A fault before it knows its file."""

    line: int
    column: int
    message: str
    suggestion: str = ""

    def at(self, file: str) -> Fault:
        return Fault(file, self.line, self.column, self.message, self.suggestion)


TROUBLE = (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError)
"""All the ways in which Python gives up on a text."""


class SourceError(Exception):
    """Python text that cannot be used, with all that is wrong with it."""

    def __init__(self, *remarks: Remark) -> None:
        super().__init__("; ".join(remark.message for remark in remarks))
        self.remarks = remarks


class Source:
    """Python text with its syntax tree, whose lines are those of the file.

    Columns in ``tree`` still count from the start of the text; ``place`` adds the text's own column.
    """

    kind: ClassVar[str] = "Python text"
    prefix: ClassVar[str] = ""
    suffix: ClassVar[str] = ""
    """What stands around the text to make it a whole statement."""

    def __init__(self, text: Text) -> None:
        self.text = text
        if not text.single and text.style != "|":
            raise SourceError(
                Remark(text.line, text.column, f"{self.kind} of several lines", "write a `|` block")
            )
        if remarks := list(self.check()):
            raise SourceError(*remarks)

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree of the text as it is written."""
        return self.parse()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.text)!r})"

    def __str__(self) -> str:
        return str(self.text)

    @property
    def file(self) -> str:
        return self.text.file

    @property
    def line(self) -> int:
        return self.text.line

    @property
    def source(self) -> str:
        """The text behind as many empty lines as make its line numbers true."""
        text = self.text.rstrip() if self.suffix else self.text
        return "\n" * (self.text.line - 1) + self.prefix + text + self.suffix

    def parse(self) -> ast.Module:
        """A fresh syntax tree; every way to fail is a SourceError."""
        try:
            return ast.parse(self.source, self.text.file)
        except TROUBLE as error:
            raise SourceError(self.complaint(error)) from None

    def complaint(self, error: BaseException, shifted: bool = False) -> Remark:
        """Python's own complaint, at its place in the file; ``shifted`` where its columns are true."""
        first, last = self.text.line, self.text.line + self.text.count("\n")
        if not isinstance(error, SyntaxError):
            why = str(error) or type(error).__name__
            return Remark(first, self.text.column, f"{self.kind} cannot be parsed: {why}")
        line = min(max(error.lineno or first, first), last)
        shown = self.text.split("\n")[line - first]
        column = error.offset or 1
        if not shifted:
            column += self.text.column - 1 - (len(self.prefix) if line == first else 0)
        column = min(max(column, self.text.column), self.text.column + len(shown))
        message = f"{self.kind}: {error.msg}" + (f": {quote(shown)}" if shown.strip() else "")
        return Remark(line, column, message)

    def check(self) -> Iterator[Remark]:
        """What is wrong with the parsed text, whatever names it may use."""
        yield from ()

    def place(self, node: ast.AST) -> tuple[int, int]:
        """Line and column of a node in the file."""
        line = getattr(node, "lineno", self.text.line)
        prefix = len(self.prefix) if line == self.text.line else 0
        before = self.source.split("\n")[line - 1].encode()[: getattr(node, "col_offset", 0)]
        return line, self.text.column + max(len(before.decode(errors="replace")) - prefix, 0)

    def remark(self, node: ast.AST, message: str, suggestion: str = "") -> Remark:
        return Remark(*self.place(node), message, suggestion)

    def segment(self, node: ast.expr | ast.stmt) -> str:
        """The text of a node."""
        if node.lineno != node.end_lineno:
            return ast.get_source_segment(self.source, node) or ""
        line = self.source.split("\n")[node.lineno - 1]
        return line.encode()[node.col_offset : node.end_col_offset].decode(errors="replace")

    def shown(self, node: ast.expr | ast.stmt) -> str:
        return quote(self.segment(node))

    @cached_property
    def scopes(self) -> tuple[frozenset[str], frozenset[str]]:
        """Names that are read but bound nowhere around, and names that the outermost level binds."""
        try:
            top = symtable.symtable(self.source, self.text.file, "exec")
        except TROUBLE as error:
            raise SourceError(self.complaint(error)) from None
        free: set[str] = set()
        bound: set[str] = set()
        for symbol in top.get_symbols():
            (bound if symbol.is_assigned() else free).add(symbol.get_name())
        tables = top.get_children()
        while tables:
            table = tables.pop()
            tables += table.get_children()
            for symbol in table.get_symbols():
                if symbol.is_declared_global() and symbol.is_assigned():
                    bound.add(symbol.get_name())
                elif symbol.is_global():
                    free.add(symbol.get_name())
        return frozenset(free - bound), frozenset(bound)

    @property
    def free(self) -> frozenset[str]:
        """The names that the text takes from outside."""
        return self.scopes[0]

    @property
    def bound(self) -> frozenset[str]:
        """The names that the text itself assigns or defines at its outermost level."""
        return self.scopes[1]

    def unknown(self, *known: Collection[str]) -> Iterator[Remark]:
        """A remark for each name that the text takes from outside and that is not known there."""
        try:
            free = self.free
        except SourceError as error:
            yield from error.remarks
            return
        for name in sorted(free.difference(*known)):
            node = first_use(self.tree, name)
            if name in UNSAFE_BUILTINS:
                yield self.remark(node, f"`{name}` is not available in a spec")
            else:
                near = did_you_mean(name, sorted(self.bound.union(*known)))
                yield self.remark(node, f"unknown name {quote(name)}", near)

    def shifted(self, tree: ast.Module) -> ast.Module:
        """The tree with true columns, so that tracebacks underline the right part of the file's line."""
        if self.text.column == 1 and not self.prefix:
            return tree
        for node in ast.walk(tree):
            if isinstance(node, ast.expr | ast.stmt | ast.arg | ast.keyword | ast.ExceptHandler):
                shift = self.text.column - 1 - (len(self.prefix) if node.lineno == self.text.line else 0)
                node.col_offset = max(node.col_offset + shift, 0)
                node.end_col_offset = max((node.end_col_offset or 0) + shift, 0)
        return tree

    def compiled(self, rewrite: Callable[[ast.Module], ast.Module]) -> CodeType:
        """The code object of the rewritten tree. What only the compiler finds wrong is a SpecError."""
        try:
            tree = rewrite(self.shifted(self.parse()))
            return compile(ast.fix_missing_locations(tree), self.text.file, "exec", dont_inherit=True)
        except TROUBLE as error:
            raise SpecError([self.complaint(error, shifted=True).at(self.file)]) from None

    @classmethod
    def validate(cls, value: Any) -> Self:
        """What a model makes of a YAML value."""
        if not isinstance(value, Text):
            raise PydanticCustomError("source", f"{{raw}} is not {cls.kind}")
        try:
            return cls(value)
        except SourceError as error:
            raise PydanticCustomError("source", "{raw}", {"remarks": error.remarks}) from None

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(cls.validate)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string"}


def first_use(tree: ast.AST, name: str) -> ast.AST:
    """The first place where a name is read from outside, or the tree where there is none."""
    pending = [tree]
    found: list[ast.Name] = []
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
            found.append(node)
        if isinstance(node, (*FUNCTIONS, *COMPREHENSIONS)) and binds(node, name):
            continue
        pending += ast.iter_child_nodes(node)
    return min(found, key=lambda use: (use.lineno, use.col_offset), default=tree)


def binds(scope: ast.AST, name: str) -> bool:
    """Whether a function or comprehension has a parameter or local of that name."""
    for node in ast.walk(scope):
        if isinstance(node, ast.arg) and node.arg == name:
            return True
        if isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load):
            return True
    return False


def statements(body: list[ast.stmt], inside: str = "") -> Iterator[tuple[ast.stmt, str]]:
    """All statements, and whether each stands in a ``function``, in a ``class`` or, empty, in neither."""
    for statement in body:
        yield statement, inside
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from statements(statement.body, "function")
        elif isinstance(statement, ast.ClassDef):
            yield from statements(statement.body, "class")
        else:
            for block in blocks(statement):
                yield from statements(block, inside)


def blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The blocks of a compound statement that open no scope of their own."""
    for field in ("body", "orelse", "finalbody"):
        if block := getattr(statement, field, None):
            yield block
    for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        yield part.body


def import_hint(statement: ast.Import | ast.ImportFrom) -> str:
    """What to write in place of an import."""
    names = [alias.name for alias in statement.names]
    module = (statement.module or "") if isinstance(statement, ast.ImportFrom) else names[0]
    top = module.split(".")[0]
    if top == "torch":
        return (
            f"write `{module}.{names[0]}`"
            if isinstance(statement, ast.ImportFrom)
            else f"write `{module}` in full"
        )
    known = next((short for short, full in MODULES.items() if full == top), "")
    return f"`{known}` is there without it" if known else "a spec has no imports"
