"""The results file: what is in it, and how one can tell that a run was cut short."""

from __future__ import annotations

import json
import os

import pytest

from conformance import __version__
from conformance.report.results import Follower, Results, ResultsWriter, records
from conformance.report.summary import case_record, line_record
from conformance.verdict import Failure, Line, Verdict

from .conftest import clause, conformance

FINE = clause("fine", "assert torch.trouble('') == 1")
ID = "specs/area/trouble.yaml::fine[cpu]"


def test_records_of_a_run(write, judge):
    write(FINE)
    judge("backend")
    found = list(records("results.jsonl"))
    assert [record["record"] for record in found] == [
        "header",
        "planned",
        "started",
        "line",
        "case",
        "footer",
    ]
    header, planned, started, line, case, footer = found
    assert header["suite"] == __version__
    assert header["backend"] == {"backend": "fake", "version": "1.5"}
    assert header["options"]["devices"] == ["cpu"]
    assert {"python", "platform", "numpy", "time"} <= header.keys()
    assert planned["cases"] == [ID]
    assert started["case"] == ID
    assert line == {
        "record": "line",
        "case": ID,
        "sample": "program",
        "dtype": "float64",
        "verdict": "pass",
        "checks": 1,
    }
    assert case["verdict"] == "pass"
    assert case["lines"] == {"pass": 1}
    assert footer["cases"] == {"pass": 1}
    assert footer["exit"] == 0


def test_a_run_that_dies_leaves_a_truncated_file(write):
    """Without workers, a crash ends the run; what was won is there, and so is what was being tried."""
    write(FINE, clause("exits", "assert torch.trouble('exit') == 1"))
    run = conformance("run", "--backend", "fakes:backend", "--results", "results.jsonl", "-n", "0")
    assert run.returncode == 3
    results = Results.read("results.jsonl")
    assert results.truncated
    assert list(results.cases) == [ID]
    assert len(results.planned) == 2
    assert list(records("results.jsonl"))[-1]["case"] == "specs/area/trouble.yaml::exits[cpu]"


def test_a_line_that_was_cut_is_passed_over(tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_text(
        '{"record":"header","format":1}\n{"record":"case","case":"a","verdict":"pass"}\n{"record":"ca'
    )
    assert list(Results.read(path).cases) == ["a"]


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_text('{"record":"header","format":99}\n')
    with pytest.raises(ValueError, match="not a results file"):
        Results.read(path)


def test_writers_share_a_file(tmp_path):
    path = tmp_path / "r.jsonl"
    ResultsWriter(path).write({"record": "old"})
    writers = [ResultsWriter(path, truncate=True), ResultsWriter(path)]
    for number in range(10):
        writers[number % 2].write({"record": "line", "number": number, "text": "µ" * number})
    assert [record["number"] for record in records(path)] == list(range(10))


def test_a_follower_waits_for_the_end_of_a_line(tmp_path):
    path = tmp_path / "r.jsonl"
    text = json.dumps({"record": "case", "case": "a", "verdict": "pass"}).encode() + b"\n"
    path.write_bytes(text[:20])
    follower = Follower(path)
    follower.catch_up()
    assert not follower.ended
    with open(path, "ab") as file:
        file.write(text[20:])
    follower.catch_up()
    assert follower.ended["a"]["verdict"] == "pass"


def test_plain_data_only():
    """JSON has no infinity, and defaults are left out."""
    failure = Failure("differs", ulp=float("inf"), times_tolerance=2.0)
    record = line_record("c", Line("s", "float32", Verdict.FAIL, failure, supplied=("vjp",)))
    assert record["failure"] == {"message": "differs", "ulp": "inf", "times_tolerance": 2.0}
    assert record["supplied"] == ["vjp"]
    json.dumps(record, allow_nan=False)


def test_a_case_without_lines_is_an_error():
    record = case_record("c", [], 0.0)
    assert record["verdict"] == "error"
    assert "nothing was checked" in record["reason"]


def test_diff(write, judge):
    write(FINE, clause("ones", "yield torch.ones_like(x)", given="x: leaf(3)", judge="reference"))
    judge("backend")
    os.rename("results.jsonl", "before.jsonl")
    judge("wrong")
    run = conformance("diff", "before.jsonl", "results.jsonl")
    assert run.returncode == 1
    assert run.stdout.splitlines()[-1].split() == ["pass", "->", "fail", "specs/area/trouble.yaml::ones[cpu]"]
    assert conformance("diff", "before.jsonl", "before.jsonl").returncode == 0
