"""Cases of an optimizer: its trajectories, and what every optimizer owes its user."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..case import Case, Sample
from ..spec.words import COMPLEX
from .common import case, program_cases
from .trajectory import FEW, STEPS, Programs, joined

if TYPE_CHECKING:
    from ..spec import OptimizerSpec

IMPLEMENTATIONS = ("foreach", "fused", "capturable", "differentiable")
"""Options that ask for another implementation of the same algorithm."""

PLAIN = ("float64", "float32")
"""Where the width of the dtype has no part in the claim."""


def optimizer_cases(spec: OptimizerSpec) -> Iterator[Case]:
    """The trajectory of each of `try`; what may be given instead of numbers and dense reals; the rules of the
    interface; the other implementations; the errors."""
    derived = _Derived(spec)
    yield from derived.trajectories()
    yield from derived.kinds_of_input()
    yield from derived.interface()
    yield from derived.copies()
    yield from derived.implementations()
    yield from derived.refusals()
    yield from program_cases(spec)


class _Derived:
    def __init__(self, spec: OptimizerSpec) -> None:
        self.spec = spec
        self.programs = Programs(spec)
        tries = {str(id): " ".join(call.text.split()) for id, call in spec.tries.items()}
        without_any = all(not p.required for p in list(spec.signature.parameters.values())[1:])
        self.tries = {"defaults": "", **tries} if without_any else tries
        self.longest = max(self.tries.values(), key=len)
        self.asked = {
            option: joined(self.longest, f"{option}=True")
            for option in ("foreach", "fused")
            if option in spec.signature.names
        }
        """By an implementation that a CPU has too, an argument list that asks for it."""
        arguments = list(self.tries.values())
        self.others = dict(zip(self.tries, [*arguments[1:], arguments[0]], strict=True))
        self.other = self.others[next(id for id, a in self.tries.items() if a == self.longest)]

    def case(
        self, id: str, says: str, samples: list[Sample], needs: frozenset[str] = frozenset(), **options
    ) -> Case:
        needs = needs | {"optimizers"} | ({"sparse"} if self.spec.gradients == "sparse" else set())
        # What is kept between steps is kept in the dtype of the parameter.
        options = {"shared": False, **options}
        return case(self.spec, id, says, lambda mode: samples, line=self.spec.line, needs=needs, **options)

    def trajectories(self) -> Iterator[Case]:
        for id, arguments in self.tries.items():
            says = (
                f"With {arguments or 'its defaults'} every parameter and state entry follows the algorithm, "
                f"at each of {STEPS} steps."
            )
            yield self.case(id, says, [self.programs.trajectory(arguments)])

    def kinds_of_input(self) -> Iterator[Case]:
        programs, spec = self.programs, self.spec
        if spec.tensors:
            yield self.case(
                "tensor-options",
                f"A tensor of one element does for {' and '.join(spec.tensors)}; a step takes what is in it by then.",
                [
                    sample
                    for id, arguments, path in (
                        *((id, arguments, "") for id, arguments in self.tries.items()),
                        *((path, asked, path) for path, asked in self.asked.items() if path == "fused"),
                    )
                    for option in spec.tensors
                    for sample in programs.tensor_option(
                        arguments, option, self.value(arguments, option), id, path
                    )
                ],
                dtypes=PLAIN,
            )
        if spec.pointwise:
            yield self.case(
                "complex",
                "A complex parameter makes the step of its real and imaginary parts, each by itself.",
                [
                    *(programs.complex(arguments, id) for id, arguments in self.tries.items()),
                    *(programs.complex(a, path, path) for path, a in self.asked.items() if path == "foreach"),
                ],
                dtypes=COMPLEX,
            )
        if spec.gradients == "either":
            yield self.case(
                "sparse-gradients",
                "A gradient of a sparse layout makes the step of the dense one with the same elements.",
                [programs.sparse(arguments, id) for id, arguments in self.tries.items()],
                needs=frozenset({"sparse"}),
            )

    def value(self, arguments: str, option: str) -> str:
        """What an option is in an argument list, or by default."""
        bound = self.spec.signature.bind(arguments, without=self.spec.signature.names[:1])
        return str((bound.get(option) or self.spec.signature.defaults[option]).text)

    def interface(self) -> Iterator[Case]:
        programs, longest = self.programs, self.longest
        yield self.case(
            "param-groups",
            "The options of a parameter group override the defaults.",
            [
                *programs.groups(longest),
                *(programs.mixed_groups(a, self.others[id], id) for id, a in self.tries.items()),
                *(
                    programs.mixed_groups(a, joined(self.other, f"{path}=True"), path, path)
                    for path, a in self.asked.items()
                ),
            ],
        )
        yield self.case(
            "none-gradient",
            "A parameter without a gradient is left alone, and so is its state.",
            [
                programs.none_gradient(longest),
                *(programs.none_gradient(a, path, path) for path, a in self.asked.items()),
            ],
        )
        yield self.case(
            "zero-size",
            "A parameter without elements does not disturb those beside it.",
            [
                programs.zero_size(longest, "loop"),
                *(programs.zero_size(a, path, path) for path, a in self.asked.items()),
            ],
        )
        yield self.case(
            "closure",
            "`step` calls the closure once, with gradients enabled, and returns its loss.",
            [programs.closure(longest)],
        )
        yield self.case(
            "zero-grad",
            "`zero_grad` drops the gradients, or zeroes them with `set_to_none=False`.",
            [programs.zero_grad(longest)],
        )
        yield self.case(
            "caller-state",
            "`step` leaves the gradients as they were.",
            [
                programs.gradients_kept(longest),
                *(programs.gradients_kept(a, path, path) for path, a in self.asked.items()),
            ],
        )

    def copies(self) -> Iterator[Case]:
        """Claims of bits: the backend is compared with itself, and by the trajectories with the algorithm."""
        programs = self.programs
        yield self.case(
            "resume",
            "Saved after any step and loaded into a fresh optimizer, it continues bit for bit as if never interrupted.",
            [
                *(programs.resume(arguments, self.others[id], id) for id, arguments in self.tries.items()),
                *(
                    programs.resume(a, joined(self.other, f"{path}=True"), path)
                    for path, a in self.asked.items()
                ),
            ],
            judge="law",
        )
        yield self.case(
            "deepcopy",
            "A deep copy of an optimizer goes on as the original does, bit for bit.",
            [programs.copied(arguments, "copy.deepcopy", id) for id, arguments in self.tries.items()],
            judge="law",
            dtypes=PLAIN,
        )
        yield self.case(
            "pickle",
            "An optimizer that went through pickle goes on as the original does, bit for bit.",
            [programs.copied(arguments, "pickled", id) for id, arguments in self.tries.items()],
            judge="law",
            dtypes=PLAIN,
            needs=frozenset({"serialization"}),
        )

    def implementations(self) -> Iterator[Case]:
        programs = self.programs
        for option in IMPLEMENTATIONS:
            if option in self.spec.signature.names:
                before, steps = "", 2 * FEW
                if option == "differentiable":
                    # A leaf that requires grad cannot be written to by a step that is itself recorded, which costs.
                    before = f"{', '.join(programs.names)} = [x.clone() for x in {programs.all}]\n"
                    steps = FEW
                yield self.case(
                    option,
                    f"The `{option}` implementation follows the same trajectory, and it is the one that runs.",
                    [
                        programs.trajectory(
                            joined(arguments, f"{option}=True"), id, before, f"range({steps})", path=option
                        )
                        for id, arguments in self.tries.items()
                    ],
                    accelerator=option == "capturable",
                )
        if "differentiable" in self.spec.signature.names:
            yield self.case(
                "derivatives",
                "Differentiable steps have the derivatives of the algorithm: by the parameters, the gradients"
                + (" and the learning rate." if "lr" in self.spec.tensors else "."),
                [
                    *(programs.derivatives(arguments, id) for id, arguments in self.tries.items()),
                    *(
                        programs.derivatives(arguments, f"{id}, by lr", self.value(arguments, "lr"))
                        for id, arguments in self.tries.items()
                        if "lr" in self.spec.tensors
                    ),
                ],
                needs=frozenset({"differentiable-optimizers"}),
                dtypes=PLAIN,
            )

    def refusals(self) -> Iterator[Case]:
        for id, entry in self.spec.errors.items():
            text = f"{entry.attempt}    {self.programs.new('[p]', entry.call.text)}\n"
            yield self.case(
                id,
                entry.sentence,
                [self.programs.sample(text)],
                judge="literals",
                dtypes=("float32",),
                needs=frozenset({"error-checks", "optimizer-checks"}),
                claim=entry,
            )
