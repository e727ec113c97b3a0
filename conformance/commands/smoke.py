"""``conformance smoke``: what a backend must be able to do before anything is scored."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from ..backends import BackendError, resolve
from ..backends.contract import CAPABILITIES, Backend, missing_name
from . import Refused

WORDS = (
    *("torch.tensor", "torch.exp", "torch.matmul", "torch.sum", "torch.where", "torch.float32"),
    *(
        "torch.autograd.grad",
        "torch.no_grad",
        "torch.func.jvp",
        "torch.nn.functional.relu",
        "torch.nn.Linear",
    ),
    *("torch.nn.Module", "torch.optim.SGD", "torch.save"),
)
"""Names that most clauses rest on; a backend that lacks one is told, and is not wrong."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("backend", metavar="BACKEND", help="a name, or package.module:object")


def main(options: argparse.Namespace) -> int:
    """1 where the backend cannot do what the contract asks of it."""
    from rich.console import Console
    from rich.table import Table

    try:
        backend = resolve(options.backend)
    except BackendError as error:
        raise Refused(str(error)) from None
    table = Table("what", "", "remark", title=f"{backend.name} {backend.version}", title_justify="left")
    wrong = 0
    for what, probe in probes(backend):
        try:
            mark, remark = "ok", probe() or ""
        except Lacks as lacking:
            mark, remark = "lacks", str(lacking)
        except Exception as error:
            mark, remark = "WRONG", f"{type(error).__name__}: {error}"
            wrong += 1
        table.add_row(what, mark, remark)
    Console(soft_wrap=False).print(table)
    return 1 if wrong else 0


class Lacks(Exception):
    """Something that a backend may lack, and does."""


Probe = Callable[[], str | None]


def probes(backend: Backend) -> Iterator[tuple[str, Probe]]:
    yield "describes itself", lambda: _described(backend)
    for device in backend.devices:
        for dtype in sorted(backend.dtypes):
            yield (
                f"{dtype} to {device} and back",
                partial(_round_trip, backend, dtype, device),
            )
    yield "the names that most clauses use", lambda: _named(backend)
    yield "capabilities", lambda: _capable(backend)
    yield "a sum of products", lambda: _computed(backend)
    yield "a gradient", lambda: _gradient(backend)
    yield "a wrong argument is refused", lambda: _refused(backend)


def _described(backend: Backend) -> str:
    facts = backend.describe()
    assert all(isinstance(v, str) for pair in facts.items() for v in pair), (
        f"describe() gave {facts!r}, not texts"
    )
    return ", ".join(f"{key} {value}" for key, value in facts.items())


def _round_trip(backend: Backend, dtype: str, device: str) -> None:
    """Values, shapes and the dtype survive the way in and out, and a frozen copy is one."""
    if dtype == "bool":
        values = np.array([[True, False, True]])
    elif dtype.startswith("complex"):
        values = np.array([[0, 1 - 0.5j, complex(-np.inf, 2)]])
    elif dtype.startswith(("int", "uint")):
        values = np.array([[0, 1, 100]])
    else:
        values = np.array([[0.0, -1.5, np.inf]])
    for shaped in (values, values[:, :0], values[0, 1]):
        tensor = backend.from_numpy(np.asarray(shaped), dtype, device)
        assert backend.is_tensor(tensor), (
            f"from_numpy gave a {type(tensor).__name__} that is_tensor does not know"
        )
        assert backend.dtype_of(tensor) == dtype, f"dtype_of says {backend.dtype_of(tensor)!r}"
        for seen in (backend.to_numpy(tensor), backend.to_numpy(backend.freeze(tensor))):
            assert isinstance(seen, np.ndarray), f"to_numpy gave a {type(seen).__name__}"
            assert seen.dtype.name in ("float64", "complex128", "int64", "bool"), (
                f"to_numpy gave {seen.dtype}"
            )
            assert np.array_equal(seen, shaped), f"{shaped!r} came back as {seen!r}"


def _named(backend: Backend) -> None:
    if missing := [word for word in WORDS if missing_name(backend.torch, word)]:
        raise Lacks(", ".join(missing))


def _capable(backend: Backend) -> str:
    unknown = backend.lacks.keys() - CAPABILITIES.keys()
    assert not unknown, f"it lacks {', '.join(sorted(unknown))}, of which nobody knows"
    if backend.lacks:
        raise Lacks(", ".join(sorted(backend.lacks)))
    return "all"


def _x(backend: Backend, values: Any) -> Any:
    return backend.from_numpy(np.array(values, float), "float32", backend.devices[0])


def _computed(backend: Backend) -> None:
    seen = backend.to_numpy((_x(backend, [1, 2, 3]) * _x(backend, [4, 5, 6])).sum())
    assert seen == 32, f"1*4 + 2*5 + 3*6 is {seen}"


def _gradient(backend: Backend) -> None:
    if "autograd" in backend.lacks:
        raise Lacks(backend.lacks["autograd"])
    x = backend.require_grad(_x(backend, [1, 2, 3]))
    (seen,) = backend.torch.autograd.grad((x * x).sum(), (x,))
    assert backend.to_numpy(seen).tolist() == [2, 4, 6], (
        f"of the sum of squares at 1, 2, 3: {backend.to_numpy(seen)}"
    )


def _refused(backend: Backend) -> None:
    if "error-checks" in backend.lacks:
        raise Lacks(backend.lacks["error-checks"])
    try:
        backend.torch.matmul(_x(backend, [[1, 2]]), _x(backend, [[1, 2]]))
    except Exception:
        return
    raise AssertionError("matmul of two matrices that do not fit")
