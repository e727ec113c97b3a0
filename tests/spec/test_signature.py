"""Signatures and argument lists."""

from __future__ import annotations

import pytest

from conformance.spec import Arguments, Signature, SourceError, Text

SIGNATURE = Signature(Text("(input, beta=1.0, /, *rest, mode='mean', out=None, **more)"))
PLAIN = Signature(Text("(params, lr=1e-3, betas=(0.9, 0.999), *, foreach=None)"))


def test_parameters() -> None:
    parameters = SIGNATURE.parameters
    assert SIGNATURE.names == ("input", "beta", "rest", "mode", "out", "more")
    assert [name for name, p in parameters.items() if p.required] == ["input"]
    assert [name for name, p in parameters.items() if p.keyword_only] == ["mode", "out"]
    assert [name for name, p in parameters.items() if p.positional_only] == ["input", "beta"]
    assert {name: p.variadic for name, p in parameters.items() if p.variadic} == {"rest": "*", "more": "**"}
    assert {name: str(default) for name, default in SIGNATURE.defaults.items()} == {
        "beta": "1.0",
        "mode": "'mean'",
        "out": "None",
    }
    assert PLAIN.defaults["betas"].evaluate({}) == (0.9, 0.999)
    assert "lr" in PLAIN and "momentum" not in PLAIN


def bound(signature: Signature, text: str, **options: tuple[str, ...]) -> dict[str, str]:
    return {name: str(value) for name, value in signature.bind(text, **options).items()}


def test_binding() -> None:
    assert bound(PLAIN, "[p], 0.1, foreach=True") == {"params": "[p]", "lr": "0.1", "foreach": "True"}
    assert bound(PLAIN, "0.1, betas=(0, f(1))", without=("params",)) == {"lr": "0.1", "betas": "(0, f(1))"}
    assert bound(PLAIN, "") == {}
    assert bound(SIGNATURE, "x, 2, 3, 4, mode='a', size=5") == {
        "input": "x",
        "beta": "2",
        "rest": "(3, 4)",
        "mode": "'a'",
        "more": "{'size': 5}",
    }


@pytest.mark.parametrize(
    ("text", "column", "message", "suggestion"),
    [
        ("beta=1", 9, "no parameter `beta` in `(params, lr, betas, foreach)`", "did you mean `betas`?"),
        ("p, 1, 2, True", 18, "`True`: one argument too many for `(params, lr, betas, foreach)`", ""),
        ("p, params=1", 12, "`params` is given twice", ""),
        ("lr=1", 9, "the argument `params` is missing", ""),
    ],
)
def test_faults_of_binding(text: str, column: int, message: str, suggestion: str) -> None:
    with pytest.raises(SourceError) as caught:
        PLAIN.bind(Arguments(Text(text, "file.yaml", 7, 9)), supplied=())
    remark = caught.value.remarks[0]
    assert (remark.line, remark.column, remark.message, remark.suggestion) == (7, column, message, suggestion)


def test_what_is_supplied_is_not_missing() -> None:
    assert bound(PLAIN, "", supplied=("params",)) == {}
    with pytest.raises(SourceError):
        PLAIN.bind("", supplied=())


def test_arguments_over_several_lines() -> None:
    text = Text("lr=0.1,  # a comment\nbetas=(0.5,\n  0.5)\n", "file.yaml", 4, 3, "|", single=False)
    arguments = Arguments(text)
    assert {name: value.evaluate({}) for name, value in arguments.keywords.items()} == {
        "lr": 0.1,
        "betas": (0.5, 0.5),
    }
    assert (arguments.keywords["betas"].text.line, arguments.keywords["betas"].text.column) == (5, 9)
    assert arguments.positional == ()


def test_arguments_are_true_where_there_are_any() -> None:
    assert not Arguments(Text(""))
    assert Arguments(Text("1"))
    assert f"f({Arguments(Text('1, a=2'))})" == "f(1, a=2)"


@pytest.mark.parametrize("text", ["a)(b", "*x", "**x", "x for x in y", "a=1, a=2", "a b", "1; 2"])
def test_what_is_no_argument_list(text: str) -> None:
    with pytest.raises(SourceError):
        Arguments(Text(text))


@pytest.mark.parametrize(
    "text", ["", "input", "(a", "(a): pass", "(a, a)", "(a) -> int", "(1)", "(a=1, b)", "(x)(y)"]
)
def test_what_is_no_signature(text: str) -> None:
    with pytest.raises(SourceError):
        Signature(Text(text))
