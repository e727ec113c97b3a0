"""Cases of a family: lists of tensors of all sorts. Each form of each function is a sample of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..case import Case, Given, Sample
from ..spec.words import BOOLEAN, COMPLEX, FLOATING, INTEGER
from .common import case, generated, prelude, program_cases
from .makers import Makers, number
from .operator import LENGTHS
from .orders import COMPOSITIONS

if TYPE_CHECKING:
    from ..spec import FamilySpec, Members

KINDS = {
    "": FLOATING,
    " complex": COMPLEX,
    " signed": INTEGER[:-1],
    " unsigned": INTEGER[-1:],
    " bool": BOOLEAN,
}
"""What lists are made of, and the dtypes that can hold it."""
LIST = f"[scalar, empty, matrix, *(vector[:length] for length in {LENGTHS}), empty]"
LEAVES = ("scalar", "empty", "matrix", "vector")
LAID = {"float64": "transposed", "float32": "strided", "bfloat16": "offset"}
"""How the tensors in a list of several dtypes lie in memory, where they are not dense."""

Program = Callable[[str], str]
"""From the name of a function of lists to the text of a program."""


def family_cases(spec: FamilySpec) -> Iterator[Case]:
    """Values and derivatives of both forms, and what they refuse."""
    of = _Derived(spec)
    every = (*FLOATING, *COMPLEX, *INTEGER, *BOOLEAN)
    smooth = FLOATING + COMPLEX
    yield of.case(
        "value",
        "The function is applied to each tensor of the list, in order; the results are new tensors.",
        lambda: of.samples(False, value, every),
        dtypes=every,
        modes=("eager", "compile"),
    )
    yield of.case(
        "in-place",
        "The in-place form writes the same to the tensors themselves, and to what they are views of.",
        lambda: of.samples(True, in_place, every),
        dtypes=every,
        needs=frozenset({"inplace"}),
    )
    yield of.case(
        "mixed",
        "The tensors of one list may differ in dtype and in how they lie in memory.",
        lambda: [*of.mixed(False, mixed), *of.mixed(True, in_place_mixed)],
        dtypes=("float64",),
        needs=frozenset({"strides", "inplace"}),
    )
    yield of.case(
        "gradient",
        "The gradient of each tensor is that of the function; a tensor that is listed twice gets both.",
        lambda: of.samples(False, gradient, smooth, LEAVES),
        dtypes=smooth,
        needs=frozenset({"autograd"}),
    )
    yield of.case(
        "in-place-gradient",
        "So it is through the in-place form, which refuses a list with a leaf that requires grad.",
        lambda: of.samples(True, in_place_gradient, smooth, LEAVES),
        dtypes=smooth,
        needs=frozenset({"autograd", "inplace"}),
    )
    yield of.case(
        "forward-mode",
        "The directional derivative of each result is that of the function.",
        lambda: of.samples(False, forward_mode, FLOATING),
        needs=frozenset({"forward-mode"}),
    )
    yield of.case(
        "second-order",
        "The second derivatives are those of the function in all four compositions of modes.",
        of.second_order,
        needs=frozenset({"double-backward"}),
    )
    stated = {"dtypes": ("float32",), "judge": "literals"}
    yield of.case(
        "returns",
        "The value form returns a list, and the in-place form nothing.",
        lambda: of.both(
            "assert type({}([scalar, vector])) is list\n", "assert {}([scalar, vector]) is None\n"
        ),
        **stated,
    )
    checks = frozenset({"error-checks"})
    yield of.case(
        "integers-in-place",
        "A result that is a floating number is not stored in a tensor of integers.",
        of.integers,
        needs=checks | {"inplace"},
        **stated,
    )
    for id, entry in spec.errors.items():
        text = f"{entry.attempt}    {{}}({' '.join(entry.call.text.split())})\n"
        yield of.case(id, entry.sentence, partial(of.both, text, text), needs=checks, claim=entry, **stated)
    yield from program_cases(spec)


def value(f: str) -> str:
    return (
        f"@transformed\ndef function(*tensors):\n    return {f}(tensors)\n"
        f"results = function(*{LIST})\nyield results\n"
        "for result in results:\n    result.zero_()\n"
    )


def in_place(f: str) -> str:
    return (
        f"tensors = [tensor.clone() for tensor in {LIST}]\n"
        "versions = [tensor._version for tensor in tensors]\n"
        "whole = matrix.clone()\n"
        f"{f}([*tensors, whole[0], whole[1:, ::2], whole[1:, 1::2]])\n"
        "yield tensors\n"
        "yield whole\n"
        "assert all(tensor._version > version for tensor, version in zip(tensors, versions))\n"
    )


def mixed(f: str, tensors: str) -> str:
    return f"yield {f}([{tensors}, in_float64[:1].expand(3, 5)])\nyield {f}([{tensors}][::-1])\n"


def in_place_mixed(f: str, tensors: str) -> str:
    return (
        f"for step in (1, -1):\n    tensors = [tensor.clone() for tensor in ({tensors})][::step]\n"
        f"    {f}(tensors)\n    yield tensors\n"
    )


def gradient(f: str) -> str:
    return (
        f"results = {f}([scalar, empty, matrix, vector, matrix])\n"
        "yield results\nyield vjp(results, (scalar, empty, matrix, vector))\n"
    )


def in_place_gradient(f: str) -> str:
    return (
        "tensors = [tensor.clone() for tensor in (scalar, empty, matrix, vector, matrix.detach())]\n"
        f"{f}(tensors)\nyield tensors\n"
        "assert [tensor.requires_grad for tensor in tensors] == [True, True, True, True, False]\n"
        "yield vjp(tensors, (scalar, empty, matrix, vector))\n"
        f"with raises(RuntimeError):\n    {f}([matrix.detach().clone(), vector])\n"
    )


CURRIED = (
    "def function(*inputs):\n    return floating({}(inputs))\n"
    "inputs = (scalar, matrix[0], matrix[1:])\n"
    "directions = tuple(like(x, 5 + i) for i, x in enumerate(inputs))\n"
)


def forward_mode(f: str) -> str:
    return CURRIED.format(f) + "yield torch.func.jvp(function, inputs, directions)\n"


def given(members: Members, kind: str = "", leaves: Sequence[str] = ()) -> dict[str, Given]:
    """A scalar, nothing, a matrix and a long vector of one kind of numbers.

    The points are in every lane of the vector; those that are infinite or nan are not asked for a derivative.
    """
    makers = Makers(f"list{kind}")
    kinds: dict[str, Callable[..., Given]] = {
        "": makers.tensor,
        " complex": makers.complex_tensor,
        " signed": makers.integers,
        " unsigned": partial(makers.integers, low=0),
        " bool": makers.booleans,
    }
    make = kinds[kind]
    made = {"scalar": make(), "empty": make(0, 3), "matrix": make(3, 5), "vector": make(max(LENGTHS))}
    points = [float(number(point)) for point in members.points if not kind]
    points = [point for point in points if np.isfinite(point) or not leaves]
    if points:
        lanes = made["vector"].values[::3]  # no width of a register is divisible by three
        lanes[:] = np.resize(points, len(lanes))
    return {name: replace(tensor, requires_grad=name in leaves) for name, tensor in made.items()}


class _Derived:
    def __init__(self, spec: FamilySpec) -> None:
        self.spec = spec

    def case(self, id: str, says: str, samples: Callable[[], list[Sample]], **options: Any) -> Case:
        return case(self.spec, id, says, lambda mode: samples(), line=self.spec.line, **options)

    def sample(
        self, name: str, text: str, inputs: dict[str, Given], dtypes: tuple[str, ...] | None = None
    ) -> Sample:
        return Sample(name, generated(text, self.spec), inputs, (prelude(),), dtypes)

    def forms(self, in_place: bool) -> Iterator[tuple[str, str, Members, tuple[str, ...]]]:
        """One form of each function that has it: in short, in full, what it is one of, and the dtypes it takes."""
        for name, members in self.spec.members():
            if in_place:
                yield f"{name.removesuffix('_')}_", self.spec.form(name, True), members, members.kept
            elif not name.endswith("_"):
                yield name, self.spec.form(name, False), members, members.dtype

    def samples(
        self, in_place: bool, program: Program, dtypes: Sequence[str], leaves: Sequence[str] = ()
    ) -> list[Sample]:
        """One form of each function, on lists of each kind of numbers among ``dtypes`` that it takes."""
        return [
            self.sample(name + kind, program(f), given(members, kind, leaves), here)
            for name, f, members, taken in self.forms(in_place)
            for kind, family in KINDS.items()
            if (here := tuple(dtype for dtype in family if dtype in taken and dtype in dtypes))
        ]

    def both(self, value: str, in_place: str) -> list[Sample]:
        """Both forms of each function, each with a text of its own."""
        return [*self.samples(False, value.format, FLOATING), *self.samples(True, in_place.format, FLOATING)]

    def mixed(self, in_place: bool, program: Callable[[str, str], str]) -> list[Sample]:
        """All dtypes in one list, and in the other order: the first is not to decide for the rest."""
        found = []
        for name, f, members, taken in self.forms(in_place):
            inputs = {
                f"in_{dtype}": replace(
                    given(members, kind)["matrix"], dtype=dtype, layout=LAID.get(dtype, "contiguous")
                )
                for kind, family in KINDS.items()
                for dtype in family
                if dtype in taken
            }
            found.append(self.sample(name, program(f, ", ".join(inputs)), inputs))
        return found

    def second_order(self) -> list[Sample]:
        """Each composition by itself: one that crashes hides no other."""
        found = []
        for name, f, members, _ in self.forms(in_place=False):
            for composition, text in COMPOSITIONS.items():
                leaves = LEAVES if composition == "reverse over reverse" else ()
                sample = self.sample(
                    f"{name}, {composition}", CURRIED.format(f) + text, given(members, leaves=leaves)
                )
                found.append(sample)
        return found

    def integers(self) -> list[Sample]:
        """A list that ends in a tensor of integers, for each function whose result is none."""
        return [
            self.sample(
                name,
                f"with raises(RuntimeError):\n    {f}([scalar, whole])\n",
                {"scalar": given(members)["scalar"], "whole": given(members, " signed")["matrix"]},
            )
            for name, f, members, taken in self.forms(in_place=True)
            if "int64" in members.dtype and "int64" not in taken
        ]
