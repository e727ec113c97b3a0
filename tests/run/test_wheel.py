"""Installed from a wheel, outside of any checkout, the suite finds its specs and judges."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder to import from, with nothing but what a wheel brings."""
    folder = tmp_path_factory.mktemp("installed")
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        str(folder),
        str(ROOT),
    ]
    subprocess.run(command, check=True)
    return folder


def run(installed: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(installed)}
    return subprocess.run(
        [sys.executable, "-m", "conformance.cli", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )


def test_the_specs_travel_in_the_wheel(installed, tmp_path):
    specs = {path.relative_to(ROOT / "specs") for path in (ROOT / "specs").rglob("*.yaml")}
    packaged = installed / "conformance" / "specs"
    assert {path.relative_to(packaged) for path in packaged.rglob("*.yaml")} == specs
    assert "specs/torch/optim/SGD.yaml" in run(installed, tmp_path, "list").stdout


def test_a_run_outside_of_a_checkout(installed, tmp_path):
    """The packaged specs are judged, and clause ids are what they are in a checkout."""
    judged = run(
        installed,
        tmp_path,
        "run",
        "specs/autograd",
        "--backend",
        "reference",
        "--dtype",
        "float64",
        "-n",
        "2",
        "-q",
    )
    assert judged.returncode == 0, judged.stdout + judged.stderr
    results = (tmp_path / "conformance-results.jsonl").read_text()
    assert '"case":"specs/autograd/accumulation.yaml::second-backward-adds[cpu]","verdict":"pass"' in results


def test_a_clause_outside_of_a_checkout(installed, tmp_path):
    clause = "specs/autograd/accumulation.yaml::second-backward-adds"
    judged = run(
        installed, tmp_path, "run", clause, "--backend", "reference", "--dtype", "float64", "-n", "0"
    )
    assert "1 passed" in judged.stdout, judged.stdout + judged.stderr
    assert run(installed, tmp_path, "repro", clause).returncode == 0
