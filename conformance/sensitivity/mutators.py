"""Small faults in the text of a formula: a sign, a coefficient, a comparison, a term that is missing.

They are general, and were fixed before the specs that they score: none knows what a formula is about. Each
mutator looks at one node of the syntax tree and gives what could stand in its place.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

SCALE = 1.01
"""What a faulty coefficient, result or gradient is multiplied by."""
SMALL = 1e-4
"""Constants up to this size are taken for the small ones that keep a denominator away from zero."""
COUNTED = 16
"""Integers up to this size are taken for dimensions, indices and exponents, and may be off by one."""


@dataclass(frozen=True)
class Names:
    """What the names in a text stand for."""

    kinds: tuple[tuple[str, ...], ...] = ()
    """Groups of names of one kind, any of which could be written in place of another."""
    small: frozenset[str] = frozenset()
    """Names of small constants, such as ``eps``."""
    counters: frozenset[str] = frozenset()
    """Names that count from zero, such as ``epoch``."""


@dataclass(frozen=True)
class Mutation:
    """One text with one fault. ``line`` and ``column`` count from 1 within the text."""

    mutator: str
    line: int
    column: int
    original: str
    mutated: str
    text: str


@dataclass
class Site:
    """A node with what surrounds it."""

    node: ast.AST
    names: Names
    parents: dict[ast.AST, ast.AST] = field(repr=False)

    @property
    def parent(self) -> ast.AST | None:
        return self.parents.get(self.node)


Mutator = Callable[[Site], Iterator[ast.expr]]
ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)
SEQUENCES = (ast.Tuple, ast.List, ast.ListComp, ast.JoinedStr)
COUNTING = frozenset({"shape", "dim", "ndim", "numel", "size"})


def mutations(text: str, names: Names = Names()) -> list[Mutation]:  # noqa: B008 - it is frozen
    """Every text that one mutator makes of one place of ``text``, each once, in the order of the places."""
    tree = ast.parse(text)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.expr)]
    nodes.sort(
        key=lambda node: (node.lineno, node.col_offset, -(node.end_lineno or 0), -(node.end_col_offset or 0))
    )
    found: dict[str, Mutation] = {}
    for node in nodes:
        for mutator, replace in MUTATORS.items():
            for replacement in replace(Site(node, names, parents)):
                mutation = _replaced(text, node, replacement, mutator)
                if mutation.text != text:
                    found.setdefault(mutation.text, mutation)
    return list(found.values())


def _replaced(text: str, node: ast.expr, replacement: ast.expr, mutator: str) -> Mutation:
    """The text with the segment of one node replaced; all else stays as it was written."""
    start, end = span(text, node)
    new = ast.unparse(replacement)
    atomic = isinstance(replacement, ast.Name | ast.Call | ast.Subscript | ast.Attribute | ast.Constant)
    line, column = text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
    inserted = new if atomic else f"({new})"
    original = " ".join(text[start:end].split())
    return Mutation(mutator, line, column, original, new, text[:start] + inserted + text[end:])


def span(text: str, node: ast.expr) -> tuple[int, int]:
    """Where a node's segment begins and ends in its text."""
    lines = text.splitlines(keepends=True)

    def offset(line: int, column: int) -> int:
        before = lines[line - 1].encode()[:column].decode()
        return sum(map(len, lines[: line - 1])) + len(before)

    assert node.end_lineno is not None and node.end_col_offset is not None
    return offset(node.lineno, node.col_offset), offset(node.end_lineno, node.end_col_offset)


def tails(text: str) -> list[ast.expr]:
    """The expressions that a formula's value may come from: the last one, through the branches of an ``if``."""

    def last(body: list[ast.stmt]) -> Iterator[ast.expr]:
        if isinstance(body[-1], ast.If):
            yield from last(body[-1].body)
            yield from last(body[-1].orelse)
        elif isinstance(body[-1], ast.Expr):
            yield body[-1].value

    return list(last(ast.parse(text).body))


def with_result(text: str, function: str) -> str:
    """The formula with its result passed through a function, or behind a factor such as ``2 * ``."""
    for node in reversed(tails(text)):
        start, end = span(text, node)
        text = f"{text[:start]}{function}({text[start:end]}){text[end:]}"
    return text


def without_assignment(text: str, name: str) -> str:
    """The text in which nothing is assigned to a name any more."""
    targets = [
        target
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Assign)
        for target in node.targets
    ]
    places = [span(text, target) for target in targets if isinstance(target, ast.Name) and target.id == name]
    for start, end in sorted(places, reverse=True):
        text = f"{text[:start]}unused_{name}{text[end:]}"
    return text


# What a node is


def _is_number(node: ast.AST | None) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, int | float)
        and not isinstance(node.value, bool)
    )


def _is_sequence(node: ast.expr) -> bool:
    """Whether ``+`` and ``*`` join and repeat here, as they do for tuples, and are no arithmetic."""
    if isinstance(node, ast.BinOp):
        return _is_sequence(node.left) or _is_sequence(node.right)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id in ("tuple", "list", "range")
    return isinstance(node, SEQUENCES) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _counts(node: ast.AST) -> bool:
    """Whether it is a number of elements or dimensions, which has to stay whole."""
    return any(
        (isinstance(part, ast.Attribute) and part.attr in COUNTING)
        or (isinstance(part, ast.Name) and part.id == "len")
        for part in ast.walk(node)
    )


def _arithmetic(node: ast.AST | None) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ARITHMETIC) and not _is_sequence(node)


def _is_small(node: ast.expr, names: Names) -> bool:
    if isinstance(node, ast.Name):
        return node.id in names.small
    return _is_number(node) and 0 < node.value <= SMALL  # type: ignore[attr-defined]


