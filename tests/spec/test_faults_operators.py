"""Faults of operator specs, and of formulas, signatures and argument lists."""

# ruff: noqa: E501 - messages are asserted whole

from __future__ import annotations

import pytest

from .bases import OPERATOR, Edit, faults

CASES: list[tuple[list[Edit], list[str]]] = [
    (
        [("torch.foo", "foo")],
        [
            "1:11: `foo` is not a documented name; as in `torch.nn.functional.softplus`",
        ],
    ),
    (
        [("torch.foo", "torch.bar")],
        [
            "1:11: `torch.bar` belongs in `torch/bar.yaml`",
        ],
    ),
    (
        [("(input, beta", "(input, beta, beta")],
        [
            "4:26: the parameter `beta` is there twice",
        ],
    ),
    (
        [("(input, beta=1.0, *, out=None)", "input, beta")],
        [
            "4:17: a signature: expected '(': `input, beta`",
        ],
    ),
    (
        [("(input, beta=1.0, *, out=None)", "(input: Tensor)")],
        [
            "4:18: not YAML: mapping values are not allowed in this context: `signature: (input: Tensor)`; a text that holds `: ` is quoted, or a `|` block",
        ],
    ),
    (
        [("signature: (input, beta=1.0, *, out=None)\n", "")],
        [
            "1:1: `signature` is missing",
        ],
    ),
    (
        [("beta=1.0", "beta=one")],
        [
            "4:25: unknown name `one`; did you mean `None`?",
        ],
    ),
    (
        [("  input: {", "  inptu: {")],
        [
            "6:3: `inptu` is not a parameter of `(input, beta, out)`; did you mean `input`?",
        ],
    ),
    (
        [("range: [-1, 1]", "range: [1]")],
        [
            "6:18: a list where two bounds are expected; as in `[-1, 1]`",
        ],
    ),
    (
        [("range: [-1, 1]", "range: [1, oops]")],
        [
            "6:22: unknown name `oops`",
        ],
    ),
    (
        [("range: [-1, 1]", "range: 3")],
        [
            "6:18: `3` where a list is expected",
        ],
    ),
    (
        [("range: [-1, 1]", "dtype: flaoting")],
        [
            "6:18: `flaoting` is not a dtype; did you mean `floating`?",
        ],
    ),
    (
        [("range: [-1, 1]", "shape: (8, 3)")],
        [
            "6:18: `(8, 3)` is cut at its comma; inside `{...}` quote it, or give each key a line of its own",
        ],
    ),
    (
        [("range: [-1, 1]", "optional: yes")],
        [
            "6:21: `yes` where `true` or `false` is expected; write `true`",
        ],
    ),
    (
        [("range: [-1, 1]", "optional: True")],
        [
            "6:21: `True` where `true` or `false` is expected; write `true`",
        ],
    ),
    (
        [("range: [-1, 1]", "points: 3")],
        [
            "6:19: `3` where a list is expected",
        ],
    ),
    (
        [("  exp(z)", "  y = exp(z)")],
        [
            "9:3: a formula ends without a value; its last line is an expression",
        ],
    ),
    (
        [("  exp(z)", "  return exp(z)")],
        [
            "9:3: `return` in a formula; its value is its last line",
        ],
    ),
    (
        [("  exp(z)", "  if beta > 1:\n      exp(z)")],
        [
            "9:3: a formula has no value when `beta > 1` is false; add `else:`",
        ],
    ),
    (
        [("  exp(z)", "  exq(z)")],
        [
            "9:3: unknown name `exq`; did you mean `eq`?",
        ],
    ),
    (
        [("  exp(z)", "  exp(z")],
        [
            "9:6: a formula: '(' was never closed: `exp(z`",
        ],
    ),
    (
        [("  exp(z)", "  class A: pass\n  z")],
        [
            "9:3: a class in a formula",
        ],
    ),
    (
        [("definition: |\n  z = beta * input\n  exp(z)\n", "")],
        [
            "1:1: `definition` is missing; only an operator with `random: true` has none",
        ],
    ),
    (
        [("definition: |", "definition:")],
        [
            "8:3: a formula of several lines; write a `|` block",
        ],
    ),
    (
        [("definition: |\n  z = beta * input\n  exp(z)", "definition: {a: b}")],
        [
            "7:13: a map is not a formula",
        ],
    ),
    (
        [
            (
                "definition:",
                "try:\n  steep: bta=2.0\n  over: 1, 2, 3\n  twice: 1, input=2\n  star: '*x'\n  not: a)(b\ndefinition:",
            )
        ],
        [
            "8:10: no parameter `bta` in `(input, beta, out)`; did you mean `beta`?",
            "9:15: `3`: one argument too many for `(input, beta, out)`",
            "10:13: `input` is given twice",
            "11:10: `*x`: arguments are written out",
            "12:8: not an argument list; as in `lr=0.1, momentum=0.9`",
        ],
    ),
    (
        [("inputs:\n  input: {range: [-1, 1]}\n", "")],
        [
            "1:1: the argument `input` is missing",
        ],
    ),
    (
        [("inputs:\n  input: {range: [-1, 1]}\n", "try:\n  a: beta=1\n")],
        [
            "6:6: the argument `input` is missing",
        ],
    ),
    (
        [("definition:", "gradient:\n  inptu: grad\n  beta: gard * result\ndefinition:")],
        [
            "8:3: `inptu` is not a parameter of `(input, beta, out)`; did you mean `input`?",
            "9:9: unknown name `gard`; did you mean `grad`?",
        ],
    ),
    (
        [
            (
                "definition:",
                "special:\n  a: {input: 0}\n  b: {result: 0}\n  c: {inptu: 0, result: 0}\n  d: {input: 0, result: [1, zero]}\n  e: {input: 0, gradient: {inptu: 1}}\ndefinition:",
            )
        ],
        [
            "8:7: claims neither a `result` nor a `gradient`",
            "9:6: `b` names no argument",
            "10:7: `inptu` is not a parameter of `(input, beta, out)`; did you mean `input`?",
            "11:29: unknown name `zero`; did you mean `zeros`?",
            "12:28: `inptu` is not a parameter of `(input, beta, out)`; did you mean `input`?",
        ],
    ),
    (
        [
            (
                "definition:",
                "errors:\n  a: {call: input=integers(3), raises: RuntimError}\n  b: {call: bta=3, raises: ValueError}\n  c: {call: bta=3, raises: TypeError}\n  d: {raises: TypeError}\ndefinition:",
            )
        ],
        [
            "8:40: `RuntimError` is not a built-in exception; did you mean `RuntimeError`?",
            "9:13: no parameter `bta` in `(input, beta, out)`; did you mean `beta`?",
            "11:3: `d` has no `call`",
        ],
    ),
    (
        [
            (
                "definition:",
                "try:\n  same: beta=2\nerrors:\n  same: {call: beta=integers(3), raises: RuntimeError}\ndefinition:",
            )
        ],
        [
            "10:3: the id `same` is used twice (first on line 8)",
        ],
    ),
    (
        [("definition:", "result: promoted\ndefinition:")],
        [
            "7:9: `promoted` is not a rule for the result's dtype; did you mean `promote`?",
        ],
    ),
    (
        [("definition:", "also: torch.Tensor.\ndefinition:")],
        [
            "7:7: `torch.Tensor.` is not a documented name; as in `torch.nn.functional.softplus`",
        ],
    ),
    (
        [
            (
                "definition:",
                "bench:\n  Large: beta=2\n  ok:\n    call: beta=2\n    operations: 2 * n\ndefinition:",
            )
        ],
        [
            "8:3: `Large` is not a label; words and numbers in lower case with hyphens, such as `large-batch`",
            "11:21: unknown name `n`",
        ],
    ),
    (
        [
            (
                "definition:",
                "overloads:\n  whole:\n    signature: (input)\n    inputs: {input: {}}\ndefinition:",
            )
        ],
        [
            "4:1: `signature` beside `overloads`; it belongs in each overload",
            "5:1: `inputs` beside `overloads`; it belongs in each overload",
            "8:3: `definition` is missing; only an operator with `random: true` has none",
            "11:1: `definition` beside `overloads`; it belongs in each overload",
        ],
    ),
]


@pytest.mark.parametrize(("edits", "expected"), CASES)
def test_fault(edits: list[Edit], expected: list[str]) -> None:
    assert faults(OPERATOR, *edits) == expected
