"""The documented names that programs judge, told from their text.

Names below ``torch`` are written in full. Whose an attribute is that hangs on something else is told from where the
thing comes from, as far as that is plain: the ``ctx`` of a custom function, the node behind ``.grad_fn``, a module or
an optimizer that was just made. Otherwise it is taken for a method of what the spec is about, and of a tensor.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from ..case import Case
from ..spec.program import chain
from ..spec.words import VERBS

GRADIENT = {"vjp", "backward", "grad", "jvp", "contracted"}
"""What a program mentions when it looks at derivatives."""
OWNERS = {
    "optimizer": "torch.optim.Optimizer",
    "scheduler": "torch.optim.lr_scheduler",
    "module": "torch.nn.Module",
}
"""Whose method an attribute is taken for in the specs of a kind; elsewhere a tensor's."""
TENSOR, MODULE, OPTIMIZER = "torch.Tensor", "torch.nn.Module", "torch.optim.Optimizer"
FUNCTION, CONTEXT = "torch.autograd.Function", "torch.autograd.function.FunctionCtx"
NODE = "torch.autograd.graph.Node"
LEADS_TO = {"grad_fn": NODE, "next_functions": NODE, "node": NODE}
"""Attributes whose value, or whose parts, are of a class."""
WAYS = ("value", "gradient", "errors")


@dataclass
class Judged:
    """The names that the programs of some clauses judge, by way."""

    names: dict[str, set[str]] = field(default_factory=lambda: {way: set() for way in WAYS})

    def add(self, case: Case) -> None:
        """Take the programs of a case into account."""
        setup = str(case.spec.setup or "")
        for sample in case.samples("eager"):
            tree = ast.parse(f"{setup}\n{sample.program}")
            reader = Reader(OWNERS.get(case.spec.kind, TENSOR), owners(tree), roots(tree))
            refused = list(_refused(tree))
            for block in refused:
                self.names["errors"].update(reader.names(block))
            plain = set(reader.names(tree, without=refused))
            self.names["value"] |= plain
            mentioned = {getattr(node, "attr", getattr(node, "id", "")) for node in ast.walk(tree)}
            if mentioned & GRADIENT:
                self.names["gradient"] |= plain


def _refused(tree: ast.AST) -> Iterator[ast.With]:
    """The blocks that are to raise."""
    for node in ast.walk(tree):
        if isinstance(node, ast.With):
            calls = (item.context_expr for item in node.items)
            if any(isinstance(c, ast.Call) and getattr(c.func, "id", "") in VERBS - {"warns"} for c in calls):
                yield node


def owners(tree: ast.AST) -> dict[str, str]:
    """The classes of local names, where they are plain."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            bases = _bases(node)
            first = CONTEXT if FUNCTION in bases else MODULE if MODULE in bases else ""
            for method in node.body:
                if first and isinstance(method, ast.FunctionDef) and method.args.args:
                    found[method.args.args[0].arg] = first
            for base in bases & {MODULE, OPTIMIZER}:
                found[f"{node.name}()"] = base
        elif isinstance(node, ast.Assign) and (owner := owner_of(node.value, found)):
            targets = [name for target in node.targets for name in ast.walk(target)]
            found |= {name.id: owner for name in targets if isinstance(name, ast.Name)}
    return found


def roots(tree: ast.AST) -> dict[str, str]:
    """What local abbreviations of names below ``torch`` stand for."""
    found = {"torch": "torch"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and (dotted := chain(node.value, found)):
            found |= {target.id: dotted for target in node.targets if isinstance(target, ast.Name)}
    return found


def owner_of(value: ast.expr, known: dict[str, str]) -> str:
    """The class of a value, or nothing where that is not plain."""
    while isinstance(value, ast.Subscript):
        value = value.value
    if isinstance(value, ast.Attribute):
        return LEADS_TO.get(value.attr, "")
    if isinstance(value, ast.Call):
        made = chain(value.func, {"torch": "torch"})
        namespace, _, name = made.rpartition(".")
        if name[:1].isupper() and namespace == "torch.optim":
            return OPTIMIZER
        if name[:1].isupper() and not made.startswith("torch.optim."):
            return MODULE if made.startswith("torch.nn.") else made
        return known.get(f"{getattr(value.func, 'id', '')}()", "")
    return known.get(value.id, "") if isinstance(value, ast.Name) else ""


def _bases(node: ast.ClassDef) -> set[str]:
    return {chain(base, {"torch": "torch"}) for base in node.bases}


@dataclass
class Reader:
    """Reads names from a program, of which ``owner`` is what attributes are taken for where nothing else is known."""

    owner: str
    known: dict[str, str]
    roots: dict[str, str]

    def names(self, node: ast.AST, without: Collection[ast.AST] = ()) -> Iterator[str]:
        """The names that a part of the program mentions, but for those in some blocks."""
        if node in without:
            return
        if isinstance(node, ast.Attribute):
            if dotted := chain(node, self.roots):
                parts = dotted.split(".")
                yield from (".".join(parts[:n]) for n in range(2, len(parts) + 1))
                return
            for owner in {owner_of(node.value, self.known)} - {""} or {self.owner, TENSOR}:
                yield f"{owner}.{node.attr}"
        elif isinstance(node, ast.ClassDef):
            for base in _bases(node) - {""}:
                methods = (part for part in node.body if isinstance(part, ast.FunctionDef))
                yield from (f"{base}.{method.name}" for method in methods)
        for child in ast.iter_child_nodes(node):
            yield from self.names(child, without)
