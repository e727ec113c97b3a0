"""Benchmarks as pytest items: ``pytest specs --benchmark-only`` collects these in place of clauses.

Each asks for the ``benchmark`` fixture of pytest-benchmark, as any test function may, so its options, its table and
its JSON file are all there; ``extra_info`` holds what the definition and the machine's ceilings add to the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ..backends.contract import Unsupported
from ..session import Session
from ..spec import Spec
from ..spec.words import FLOATING
from .report import Table
from .work import Work, synchronised, works

DEFAULT_DTYPE = "float32"


def bench_items(
    parent: pytest.Collector, spec: Spec, session: Session, dtypes: list[str]
) -> Iterator[BenchItem]:
    """The benchmarks of a spec on each device, in the dtypes that were asked for."""
    table = Table.of(parent.config)
    chosen = [dtype for dtype in dtypes or [DEFAULT_DTYPE] if dtype in FLOATING]
    for work in works(spec):
        for device in session.devices:
            for dtype in chosen:
                name = f"{work.id}[{device}-{dtype}-{work.variant}]"
                body = measured(work, session, device, dtype, table)
                item: BenchItem = BenchItem.from_parent(parent, name=name, callobj=body)
                item.work = work
                yield item


class BenchItem(pytest.Function):
    """One piece of work on a device in a dtype."""

    work: Work

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.work.line - 1, self.name


def measured(work: Work, session: Session, device: str, dtype: str, table: Table) -> Callable[..., None]:
    """The body of an item: prepare once, time, and set the time beside what there was to do."""

    def body(benchmark: Any) -> None:
        backend = session.backend
        with np.errstate(all="ignore"), backend.running(device, "eager"):
            try:
                if dtype not in backend.dtypes:
                    raise Unsupported(f"dtype {dtype}")
                whole = synchronised(work.prepare(backend, device, dtype)["work"], backend, device)
                whole()
            except Unsupported as lacking:
                pytest.skip(f"unsupported: {lacking.what}")
            benchmark.group = f"{work.spec.name} {device} {dtype}"
            benchmark(whole)
            if benchmark.stats is not None:
                row = table.row(work, backend, device, dtype, benchmark.stats.stats.min)
                benchmark.extra_info.update(row.info())

    return body
