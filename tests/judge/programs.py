"""Programs beyond the slice on which the judge is calibrated: long sums, deep chains, saturated tails.

Each is a family, a name, a program in torch's vocabulary and its inputs as maker expressions.
"""

from __future__ import annotations

from collections.abc import Iterator

from conformance.case import Sample
from conformance.generate.common import prelude
from conformance.generate.makers import Makers, evaluate
from conformance.spec import Program, Text
from conformance.spec.formula import Expression

LENGTHS = (16, 128, 1024, 4096)

ELEMENTWISE = {
    "erf": "leaf(512, low=-5, high=5)",
    "erfc": "leaf(512, low=-5, high=9)",
    "tanh": "leaf(512, low=-9, high=9)",
    "sigmoid": "leaf(512, low=-30, high=30)",
    "log1p": "leaf(512, low=-0.9375, high=8)",
    "sin": "leaf(512, low=-64, high=64)",
    "rsqrt": "leaf(512, low=0.0078125, high=8)",
}
NORMALISING = {
    "softmax": "x.softmax(-1)",
    "log_softmax": "x.log_softmax(-1)",
    "logsumexp": "x.logsumexp(-1)",
    "norm": "((x * x).sum(-1)).sqrt()",
    "var": "x.var(-1)",
}
MLP = """\
h = x
for w in (a, b, c):
    h = (h @ w).tanh()
"""


def programs() -> Iterator[tuple[str, Sample]]:
    """Families with their samples."""
    for name, inputs in ELEMENTWISE.items():
        yield "elementwise", _sample(name, f"result = x.{name}()", x=inputs)
    for name, text in NORMALISING.items():
        for spread in (2, 64):
            yield (
                "softmax, norms",
                _sample(
                    f"{name} ±{spread}", f"result = {text}", x=f"leaf(4, 64, low=-{spread}, high={spread})"
                ),
            )
    for n in LENGTHS:
        wide = f"leaf(2, {n})"
        yield "matmul", _sample(f"matmul {n}", "result = x @ y", x=wide, y=f"leaf({n}, 2)")
        yield (
            "matmul",
            _sample(
                f"positive matmul {n}",
                "result = x @ y",
                x=f"leaf(2, {n}, low=0, high=1)",
                y=f"leaf({n}, 2, low=0, high=1)",
            ),
        )
        yield "sum, cumsum", _sample(f"sum {n}", "result = x.sum(1)", x=wide)
        yield "sum, cumsum", _sample(f"mean {n}", "result = (x * x).mean(1)", x=wide)
        yield "sum, cumsum", _sample(f"cumsum {n}", "result = x.cumsum(1)", x=wide)
    for channels in (2, 16, 113, 455):
        yield "convolution", _sample(
            f"conv2d of {9 * channels} terms", "result = torch.nn.functional.conv2d(x, w)",
            x=f"leaf(1, {channels}, 4, 4)", w=f"leaf(2, {channels}, 3, 3)",
        )  # fmt: skip
    for n in (8, 64, 512):
        yield "prod", _sample(f"prod {n}", "result = x.prod(1)", x=f"leaf(2, {n}, low=0.75, high=1.25)")
    for depth in (16, 64):
        matrices = {k: f"leaf({depth}, {depth}, low=-0.5, high=0.5)" for k in "abc"}
        yield (
            "mlp",
            _sample(f"mlp {depth}", MLP + "result = (h * h).mean()", x=f"leaf(8, {depth})", **matrices),
        )


def _sample(name: str, text: str, **inputs: str) -> Sample:
    leaves = ", ".join(inputs)
    text += (
        f"\nyield result\nfirst = vjp(result, ({leaves},), create_graph=True)\nyield first\n"
        f"yield vjp(first, ({leaves},), 1, allow_unused=True, materialize_grads=True)\n"
        if name not in FIRST_ORDER
        else f"\nyield result\nyield vjp(result, ({leaves},))\n"
    )
    given = {
        key: evaluate(Expression(Text(maker)), Makers(f"calibration:{name}:{key}"))
        for key, maker in inputs.items()
    }
    return Sample(name, Program(Text(text, "<calibration>")), given, (prelude(),))


FIRST_ORDER = frozenset(f"{kind} {n}" for kind in ("sum", "cumsum") for n in LENGTHS) | {"prod 512"}
"""Linear, or too large: their second derivatives are zero or slow."""
