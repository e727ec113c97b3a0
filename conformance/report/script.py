"""A sample as a script that needs torch and numpy only: programs as they are written, values as literals.

One that judges random numbers needs SciPy too: the suite's tests of distributions are copied into it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from reference_impls.dtypes import NAMES

from .. import tools
from ..backends.reference import ReferenceBackend
from ..case import Case, Given, Sample
from ..check import Base
from ..generate.common import PRELUDE
from ..judge import DRAWS, FACTOR, FLOOR
from ..observe import Leaf, Observation
from ..run import SEED, stored
from ..spec.words import MODULES

HELPERS = Path(__file__).with_name("script_helpers.py")
TOOLS = Path(tools.__file__)
LAID_OUT = {
    "contiguous": "{tensor}",
    "transposed": "{tensor}.transpose(0, -1).contiguous().transpose(0, -1)",
    "channels-last": "{tensor}.movedim(1, -1).contiguous().movedim(-1, 1)",
    "strided": "{tensor}.repeat_interleave(2, -1)[..., ::2]",
    "offset": "torch.nn.functional.pad({tensor}.flatten(), (3, 0))[3:].view({shape})",
    "expanded": "{tensor}[:1].expand({shape})",
}
MODE = {"eager": "transformed = lambda function: function", "compile": "transformed = torch.compile"}


def script(case: Case, sample: Sample, case_id: str, dtype: str, device: str, mode: str, base: str) -> str:
    """The script. ``base`` is the text of what is `expected`; without it both sides are torch's."""
    program = shown(str(sample.program), with_right=not base)
    setup = [str(part) for part in sample.setup if part.file != str(PRELUDE)]
    inputs = [f"{name} = {tensor(given, stored(given, dtype))}" for name, given in sample.inputs.items()]
    own = "\n".join([*setup, program])
    prelude = needed(PRELUDE.read_text(), own)
    helpers = needed(HELPERS.read_text(), own)
    borrowed = needed(TOOLS.read_text(), "\n".join([*helpers, own]))
    helpers = [*borrowed, *helpers]
    body = "\n".join([*helpers, *prelude, own])
    names = names_of(body)
    parts = [
        f'"""{case_id}\n\n{case.says}\n{case.cites}\n\nSample {sample.name!r} in {dtype}.\n"""'.replace(
            "\\", "\\\\"
        ),
        "from __future__ import annotations\n" if borrowed else "",  # they name types
        *imports(names),
        f"device = {device!r}" if "device" in names or inputs else "",
        f"dtype = torch.{dtype}" if "dtype" in names else "",
        MODE.get(mode, "") if "transformed" in names else "",
        "torch.backends.cudnn.allow_tf32 = False" if device.startswith("cuda") else "",
        f"torch.set_default_device({device!r})" if device != "cpu" else "",
        f"_expected = iter({base or '()'})" if "_expected" in names else "",
        "DIFFERS = '   <-- DIFFERS'" if helpers else "",
        *(f"\n\n{function}" for function in (*helpers, *prelude)),
        "\n",
        *setup,
        f"torch.manual_seed({SEED})",
        *inputs,
        f"\n# The program, {sample.program.file}:{sample.program.line}",
        program,
    ]
    return "\n".join(part for part in parts if part) + "\n"


def shown(program: str, with_right: bool) -> str:
    """A program whose claims print what they claim; all else stays as it is written."""
    text = program.encode()
    starts = [0]
    for line in text.split(b"\n"):
        starts.append(starts[-1] + len(line) + 1)

    def segment(node: Any) -> tuple[int, int]:
        return starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset

    def source(node: Any) -> str:
        begin, end = segment(node)
        return text[begin:end].decode()

    edits = []
    for statement in claims(ast.parse(program)):
        title = repr(" ".join(source(statement).split()))
        if isinstance(statement, ast.Expr):
            assert isinstance(statement.value, ast.Yield)
            call = f"_show({title}, ({source(statement.value.value)}))"
        elif isinstance(test := statement.test, ast.Compare) and [type(op) for op in test.ops] == [ast.Eq]:
            right = f", ({source(test.comparators[0])})" if with_right else ""
            call = f"_show({title}, ({source(test.left)}){right})"
        else:
            call = f"_hold({title}, ({source(test)}))"
        edits.append((*segment(statement), call))
    for begin, end, call in sorted(edits, reverse=True):
        text = text[:begin] + call.encode() + text[end:]
    return text.decode().rstrip()


