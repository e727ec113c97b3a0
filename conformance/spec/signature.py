"""Signatures and argument lists: Python's own syntax, without a function around it."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self, cast

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema

from .document import EMPTY
from .faults import did_you_mean, quote
from .formula import Expression
from .source import Remark, Source, SourceError
from .text import Text


@dataclass(frozen=True)
class Parameter:
    """One parameter; ``default`` is None where an argument is required."""

    name: str
    default: Expression | None = None
    keyword_only: bool = False
    positional_only: bool = False
    variadic: str = ""
    """``*`` or ``**`` for a parameter that takes all the arguments that are left."""

    @property
    def required(self) -> bool:
        return self.default is None and not self.variadic


class Arguments(Source):
    """An argument list such as ``tensor(2, 3), beta=2.0``; empty where nothing is given."""

    kind: ClassVar[str] = "an argument list"
    prefix: ClassVar[str] = "__call__("
    suffix: ClassVar[str] = "\n)"

    def __bool__(self) -> bool:
        return bool(self.text.strip())

    def __len__(self) -> int:
        return len(self.text)

    @property
    def call(self) -> ast.Call:
        return cast(ast.Call, cast(ast.Expr, self.tree.body[0]).value)

    def check(self) -> Iterator[Remark]:
        body = self.tree.body
        expression = body[0].value if len(body) == 1 and isinstance(body[0], ast.Expr) else None
        if not (isinstance(expression, ast.Call) and isinstance(expression.func, ast.Name)):
            yield self.remark(self.tree, "not an argument list", "as in `lr=0.1, momentum=0.9`")
            return
        for argument in expression.args:
            if isinstance(argument, ast.Starred):
                yield self.remark(argument, f"{self.shown(argument)}: arguments are written out")
            elif isinstance(argument, ast.GeneratorExp):
                yield self.remark(argument, "an argument list holds no generator", "write a list")
        given = set()
        for keyword in expression.keywords:
            if keyword.arg is None:
                yield self.remark(keyword.value, "`**`: arguments are written out")
            elif keyword.arg in given:
                yield self.remark(keyword, f"{quote(keyword.arg)} is given twice")
            given.add(keyword.arg)

    @cached_property
    def positional(self) -> tuple[Expression, ...]:
        return tuple(part(self, node) for node in self.call.args)

    @cached_property
    def keywords(self) -> dict[str, Expression]:
        return {keyword.arg: part(self, keyword.value) for keyword in self.call.keywords if keyword.arg}

    @property
    def free(self) -> frozenset[str]:
        """The names that the arguments take from outside."""
        return super().free - {"__call__"}

    @classmethod
    def validate(cls, value: Any) -> Self:
        if isinstance(value, bool | int | float):
            value = Text(repr(value))
        elif value is None or value is EMPTY:
            value = Text("")
        return super().validate(value)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": ["string", "number", "boolean", "null"]}


class Signature(Source):
    """The parameters of a documented callable, as in ``(input, beta=1.0, *, out=None)``."""

    kind: ClassVar[str] = "a signature"
    prefix: ClassVar[str] = "def f"
    suffix: ClassVar[str] = ": 0"

    def check(self) -> Iterator[Remark]:
        function = self.tree.body[0] if len(self.tree.body) == 1 else None
        if not isinstance(function, ast.FunctionDef) or function.returns is not None:
            yield self.remark(self.tree, "not a signature", "as in `(input, beta=1.0, *, out=None)`")
            return
        seen = set()
        for node in ast.walk(function.args):
            if isinstance(node, ast.arg) and node.arg in seen:
                yield self.remark(node, f"the parameter {quote(node.arg)} is there twice")
            if isinstance(node, ast.arg):
                seen.add(node.arg)
            if isinstance(node, ast.arg) and node.annotation is not None:
                yield self.remark(
                    node, f"{quote(node.arg)} has an annotation", "a signature has names and defaults only"
                )

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """The parameters by name, in order."""
        arguments = cast(ast.FunctionDef, self.tree.body[0]).args
        positional = [*arguments.posonlyargs, *arguments.args]
        defaults = [None] * (len(positional) - len(arguments.defaults)) + list(arguments.defaults)
        found = [
            Parameter(
                arg.arg,
                part(self, default) if default else None,
                positional_only=arg in arguments.posonlyargs,
            )
            for arg, default in zip(positional, defaults, strict=True)
        ]
        if arguments.vararg:
            found.append(Parameter(arguments.vararg.arg, variadic="*"))
        for arg, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            found.append(Parameter(arg.arg, part(self, default) if default else None, keyword_only=True))
        if arguments.kwarg:
            found.append(Parameter(arguments.kwarg.arg, variadic="**"))
        return {parameter.name: parameter for parameter in found}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.parameters)

    @property
    def brief(self) -> str:
        """The names alone, for messages."""
        return quote(f"({', '.join(self.parameters)})", 60)

    def __contains__(self, name: str) -> bool:
        return name in self.parameters

    @property
    def defaults(self) -> dict[str, Expression]:
        """The default of each parameter that has one."""
        return {name: p.default for name, p in self.parameters.items() if p.default is not None}

    def bind(
        self,
        arguments: Arguments | str,
        *,
        without: Collection[str] = (),
        supplied: Collection[str] | None = None,
    ) -> dict[str, Expression]:
        """The expression that each parameter is given.

        Parameters in ``without`` take no argument here (an optimizer's ``params``) and are passed over by
        positional ones. Where ``supplied`` is given, required parameters that are not in it may not be left
        out. Raises SourceError with a remark for every unknown, repeated or missing argument.
        """
        if isinstance(arguments, str):
            arguments = Arguments(arguments if isinstance(arguments, Text) else Text(arguments))
        bound: dict[str, Expression] = {}
        remarks = []
        open_ = [p for name, p in self.parameters.items() if name not in without]
        places = [p.name for p in open_ if not p.keyword_only and not p.variadic]
        rest = next((p.name for p in open_ if p.variadic == "*"), None)
        extra = next((p.name for p in open_ if p.variadic == "**"), None)
        call = arguments.call
        for index, (node, expression) in enumerate(zip(call.args, arguments.positional, strict=True)):
            if index < len(places):
                bound[places[index]] = expression
            elif rest is None:
                remarks.append(
                    arguments.remark(node, f"{arguments.shown(node)}: one argument too many for {self.brief}")
                )
        if rest is not None:
            bound[rest] = whole(arguments, ast.Tuple(call.args[len(places) :], ast.Load()))
        further = []
        for keyword in call.keywords:
            name = keyword.arg or ""
            parameter = self.parameters.get(name)
            if name in bound:
                remarks.append(arguments.remark(keyword, f"{quote(name)} is given twice"))
            elif (
                parameter is not None
                and not parameter.variadic
                and not parameter.positional_only
                and parameter in open_
            ):
                bound[name] = arguments.keywords[name]
            elif extra is not None:
                further.append(keyword)
            else:
                near = did_you_mean(name, [p.name for p in open_])
                remarks.append(arguments.remark(keyword, f"no parameter {quote(name)} in {self.brief}", near))
        if extra is not None:
            keys: list[ast.expr | None] = [ast.Constant(keyword.arg) for keyword in further]
            bound[extra] = whole(arguments, ast.Dict(keys, [keyword.value for keyword in further]))
        for parameter in open_ if supplied is not None else ():
            if parameter.required and parameter.name not in bound and parameter.name not in (supplied or ()):
                remarks.append(
                    arguments.remark(arguments.tree, f"the argument {quote(parameter.name)} is missing")
                )
        if remarks:
            raise SourceError(*remarks)
        return bound


def part(of: Source, node: ast.expr) -> Expression:
    """An expression within a text, as a formula with its own place."""
    line, column = of.place(node)
    segment = of.segment(node)
    if "\n" in segment:
        return Expression(Text(f"({segment})", of.text.file, line, column, "|", single=False))
    return Expression(Text(segment, of.text.file, line, column))


def whole(of: Source, node: ast.expr) -> Expression:
    """An expression that the text does not spell out as such."""
    return Expression(Text(ast.unparse(node), of.text.file, *of.place(node)))