def _binary(left: ast.expr, op: ast.operator, right: ast.expr) -> ast.BinOp:
    return ast.BinOp(left, op, right)


# The mutators


def coefficient(site: Site) -> Iterator[ast.expr]:
    """A number in arithmetic is scaled."""
    node, parent = site.node, site.parent
    if isinstance(parent, ast.UnaryOp):
        parent = site.parents.get(parent)
    if _is_number(node) and node.value and _arithmetic(parent) and not _counts(parent):  # type: ignore
        assert isinstance(node, ast.Constant)
        yield ast.Constant(round(node.value * SCALE, 12))


def off_by_one(site: Site) -> Iterator[ast.expr]:
    """A whole number, or a name that counts, is one too large; a name also one too small."""
    node = site.node
    if isinstance(node, ast.Constant) and type(node.value) is int and abs(node.value) <= COUNTED:
        yield ast.Constant(node.value + 1)
    elif isinstance(node, ast.Name) and node.id in site.names.counters and isinstance(node.ctx, ast.Load):
        yield _binary(node, ast.Add(), ast.Constant(1))
        yield _binary(node, ast.Sub(), ast.Constant(1))


def sign(site: Site) -> Iterator[ast.expr]:
    """Plus for minus, minus for plus, and no minus where there was one."""
    node = site.node
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub) and not _is_sequence(node):
        yield _binary(node.left, ast.Sub() if isinstance(node.op, ast.Add) else ast.Add(), node.right)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield node.operand


def dropped(site: Site) -> Iterator[ast.expr]:
    """A term or a factor is missing."""
    node = site.node
    if not isinstance(node, ast.BinOp) or _is_sequence(node) or isinstance(node.op, ast.MatMult):
        return
    yield node.left
    if isinstance(node.op, ast.Add | ast.Mult):
        yield node.right
    elif isinstance(node.op, ast.Sub):
        yield ast.UnaryOp(ast.USub(), node.right)
    elif isinstance(node.op, ast.Div) and not _is_number(node.left):
        yield _binary(ast.Constant(1), ast.Div(), node.right)


def small_constant(site: Site) -> Iterator[ast.expr]:
    """A small constant is missing, doubled, or on the other side of the function around it."""
    node, names = site.node, site.names
    if isinstance(node, ast.Name | ast.Constant) and _is_small(node, names):
        if not isinstance(getattr(node, "ctx", None), ast.Store):
            yield ast.Constant(0)
            yield _binary(ast.Constant(2), ast.Mult(), node)
    elif isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        inner = node.args[0]
        if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Add) and _is_small(inner.right, names):
            yield _binary(ast.Call(node.func, [inner.left], []), ast.Add(), inner.right)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and _is_small(node.right, names):
        outer = node.left
        if isinstance(outer, ast.Call) and len(outer.args) == 1 and not outer.keywords:
            yield ast.Call(outer.func, [_binary(outer.args[0], ast.Add(), node.right)], [])


OTHER: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip


def comparison(site: Site) -> Iterator[ast.expr]:
    """With or without equality; equal for different."""
    node = site.node
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield ast.Compare(node.left, [OTHER[type(node.ops[0])]()], node.comparators)


def _has_opposite(node: ast.expr) -> bool:
    """Whether the mutator of comparisons negates it already."""
    return isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.Is | ast.IsNot)


def condition(site: Site) -> Iterator[ast.expr]:
    """A condition is negated, or `and` stands for `or`."""
    node, parent = site.node, site.parent
    if isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif isinstance(parent, ast.If | ast.IfExp) and node is parent.test and not _has_opposite(node):
        yield ast.UnaryOp(ast.Not(), node)
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "where"
        and len(node.args) == 3
    ):
        chosen, yes, no = node.args
        yield ast.Call(node.func, [chosen, no, yes], [])


def divisor(site: Site) -> Iterator[ast.expr]:
    """A mean divides by nothing, or by one too many; a reduction by another number than its own."""
    node = site.node
    called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
    if isinstance(node, ast.Call) and called == "mean":
        yield ast.Call(ast.Name("sum", ast.Load()), node.args, node.keywords)
    elif isinstance(node, ast.Call) and called == "reduced":
        yield from (_divided(node, name) for name in ("none", "mean", "sum"))
        if len(node.args) > 2:
            yield ast.Call(node.func, node.args[:2], [])
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        sums = any(isinstance(part, ast.Name) and part.id == "sum" for part in ast.walk(node.left))
        if sums or _counts(node.right):
            yield _binary(node.left, ast.Div(), _binary(node.right, ast.Add(), ast.Constant(1)))


def _divided(node: ast.Call, reduction: str) -> ast.expr:
    """The reduced loss, divided once more by two where the reduction has this name."""
    test = ast.Compare(node.args[1], [ast.Eq()], [ast.Constant(reduction)])
    return _binary(node, ast.Div(), ast.IfExp(test, ast.Constant(2), ast.Constant(1)))


def variable(site: Site) -> Iterator[ast.expr]:
    """A name stands for another one of its kind."""
    node = site.node
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        for kind in site.names.kinds:
            if node.id in kind and len(kind) > 1:
                yield ast.Name(kind[(kind.index(node.id) + 1) % len(kind)], ast.Load())


MUTATORS: dict[str, Mutator] = {
    "coefficient": coefficient,
    "sign": sign,
    "small constant": small_constant,
    "comparison": comparison,
    "off by one": off_by_one,
    "dropped": dropped,
    "condition": condition,
    "divisor": divisor,
    "variable": variable,
}
"""By what the list of survivors calls them."""
