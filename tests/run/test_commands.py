"""The commands besides run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import clause, conformance

ROOT = Path(__file__).parents[2]
SUM = clause(
    "adds",
    "y = x.sum()\ny.backward()\nassert x.grad == torch.ones_like(x)\nyield y",
    given="x: leaf(3)",
    judge="reference",
)
REFUSED = clause(
    "refused", "with raises(RuntimeError):\n    torch.full((2,), 1.0).sum().backward()", judge="reference"
)
FILE = "specs/area/trouble.yaml"


@pytest.fixture
def specs(write) -> None:
    write(SUM, REFUSED)


def test_list(specs):
    run = conformance("list")
    assert run.stdout.splitlines()[1].split() == ["::adds", "The", "clause", "adds", "holds."]
    facts = [
        json.loads(line) for line in conformance("list", "--json", f"{FILE}::refused").stdout.splitlines()
    ]
    assert [fact["clause"] for fact in facts] == [f"{FILE}::refused"]
    assert facts[0]["says"] == "The clause refused holds."


def test_list_and_show_need_no_torch(specs):
    code = (
        "import sys; sys.modules['torch'] = None; from conformance.cli import main; "
        f"main(['list']); main(['show', '{FILE}::adds']); main(['check'])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_show(specs):
    run = conformance("show", f"{FILE}::adds[cpu]")
    assert "The clause adds holds." in run.stdout
    assert "https://example.org/trouble" in run.stdout
    assert "assert x.grad == torch.ones_like(x)" in run.stdout
    assert "x = tensor[3] (requires grad)" in run.stdout


@pytest.mark.parametrize(
    ("clause", "message"),
    [
        (f"{FILE}::ads", "no clause `ads`; did you mean `adds`?"),
        ("specs/nowhere.yaml::adds", "no such file or folder"),
        (FILE, "a clause is named as"),
    ],
)
def test_a_clause_that_is_not_there(specs, clause, message):
    run = conformance("show", clause)
    assert run.returncode == 2
    assert message in run.stderr
    assert "Traceback" not in run.stderr


def test_check(specs, write):
    run = conformance("check")
    assert (run.returncode, run.stdout) == (0, "1 specs, 2 clauses, 0 with faults\n")
    write(
        clause("false", "assert x.sum() == x.sum() + 1", given="x: leaf(3)", judge="reference"), name="false"
    )
    run = conformance("check")
    assert run.returncode == 1
    assert "specs/area/false.yaml:5: false (program): " in run.stdout
    write("  a: 1\n  b: 2\n", name="broken")
    faults = conformance("check").stdout.splitlines()
    assert len([fault for fault in faults if fault.startswith("specs/area/broken.yaml:")]) >= 2


def test_coverage(specs, tmp_path):
    rows = [
        ("area", "name", "kind", "differentiable"),
        ("torch.Tensor", "torch.Tensor.sum", "method", "yes"),
        ("torch.Tensor", "torch.Tensor.cos", "method", "yes"),
        ("torch.creation", "torch.full", "function", "no"),
    ]
    (tmp_path / "names.tsv").write_text("\n".join("\t".join(row) for row in rows))
    run = conformance("coverage", "--inventory", "names.tsv")
    cells = {
        line.split("│")[1].strip(): line.split("│")[2:-1]
        for line in run.stdout.splitlines()
        if line[0] == "│"
    }
    assert [cell.strip() for cell in cells["torch.Tensor"]] == ["1", "1 of 2", "1", "", "2"]
    assert [cell.strip() for cell in cells["torch.creation"]] == ["0", "", "1", "", "1"]
    assert (
        conformance("coverage", "--inventory", "names.tsv", "--missing", "torch.Tensor").stdout
        == "torch.Tensor.cos\n"
    )


def test_smoke(specs):
    assert conformance("smoke", "reference").returncode == 0
    run = conformance("smoke", "fakes:garbage")
    assert run.returncode == 1
    assert "WRONG" in run.stdout
    assert "to_numpy gave" in run.stdout


def test_reproduction_runs_with_torch_alone(specs, folder):
    """The script agrees where torch does, and shows both values where it does not."""
    script = conformance("repro", f"{FILE}::adds[cpu]", "--dtype", "float64", "--sample", "program").stdout
    assert "conformance" not in script.replace("import conformance", "conformance")
    good = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert good.returncode == 0, good.stderr
    assert "DIFFERS" not in good.stdout
    assert "assert x.grad == torch.ones_like(x)\n  [0]: expected 1.0, seen 1.0" in good.stdout
    bad = subprocess.run(
        [sys.executable, "-c", script.replace("y.backward()", "(2 * y).backward()")],
        capture_output=True,
        text=True,
    )
    assert "expected 1.0, seen 2.0, error 1, inf times the tolerance   <-- DIFFERS" in bad.stdout


@pytest.mark.parametrize(
    "clause",
    [
        "torch/nn/functional/softplus.yaml::second-order",
        "torch/optim/SGD.yaml::nesterov",
        "serialization/state_dict.yaml::through-a-file",
        "torch/nn/init/distributions.yaml::sparse",
    ],
)
def test_reproductions_of_real_clauses(clause):
    """On a torch that conforms, every statement agrees."""
    pytest.importorskip("torch")
    made = conformance("repro", str(ROOT / "specs" / clause), "--dtype", "float32")
    assert made.returncode == 0, made.stderr
    run = subprocess.run([sys.executable, "-c", made.stdout], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout
    assert "DIFFERS" not in run.stdout
