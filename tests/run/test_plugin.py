"""What is collected, how it is named and chosen, and how options are refused."""

from __future__ import annotations

import os

import pytest

from .conftest import HEAD, clause, conformance

ONES = clause(
    "ones", "yield torch.ones_like(x)", given="x: leaf(3)", judge="reference", dtypes="float64, float32"
)
FINE = clause("fine", "assert torch.trouble('') == 1")
FILE = "specs/area/trouble.yaml"


def ids(judged) -> list[str]:
    return [line for line in judged.run.outlines if "::" in line and not line.startswith(" ")]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("specs", ["ones", "fine"]),
        ("specs/area", ["ones", "fine"]),
        (FILE, ["ones", "fine"]),
        (f"{FILE}::fine", ["fine"]),
        (f"{FILE}::fine[cpu]", ["fine"]),
    ],
)
def test_a_folder_a_file_a_clause(write, judge, path, found):
    write(ONES, FINE)
    judged = judge("backend", "--collect-only", "-q", paths=(path,))
    assert ids(judged) == [f"{FILE}::{id}[cpu]" for id in found]
    assert judged.status == 0


def test_devices_and_modes_are_in_the_id(write, judge):
    write(ONES)
    judged = judge("backend", "--device", "fake", "--device", "cpu", "--collect-only", "-q")
    assert ids(judged) == [f"{FILE}::ones[fake]", f"{FILE}::ones[cpu]"]


def test_the_order_is_that_of_the_spec(write, judge):
    write(FINE, ONES)
    assert ids(judge("backend", "--collect-only", "-q")) == [f"{FILE}::fine[cpu]", f"{FILE}::ones[cpu]"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--backend", "torhc"), "no backend `torhc`: torch, reference, jax, *; did you mean `torch`?"),
        (
            ("--backend", "fakes:nothing"),
            "backend `fakes:nothing`: module 'fakes' has no attribute 'nothing'",
        ),
        (("--backend", "nowhere:at_all"), "backend `nowhere:at_all`: No module named 'nowhere'"),
        (("--backend", "fakes:not_a_backend"), "*a int, not a conformance.backends.contract.Backend"),
        (("--device", "cuda"), "--device cuda: the choices of fake are cpu, fake"),
        (("--dtype", "floot32"), "--dtype floot32: the choices are *; did you mean `float32`?"),
        (("--mode", "compile"), "--mode compile: the choices of fake are eager, vmap"),
        (("--results", "/nowhere/r.jsonl"), "--results: *No such file*"),
    ],
)
def test_a_wrong_option_is_a_usage_error(write, judge, options, message):
    write(ONES)
    judged = judge("backend", *options)
    assert judged.status == 4
    judged.run.stderr.fnmatch_lines([f"ERROR: *{message}"])
    assert "Traceback" not in judged.run.stderr.str() + judged.text


def test_faults_of_a_spec_are_a_collection_error(write, judge, folder):
    write(ONES)
    (folder / FILE).write_text(HEAD + "  a: 1\n  a: 2\n")
    judged = judge("backend")
    assert judged.status == 2
    judged.run.stdout.fnmatch_lines([f"*{FILE}:5:*: *", f"*{FILE}:6:*: *"])
    assert "Traceback" not in judged.text
    assert ".py:" not in judged.text


def test_yaml_of_others_is_left_alone(judge, folder, monkeypatch):
    (folder / "specs" / "area" / "api.yaml").write_text("# an interface\nopenapi: 3.0.0\n")
    (folder / "other.yaml").write_text("topic: elsewhere\n")
    judged = judge("backend", paths=(".",))
    assert judged.status == 5
    judged.run.stdout.fnmatch_lines(["collected 0 items"])
    assert judge("backend", paths=("specs",)).status == 2, (
        "but what is asked for by path is a spec, if a bad one"
    )


def test_specs_are_found_below_any_folder(write, judge):
    write(FINE)
    judged = judge("backend", paths=(".",))
    judged.run.assert_outcomes(passed=1)


def test_workers_come_to_the_same(write, judge):
    write(ONES, FINE, *(clause(f"c-{i}", "assert torch.trouble('') == 1") for i in range(10)))
    alone, shared = judge("wrong"), judge("wrong", "-n", "2")
    assert shared.status == alone.status == 1
    assert matrix(alone.text) == matrix(shared.text)
    assert shared.results.footer["cases"] == {"fail": 1, "pass": 11}


def matrix(text: str) -> str:
    return text[text.index("cases (lines)") : text.index("results:")]


def test_run_takes_the_options_of_pytest(write, folder):
    write(ONES, FINE)
    run = conformance(
        "run", "--backend", "fakes:backend", FILE, "-k", "fine", "-n", "0", "--dtype", "float64"
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "1 passed, 1 deselected" in run.stdout
    assert os.path.exists("conformance-results.jsonl")


def test_run_ignores_the_configuration_of_others(write, folder):
    write(FINE)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --nonsense\n")
    (folder / "conftest.py").write_text("raise SystemExit('do not load me')\n")
    run = conformance("run", "--backend", "fakes:backend", "-n", "0")
    assert run.returncode == 0, run.stdout + run.stderr
