"""``pytest specs --benchmark-only``: what is collected when, and what is written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import conformance.assemble
import conformance.bench.items  # noqa: F401 - before pytester forgets what its runs imported
from conformance.bench import report
from conformance.bench.ceilings import Ceilings

SPECS = Path(__file__).parents[2] / "specs"
QUICK = ("--benchmark-max-time", "0.01", "--benchmark-min-rounds", "1")


@pytest.fixture
def run(
    tmp_path: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., pytest.RunResult]:
    """Runs pytest on a folder of two specs."""
    for name in ("torch/exp.yaml", "torch/optim/SGD.yaml"):
        (tmp_path / "specs" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SPECS / name, tmp_path / "specs" / name)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p no:logging -p no:cacheprovider\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # pytest-benchmark measures nothing in a worker
    monkeypatch.setattr(report, "measure", lambda *_: Ceilings(1e9, 1e9))

    def ran(*options: str) -> pytest.RunResult:
        monkeypatch.chdir(tmp_path)
        return pytester.runpytest_inprocess("specs", *options)

    return ran


def test_collected_only_when_asked_for(run: Callable[..., pytest.RunResult]) -> None:
    """Without the option there are clauses and no benchmarks; with it the other way round."""
    plain, only = (
        run("--collect-only", "-q", *options).stdout.str() for options in ((), ("--benchmark-only",))
    )
    assert "exp.yaml::value[cpu]" in plain and "exp.yaml::large[" not in plain
    assert "exp.yaml::value[cpu]" not in only and "exp.yaml::large[cpu-float32-forward]" in only


def test_what_there_is(run: Callable[..., pytest.RunResult]) -> None:
    """Operators forward and with backward, optimizers in each implementation, for each dtype that is asked for."""
    options = ("--benchmark-only", "--collect-only", "-q", "--dtype", "float64", "--dtype", "bfloat16")
    names = [line.partition("::")[2] for line in run(*options).stdout.lines if "::" in line]
    operator = [
        f"large[cpu-{dtype}-{way}"
        for way in ("forward]", "forward+backward]")
        for dtype in ("float64", "bfloat16")
    ]
    ways = ("for-loop", "foreach", "fused")
    assert names == operator + [
        f"million[cpu-{dtype}-{way}]" for way in ways for dtype in ("float64", "bfloat16")
    ]


def test_measured(run: Callable[..., pytest.RunResult], tmp_path: Path) -> None:
    """Rates and shares stand in the file beside the statistics, and in a table at the end; there are no verdicts."""
    result = run("--benchmark-only", "--benchmark-json", "out.json", "-k", "forward or fused", *QUICK)
    result.assert_outcomes(passed=3)
    found = {
        b["name"]: b["extra_info"] for b in json.loads((tmp_path / "out.json").read_text())["benchmarks"]
    }
    forward = found["large[cpu-float32-forward]"]
    assert (forward["operations"], forward["bytes"]) == (2**20, 2 * 4 * 2**20)
    assert forward["share_of_bound"] > 0 and forward["gigabytes_per_second"] > 0
    assert found["million[cpu-float32-fused]"]["bytes"] == 5 * 4 * 2**20
    text = result.stdout.str()
    assert "conformance benchmarks" in text and "a large copy 1.0 GB/s" in text
    assert "unsupported" not in text


def test_unsupported_is_skipped_by_name(run: Callable[..., pytest.RunResult]) -> None:
    """A backend without a dtype has nothing to be timed in it."""
    result = run("--benchmark-only", "--backend", "reference", "--dtype", "float16", "-rs", *QUICK)
    assert result.parseoutcomes() == {"skipped": 5}
    assert "unsupported: dtype float16" in result.stdout.str()