def claims(tree: ast.AST, inside: bool = False) -> Iterable[Any]:
    """The asserts of a program, and its yields outside functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Assert) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Yield) and not inside
        ):
            yield node
        else:
            yield from claims(node, inside or isinstance(node, ast.FunctionDef | ast.Lambda))


def needed(helpers: str, text: str) -> list[str]:
    """What a text uses of the constants, functions and classes of a module, directly or through each other."""
    defined = {name: node for node in ast.parse(helpers).body for name in _defines(node)}
    used: set[str] = set()
    pending = names_of(text) & defined.keys()
    while pending:
        used |= pending
        pending = (
            set().union(*(names_of(ast.unparse(defined[name])) for name in pending)) & defined.keys() - used
        )
    lines = helpers.split("\n")

    def source(node: Any) -> str:
        first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", ()))])
        return "\n".join(lines[first - 1 : node.end_lineno])

    return [source(node) for name, node in defined.items() if name in used]


def _defines(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def names_of(text: str) -> set[str]:
    """The names that a text uses."""
    return {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}


def imports(names: set[str]) -> Iterable[str]:
    if "dataclass" in names:
        yield "from dataclasses import dataclass"
    modules = {**MODULES, "warnings": "warnings"}
    for short, full in sorted(modules.items(), key=lambda pair: pair[1] == "numpy"):
        if short in names:
            yield f"import {full}" + (f" as {short}" if short != full else "")
    yield "import torch"
    yield "from math import inf, nan, pi\n"


def tensor(given: Given, dtype: str) -> str:
    """An expression for an input."""
    shape = ", ".join(map(str, given.values.shape))
    text = f"torch.tensor({literal(given.values)}, dtype=torch.{dtype}, device=device)"
    if not given.values.size:
        text += f".reshape({shape})"
    text = LAID_OUT[given.layout].format(tensor=text, shape=shape)
    return text + ".requires_grad_()" * given.requires_grad


def literal(value: Any) -> str:
    return repr(value.tolist() if isinstance(value, np.ndarray) else value)


def expected(base: Base, reference: ReferenceBackend, dtype: str) -> str:
    """What the reference yielded, statement by statement: by path each value, and how far one may be from it.

    The tolerance is the judge's; see ``conformance/judge.py`` for its rules.
    """
    redo = base.redo(reference, NAMES[dtype])
    noisy = [
        copy.observations
        for copy in map(redo, range(DRAWS))
        if copy is not None and len(copy.observations) == len(base.ran.observations)
    ]
    text = "[\n"
    for index, observation in enumerate(base.ran.observations):
        if observation.kind not in ("yield", "expect"):
            continue
        pairs = []
        for place, leaf in enumerate(_right(observation)):
            if leaf.kind not in ("sequence", "keys"):
                tolerance = _tolerance(observation, [run[index] for run in noisy], place, dtype)
                pairs.append(f"{leaf.path!r}: ({literal(leaf.value)}, {literal(tolerance)})")
        text += f"    {{{', '.join(pairs)}}},\n"
    return text + "]"


def _right(observation: Observation) -> list[Leaf]:
    return observation.left if observation.right is None else observation.right


def _tolerance(base: Observation, noisy: Sequence[Observation], place: int, dtype: str) -> np.ndarray | float:
    """How far from the reference a value of ``dtype`` may be; noise on either side of an equality counts."""
    want = _right(base)[place]
    left = base.left[place] if place < len(base.left) else want
    if not isinstance(want.value, np.ndarray) or want.value.dtype.kind not in "fc":
        return 0.0
    if left.exact and (want.exact or want.kind != "tensor"):
        return 0.0
    tested = NAMES[dtype if want.kind == "tensor" else "float64"]
    size = np.abs(want.value)
    with np.errstate(all="ignore"):
        ulp = tested.spacing(np.minimum(np.where(np.isfinite(size), size, 0.0), tested.largest or 1.0))
        spread = np.zeros_like(ulp)
        for run in noisy:
            for one, other in (
                (want, _right(run)[place]),
                (left, run.left[place] if left is not want else want),
            ):
                if np.shape(one.value) == np.shape(other.value) == size.shape:
                    spread = np.maximum(spread, np.nan_to_num(np.abs(one.value - other.value)))
    return np.maximum(FLOOR * ulp, FACTOR * spread)
