"""The closing table of a benchmark run: rates, and how near they come to what the machine can do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from ..backends.contract import Backend
from .ceilings import Ceilings, measure
from .count import Count, count
from .work import Work

PLUGIN = "conformance-bench"


@dataclass(frozen=True)
class Row:
    """One benchmark. ``seconds`` is its fastest round."""

    name: str
    variant: str
    device: str
    dtype: str
    seconds: float
    operations: float
    bytes: float
    ceilings: Ceilings

    @property
    def share(self) -> float:
        """How much of the attainable rate it reached: the least time that the ceilings allow, over the time it took.

        Above one where the data stayed in a cache, which is faster than the memory that a large copy sees.
        """
        return self.ceilings.seconds(self.operations, self.bytes) / self.seconds

    def info(self) -> dict[str, Any]:
        """What goes beside the statistics in pytest-benchmark's files."""
        return {
            "device": self.device,
            "dtype": self.dtype,
            "variant": self.variant,
            "operations": self.operations,
            "bytes": self.bytes,
            "gigabytes_per_second": self.bytes / self.seconds / 1e9,
            "gigaflops": self.operations / self.seconds / 1e9,
            "copy_gigabytes_per_second": self.ceilings.bandwidth / 1e9,
            "matmul_gigaflops": self.ceilings.peak / 1e9,
            "share_of_bound": self.share,
        }


@dataclass
class Table:
    """The rows of a run, and the ceilings that were measured for them."""

    rows: list[Row] = field(default_factory=list)
    _ceilings: dict[tuple[str, str], Ceilings] = field(default_factory=dict)
    _counts: dict[tuple[str, str, str], Count] = field(default_factory=dict)

    @classmethod
    def of(cls, config: pytest.Config) -> Table:
        """The table of a run; pytest asks it for a summary at the end."""
        table = config.pluginmanager.get_plugin(PLUGIN)
        if table is None:
            table = cls()
            config.pluginmanager.register(table, PLUGIN)
        return table

    def row(self, work: Work, backend: Backend, device: str, dtype: str, seconds: float) -> Row:
        """A new row for a time that was taken."""
        if (device, dtype) not in self._ceilings:
            self._ceilings[device, dtype] = measure(backend, device, dtype)
        key = (work.spec.name, work.id, work.variant)
        if key not in self._counts:
            self._counts[key] = count(work)
        counted = self._counts[key]
        name = f"{work.spec.name} {work.id}"
        ceilings = self._ceilings[device, dtype]
        row = Row(
            name, work.variant, device, dtype, seconds, counted.operations, counted.bytes(dtype), ceilings
        )
        self.rows.append(row)
        return row

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if not self.rows:
            return
        terminalreporter.section("conformance benchmarks")
        for line in self.lines():
            terminalreporter.write_line(line)

    def lines(self) -> list[str]:
        """The table as text."""
        wide = max(len(row.name) for row in self.rows)
        text = [f"{'':{wide}}  {'':16} {'':14} {'time':>11} {'GB/s':>8} {'GFLOP/s':>9} {'of bound':>8}"]
        for row in self.rows:
            info = row.info()
            where = f"{row.device} {row.dtype}"
            rates = f"{info['gigabytes_per_second']:8.1f} {info['gigaflops']:9.1f} {row.share:8.0%}"
            text.append(f"{row.name:{wide}}  {row.variant:16} {where:14} {row.seconds * 1e6:8.1f} us {rates}")
        for (device, dtype), ceilings in self._ceilings.items():
            copy, product = f"{ceilings.bandwidth / 1e9:.1f} GB/s", f"{ceilings.peak / 1e9:.1f} GFLOP/s"
            text.append(f"bound on {device} in {dtype}: a large copy {copy}, a matrix product {product}")
        text.append(
            "time: the fastest round; operations and bytes: those of the definition; above 100 %: from a cache"
        )
        return text
