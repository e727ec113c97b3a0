"""A crash or a hang costs one verdict, and nothing that was won is ever lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from conformance.report.results import Results, records

from .conftest import clause, conformance

OPTIONS = ("--backend", "fakes:backend", "--results", "results.jsonl", "-q")


def case(id: str) -> str:
    return f"specs/area/trouble.yaml::{id}[cpu]"


def test_crashes_and_hangs_cost_one_verdict_each(write):
    troubles = ("exit", "segfault", "hang", "quit")
    fine = [clause(f"fine-{i}", "assert torch.trouble('') == 1") for i in range(8)]
    bad = [
        clause(f"{kind}-it", f"assert torch.trouble('') == 1\nassert torch.trouble('{kind}') == 1")
        for kind in troubles
    ]
    write(*fine[:4], *bad, *fine[4:])
    run = conformance("run", *OPTIONS, "-n", "2", "--timeout", "1")
    results = Results.read("results.jsonl")
    verdicts = {id: record["verdict"] for id, record in results.cases.items()}
    assert verdicts == {case(f"fine-{i}"): "pass" for i in range(8)} | {
        case(f"{kind}-it"): "error" for kind in troubles
    }
    assert results.footer["cases"] == {"pass": 8, "error": 4}
    assert run.returncode == 1
    reasons = {kind: results.cases[case(f"{kind}-it")]["reason"] for kind in troubles}
    assert reasons["hang"] == "hung for more than 1 s"
    assert "the worker that ran it died" in reasons["exit"]
    assert "the worker that ran it died" in reasons["segfault"]
    assert "SystemExit: enough" in reasons["quit"]
    assert "Traceback" not in run.stdout
    assert "hung for more than 1 s" in run.stdout


def test_lines_that_were_won_before_a_crash_are_kept(write, folder):
    write(
        clause(
            "halfway",
            "assert torch.trouble('exit' if dtype == torch.int64 else '') == 1",
            dtypes="float64, int64",
        )
    )
    conformance("run", *OPTIONS, "-n", "1")
    results = Results.read("results.jsonl")
    assert [(line["dtype"], line["verdict"]) for line in results.lines.values()] == [("float64", "pass")]
    assert results.cases[case("halfway")]["lines"] == {"pass": 1, "error": 1}


def workers_of(pid: int) -> list[int]:
    """The direct children of a process."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    try:
        return [int(child) for child in children.read_text().split()]
    except FileNotFoundError:
        return []


def grown(pids: list[int], seen: dict[int, float]) -> list[int]:
    """Those that have been there for a while: without a worker's first byte, xdist gives up."""
    now = time.monotonic()
    return [pid for pid in pids if now - seen.setdefault(pid, now) > 0.3]


def test_twenty_killed_workers_lose_no_verdict(write):
    """What the file had before a kill, it has after it, and every case is answered for."""
    number = 400
    write(*(clause(f"c-{i}", "assert torch.trouble('slow') == 1") for i in range(number)))
    chance = random.Random(20)
    command = [sys.executable, "-m", "conformance.cli", "run", *OPTIONS, "-n", "2"]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    won: dict[str, str] = {}
    seen: dict[int, float] = {}
    killed = 0
    deadline = time.monotonic() + 50
    while killed < 20 and run.poll() is None and time.monotonic() < deadline:
        time.sleep(chance.uniform(0.05, 0.5))
        if not (workers := grown(workers_of(run.pid), seen)):
            continue
        won |= {r["case"]: r["verdict"] for r in records("results.jsonl") if r["record"] == "case"}
        os.kill(chance.choice(workers), signal.SIGKILL)
        killed += 1
    output, _ = run.communicate(timeout=60)
    results = Results.read("results.jsonl")
    verdicts = {id: record["verdict"] for id, record in results.cases.items()}
    assert killed == 20, output
    assert {id: verdicts[id] for id in won} == won
    assert len(verdicts) == number
    errors = [id for id, verdict in verdicts.items() if verdict == "error"]
    assert len(errors) <= killed
    assert results.footer["cases"] == {"pass": number - len(errors)} | (
        {"error": len(errors)} if errors else {}
    )
