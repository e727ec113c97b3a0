"""The architecture, as far as imports and sizes show it (DESIGN: imports point one way)."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = (
    ("reference_impls",),
    ("conformance.spec",),
    ("conformance.backends", "conformance.case"),
    ("conformance.generate",),
    (
        "conformance.tools",
        *("conformance.observe", "conformance.verdict", "conformance.judge", "conformance.run"),
        *("conformance.explain", "conformance.deviations", "conformance.check", "conformance.assemble"),
    ),
    ("conformance.report",),
    ("conformance.sensitivity",),
    ("conformance.session", "conformance.items", "conformance.conductor", "conformance.plugin"),
    ("conformance.commands", "conformance.cli"),
)
"""From the bottom to the top: a module imports what stands in its own layer or below."""
ANYWHERE = {"conformance", "conformance.where"}
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in ("conformance", "reference_impls")
    for path in sorted((ROOT / package).rglob("*.py"))
}


def layer(module: str) -> int | None:
    """The layer of a module; None for what belongs to none of them, such as benchmarks."""
    return next(
        (i for i, names in enumerate(LAYERS) if any(f"{module}.".startswith(f"{n}.") for n in names)), None
    )


def imported(module: str, path: Path) -> Iterator[str]:
    """What a module imports when it is imported itself: nothing for type checking or inside functions."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    pending: list[ast.AST] = [ast.parse(path.read_text())]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parts, *([node.module] if node.module else [])])
            for alias in node.names:
                yield f"{base}.{alias.name}" if f"{base}.{alias.name}" in MODULES else base
        elif not isinstance(node, ast.FunctionDef) and not (
            isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        ):
            pending += ast.iter_child_nodes(node)


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_one_way(module):
    own = layer(module)
    for name in imported(module, MODULES[module]):
        if own is not None and name not in ANYWHERE and (other := layer(name)) is not None:
            assert other <= own, f"{module} imports {name}"


def test_backends_know_no_specs():
    for module, path in MODULES.items():
        if module.startswith("conformance.backends"):
            assert not [name for name in imported(module, path) if name.startswith("conformance.spec")], (
                module
            )


def test_torch_is_imported_by_its_adapters_only():
    for module, path in MODULES.items():
        text = path.read_text()
        names = {a.name for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Import) for a in n.names}
        names |= {str(n.module) for n in ast.walk(ast.parse(text)) if isinstance(n, ast.ImportFrom)}
        if any(name.split(".")[0] == "torch" for name in names):
            assert module.startswith("conformance.backends.torch"), module


@pytest.mark.parametrize("module", MODULES)
def test_no_module_is_long(module):
    assert len(MODULES[module].read_text().splitlines()) <= 400


def test_collection_imports_nothing_heavy():
    """What only a run needs is not imported to collect."""
    code = (
        "import sys, pytest; pytest.main(['--collect-only', '-qq', '-p', 'no:hypothesispytest', '--backend', "
        "'reference', 'specs/autograd']); print(sorted({name.split('.')[0] for name in sys.modules}))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    heavy = {"torch", "rich", "hypothesis", "jinja2"} & set(ast.literal_eval(run.stdout.splitlines()[-1]))
    assert not heavy
