"""Every verdict can be reached, and is shown."""

from __future__ import annotations

from .conftest import clause

ONES = clause(
    "ones", "yield torch.ones_like(x)", given="x: leaf(3)", judge="reference", dtypes="float64, float32"
)
FINE = clause("fine", "assert torch.trouble('') == 1")


def test_pass(write, judge):
    write(ONES, FINE)
    judged = judge("backend")
    judged.run.assert_outcomes(passed=2)
    assert judged.status == 0
    assert judged.verdict("ones") == judged.verdict("fine") == "pass"
    assert [line["dtype"] for line in judged.results.lines.values()] == ["float64", "float32", "float64"]


def test_fail_says_what_is_claimed_and_what_was_seen(write, judge):
    write(ONES)
    judged = judge("wrong")
    judged.run.assert_outcomes(failed=1)
    assert judged.status == 1
    judged.run.stdout.fnmatch_lines(
        [
            "The clause ones holds.",
            "https://example.org/trouble",
            "specs/area/trouble.yaml:10  (float64, program)",
            "  > yield torch.ones_like(x)",
            "    x = float64[[]3[]] (requires grad) *",
            "*differs at [[]0[]]",
            "*expected  1.0",
            "*seen      2.0",
            "*error *ulp, where nothing is rounded",
            "*conformance repro 'specs/area/trouble.yaml::ones[[]cpu[]]' --dtype float64 --sample program",
            "*1 more of this clause:",
            "*float32 program: differs*",
        ]
    )
    assert "Traceback" not in judged.text


def test_an_exception_is_a_failure_at_its_statement(write, judge):
    write(clause("raising", "torch.trouble('')\nassert torch.trouble('raise') == 1"))
    judged = judge("backend")
    assert judged.verdict("raising") == "fail"
    judged.run.stdout.fnmatch_lines(["*  torch.trouble('')", "  > assert torch.trouble('raise') == 1"])
    judged.run.stdout.fnmatch_lines(["*raised ArithmeticError: no such luck"])
    assert "Traceback" not in judged.text


def test_unsupported_is_named(write, judge):
    write(
        clause("no-name", "assert torch.nonsense.name(1) == 1"),
        clause("says-so", "assert torch.trouble('lack') == 1"),
        clause("no-capability", "assert torch.trouble('') == 1", dtypes="int64", needs="hooks"),
        clause("no-dtype", "assert torch.trouble('') == 1", dtypes="float64"),
        clause("fine", "assert torch.trouble('') == 1", dtypes="int64"),
    )
    judged = judge("poor", "-v")
    judged.run.assert_outcomes(skipped=4, passed=1)
    assert judged.status == 0
    judged.run.stdout.fnmatch_lines(
        ["unsupported", "*hooks: nobody has asked for them: 1 line*no-capability*"]
    )
    judged = judge("backend")
    judged.run.stdout.fnmatch_lines_random(["*torch.nonsense: 1 line*no-name*", "*patience: 1 line*says-so*"])


def test_known_deviation(write, judge, folder):
    write(ONES, FINE)
    folder.joinpath("known.yaml").write_text(
        "- clause: specs/area/trouble.yaml::ones\n  dtype: float32\n  reason: Ones are twos.\n"
        "  issue: https://example.org/1\n"
    )
    judged = judge("known")
    assert judged.verdict("ones") == "fail", "the entry speaks of one dtype only"
    judged = judge("known", "--dtype", "float32")
    judged.run.assert_outcomes(xfailed=1)  # `fine` says nothing of float32, so it is not planned


def test_stale_deviation(write, judge, folder):
    write(ONES, FINE)
    folder.joinpath("known.yaml").write_text(
        "- clause: specs/area/trouble.yaml::fine\n  reason: It fails.\n  issue: https://example.org/1\n"
        "- clause: specs/area/trouble.yaml::ones\n  reason: Ones are twos.\n  issue: https://example.org/2\n"
    )
    judged = judge("known")
    judged.run.assert_outcomes(passed=1, xfailed=1)
    assert judged.status == 0
    judged.run.stdout.fnmatch_lines(
        ["*known deviations", "*Ones are twos.*2 lines*", "*stale*", "*It fails.*1 line*"]
    )
    assert judge("known", "--strict-deviations").status == 1


def test_error_of_the_suite(write, judge):
    write(clause("quits", "assert torch.trouble('quit') == 1"), FINE)
    judged = judge("backend")
    judged.run.assert_outcomes(errors=1, passed=1)
    assert judged.status == 1
    judged.run.stdout.fnmatch_lines(["*error of the suite or of the backend: SystemExit: enough*"])


def test_nothing_checked_is_not_green(write, judge):
    write(clause("no-name", "assert torch.nonsense(1) == 1"))
    judged = judge("backend")
    judged.run.assert_outcomes(skipped=1)
    assert judged.status == 5
    judged.run.stdout.fnmatch_lines(["Nothing was checked*"])


def test_cut_short_is_not_run(write, judge):
    write(ONES, FINE, clause("last", "assert torch.trouble('') == 1"))
    judged = judge("wrong", "-x")
    assert judged.results.footer["cases"] == {"fail": 1, "not run": 2}
    judged.run.stdout.fnmatch_lines(["*area *1 (2) *2 *3*"])


def test_garbage_costs_its_own_verdicts_only(write, judge):
    write(ONES, FINE)
    judged = judge("garbage")
    judged.run.assert_outcomes(errors=1, passed=1)
    assert judged.verdict("fine") == "pass"
