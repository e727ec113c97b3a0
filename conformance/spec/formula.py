"""Formulas: Python text that has a value, and updates: Python text that assigns."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import CodeType, FunctionType
from typing import Any, ClassVar, Self, cast

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError

from .faults import quote
from .source import Remark, Source, import_hint, statements
from .text import Text

REFUSED = {
    ast.Assert: "an assert: claims belong in clauses",
    ast.Global: "`global`",
    ast.Nonlocal: "`nonlocal`",
    ast.ClassDef: "a class",
    ast.AsyncFunctionDef: "`async`",
    ast.AsyncFor: "`async`",
    ast.AsyncWith: "`async`",
    ast.Delete: "`del`",
}


class Formula(Source):
    """Python text whose value is its last expression, through the branches of an ``if`` that ends it.

    Numbers and booleans of the YAML file are formulas too, and so are lists of formulas; their ``parts`` are
    the elements, each with its own place.
    """

    kind: ClassVar[str] = "a formula"
    valued: ClassVar[bool] = True

    def __init__(self, text: Text, parts: tuple[Formula, ...] = ()) -> None:
        self.parts = parts
        self.codes: dict[tuple[tuple[str, ...], tuple[str, ...]], CodeType] = {}
        super().__init__(text)

    def check(self) -> Iterator[Remark]:
        found = list(self.check_statements())
        yield from found
        if self.valued and not found:
            yield from self.check_tail(self.tree.body, self.tree)

    def check_statements(self) -> Iterator[Remark]:
        for statement, inside in statements(self.tree.body):
            if isinstance(statement, ast.Import | ast.ImportFrom):
                yield self.remark(statement, f"{self.shown(statement)}: no imports", import_hint(statement))
            elif isinstance(statement, ast.Return) and not inside:
                yield self.remark(statement, f"`return` in {self.kind}", "its value is its last line")
            elif type(statement) in REFUSED:
                yield self.remark(statement, f"{REFUSED[type(statement)]} in {self.kind}")

    def check_tail(self, body: Sequence[ast.stmt], around: ast.AST) -> Iterator[Remark]:
        last = body[-1] if body else around
        if isinstance(last, ast.If):
            yield from self.check_tail(last.body, last)
            if last.orelse:
                yield from self.check_tail(last.orelse, last)
            else:
                yield self.remark(
                    last, f"{self.kind} has no value when {self.shown(last.test)} is false", "add `else:`"
                )
        elif not isinstance(last, ast.Expr | ast.Raise):
            yield self.remark(last, f"{self.kind} ends without a value", "its last line is an expression")

    def assignments(self) -> Mapping[str, ast.AST]:
        """Each name that the text assigns at its outermost level, with the first place that does."""
        found: dict[str, ast.AST] = {}
        for statement, inside in statements(self.tree.body):
            if not inside:
                for node in ast.walk(statement):
                    if (
                        isinstance(node, ast.Name)
                        and isinstance(node.ctx, ast.Store)
                        and node.id in self.bound
                    ):
                        found.setdefault(node.id, node)
        return found

    @property
    def simple(self) -> bool:
        """Whether it is one expression."""
        return len(self.tree.body) == 1 and isinstance(self.tree.body[0], ast.Expr)

    @property
    def is_constant(self) -> bool:
        """Whether its value depends on nothing but itself."""
        return self.simple and not self.free

    def unknown(self, *known: Collection[str]) -> Iterator[Remark]:
        if not self.parts:
            yield from super().unknown(*known)
        for part in self.parts:
            yield from part.unknown(*known)

    def function(
        self, parameters: Sequence[str], namespace: dict[str, Any], persists: Sequence[str] = ()
    ) -> Callable[..., Any]:
        """A function of keyword arguments; names that are none of them come from ``namespace``.

        With ``persists`` it returns the value and a dictionary of what those parameters were at the end.
        """
        key = (tuple(parameters), tuple(persists))
        code = self.codes.get(key)
        if code is None:
            code = self.codes[key] = self.compile(*key)
        return FunctionType(code, namespace)

    def evaluate(self, namespace: dict[str, Any], **names: Any) -> Any:
        """The value where ``names`` are these and all others come from ``namespace``."""
        return self.function(tuple(names), namespace)(**names)

    def compile(self, parameters: tuple[str, ...], persists: tuple[str, ...]) -> CodeType:
        """The code of a function of these parameters."""

        def rewrite(tree: ast.Module) -> ast.Module:
            # Identifiers of a syntax tree are exactly `str`, and names of a spec a subclass.
            kept, keywords = map(str, persists), [ast.arg(str(name)) for name in parameters]
            pairs = [(ast.Constant(name), ast.Name(name, ast.Load())) for name in kept]
            state = ast.Dict([key for key, _ in pairs], [value for _, value in pairs]) if pairs else None
            arguments = ast.arguments([], [], None, keywords, [None] * len(keywords), None, [])
            function = ast.FunctionDef("formula", arguments, self.ending(tree.body, state), [])
            if "type_params" in ast.FunctionDef._fields:  # from Python 3.12 on
                vars(function)["type_params"] = []
            place = {"lineno": self.line, "end_lineno": self.line, "col_offset": 0, "end_col_offset": 0}
            vars(function).update(place)
            return ast.Module([function], [])

        code = self.compiled(rewrite)
        return next(constant for constant in code.co_consts if isinstance(constant, CodeType))

    def ending(self, body: list[ast.stmt], state: ast.expr | None) -> list[ast.stmt]:
        """A block whose value is returned, with the state where there is any."""
        last = body[-1]
        if isinstance(last, ast.If):
            last.body = self.ending(last.body, state)
            last.orelse = self.ending(last.orelse, state)
        elif isinstance(last, ast.Expr):
            value = last.value if state is None else ast.Tuple([last.value, state], ast.Load())
            body[-1] = ast.copy_location(ast.Return(value), last)
        return body

    @classmethod
    def validate(cls, value: Any) -> Self:
        if isinstance(value, list):
            parts = tuple(cls.validate(item) for item in value)
            first = next((part.text for part in parts if part.text.file != "<text>"), Text(""))
            text = "[" + ", ".join(f"({part.text})" if "\n" not in part.text else "" for part in parts) + "]"
            if not all(part.simple for part in parts):
                raise PydanticCustomError("source", "a list holds single expressions")
            return cls(Text(text, first.file, first.line, first.column), parts)
        if value is None or isinstance(value, bool | int | float):
            return cls(Text(repr(value)))
        return super().validate(value)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": ["string", "number", "boolean", "array", "null"]}


class Expression(Formula):
    """A formula of one expression: a shape, a bound, a maker."""

    kind: ClassVar[str] = "an expression"

    def check_tail(self, body: Sequence[ast.stmt], around: ast.AST) -> Iterator[Remark]:
        if not self.simple:
            yield self.remark(body[-1] if body else around, "not a single expression")


class Update(Formula):
    """Python text whose assignments persist: an optimizer's step, a module's local names."""

    kind: ClassVar[str] = "an update"
    valued: ClassVar[bool] = False

    def function(
        self, parameters: Sequence[str], namespace: dict[str, Any], persists: Sequence[str] = ()
    ) -> Callable[..., Any]:
        """A function of keyword arguments that returns what the names in ``persists`` are at the end."""
        return super().function(parameters, namespace, persists)

    def ending(self, body: list[ast.stmt], state: ast.expr | None) -> list[ast.stmt]:
        return [*body, ast.Return(state if state is not None else ast.Dict([], []))]

    @classmethod
    def validate(cls, value: Any) -> Self:
        return super(Formula, cls).validate(value)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string"}


class Each(Expression):
    """``k in range(num_layers) for s in sides``: the values that the placeholders of a name take."""

    kind: ClassVar[str] = "a loop"
    prefix: ClassVar[str] = "[0 for "
    suffix: ClassVar[str] = "\n]"

    @property
    def names(self) -> tuple[str, ...]:
        """The names that the loop binds."""
        return tuple(name.id for name in self.targets(self.tree))

    def targets(self, tree: ast.Module) -> Iterator[ast.Name]:
        loop = cast(ast.ListComp, cast(ast.Expr, tree.body[0]).value)
        for generator in loop.generators:
            for node in ast.walk(generator.target):
                if isinstance(node, ast.Name):
                    yield node

    def check_tail(self, body: Sequence[ast.stmt], around: ast.AST) -> Iterator[Remark]:
        if not self.simple or not isinstance(cast(ast.Expr, body[0]).value, ast.ListComp):
            yield self.remark(around, f"{quote(self.text)} is not a loop", "as in `k in range(num_layers)`")

    def ending(self, body: list[ast.stmt], state: ast.expr | None) -> list[ast.stmt]:
        """Returns one dictionary of names and values for every turn of the loop."""
        names = [name.id for name in self.targets(ast.Module(body, []))]
        loop = cast(ast.ListComp, cast(ast.Expr, body[0]).value)
        loop.elt = ast.Dict(
            [ast.Constant(name) for name in names], [ast.Name(name, ast.Load()) for name in names]
        )
        return super().ending(body, state)
