"""Higher and other derivatives: forward mode, and the four compositions of two modes."""

from __future__ import annotations

from ..case import Sample
from .arguments import Arguments
from .derivation import Derivation

COMPOSITIONS = {
    "reverse over reverse": (
        "outputs = differentiable(function(*inputs))\n"
        "cotangents = tuple(like(part, 2, requires_grad=True) for part in outputs)\n"
        "first = torch.autograd.grad(outputs, inputs, cotangents, create_graph=True)\n"
        "leaves = inputs + cotangents\n"
        "second = tuple(torch.zeros_like(x) for x in leaves)  # where the gradient of a step function has no history\n"
        "if differentiable(first):\n"
        "    second = torch.autograd.grad(first, leaves, directions, materialize_grads=True)\n"
        "yield second\n"
    ),
    "forward over reverse": (
        "def slopes(*inputs):\n"
        "    return torch.func.grad(lambda *x: contracted(function(*x)), argnums=tuple(range(len(inputs))))(*inputs)\n"
        "yield torch.func.jvp(slopes, inputs, directions)[1]\n"
    ),
    "reverse over forward": (
        "def slope(*inputs):\n"
        "    return torch.func.jvp(lambda *x: contracted(function(*x)), inputs, directions)[1]\n"
        "yield torch.func.grad(slope, argnums=tuple(range(len(inputs))))(*inputs)\n"
    ),
    "forward over forward": (
        "def slope(*inputs):\n"
        "    return torch.func.jvp(lambda *x: contracted(function(*x)), inputs, directions)[1]\n"
        "yield torch.func.jvp(slope, inputs, directions)[1]\n"
    ),
}
"""How two modes of differentiation compose; all four give the Hessian times the directions."""


def forward_mode(of: Derivation) -> list[Sample]:
    """The directional derivative of every real call."""
    text = "yield torch.func.jvp(function, inputs, directions)\n"
    return [of.sample(call, curried(of, call, names) + text) for call, names in of.smooth() if call.second]


def second_order(of: Derivation) -> list[Sample]:
    """Every real call in each composition, as samples of their own: one that crashes hides no other."""
    samples = []
    for call, names in of.smooth():
        if not call.second:
            continue
        for composition, text in COMPOSITIONS.items():
            leaves = names if composition == "reverse over reverse" else ()
            program = curried(of, call, names) + text
            nothing = not next(iter(call.tensors.values())).values.size
            if nothing and "reduction" in of.body.signature.names:
                # What a mean over nothing hands back to its cotangent is an empty sum or 0 / 0: not asked.
                program = program.replace("inputs + cotangents", "inputs")
            samples.append(of.sample(call, program, leaves, f"{call.name}, {composition}"))
    return samples


def curried(of: Derivation, call: Arguments, names: tuple[str, ...]) -> str:
    """A function of the differentiable inputs alone, and a direction for each of them."""
    return (
        f"def function({', '.join(names)}):\n    return floating({call.text(of.name)})\n"
        f"inputs = ({', '.join(names)},)\n"
        "directions = tuple(like(x, 5 + i) for i, x in enumerate(inputs))\n"
    )
