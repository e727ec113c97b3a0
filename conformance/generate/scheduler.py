"""Cases of a learning-rate scheduler: its timetable and schedule, and what every scheduler owes its user."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ..case import Case, Sample
from .common import case, generated, program_cases
from .makers import Makers
from .schedules import Programs, forms

if TYPE_CHECKING:
    from ..spec import SchedulerSpec

OUTSIDE = {
    "stays": "What follows a change of the rate from outside is as many times larger.",
    "lost": "A change of the rate from outside is gone after the next step.",
}


def scheduler_cases(spec: SchedulerSpec) -> Iterator[Case]:
    """The timetables; for each of `try` the schedule; what is asked with each of them; warnings and errors."""
    derived = _Derived(spec)
    if spec.timetables:
        timetables = [
            derived.sample(derived.plain.timetable(entry), f"timetable {position}")
            for position, entry in enumerate(spec.timetables, 1)
        ]
        yield derived.case("timetable", "It gives the learning rates of the timetable.", timetables)
    for id, arguments in derived.tries.items():
        says = f"With {arguments or 'its defaults'} every group follows the schedule, epoch by epoch."
        yield derived.case(id, says, derived.forms("", Programs.curve, arguments))
    yield from _interface(derived)
    yield from _warnings(derived)
    for id, entry in spec.errors.items():
        text = derived.plain.refused(entry)
        yield derived.case(
            id,
            entry.sentence,
            [derived.sample(text, id)],
            judge="literals",
            needs=frozenset({"error-checks", "optimizer-checks"}),
            claim=entry,
        )
    yield from program_cases(spec)


def _interface(derived: _Derived) -> Iterator[Case]:
    """What every scheduler owes its user, whatever its options."""
    spec, tries = derived.spec, list(derived.tries.values())
    following = dict(zip(derived.tries, [*tries[1:], *tries], strict=False))
    yield derived.each(
        "resume",
        "Loaded into a fresh scheduler at any epoch, it continues as if never stopped.",
        lambda p, id: p.resume(derived.tries[id], following[id]),
    )
    if spec.lr is not None:
        yield derived.once(
            "by-last-epoch",
            "Built for the epoch where another one stopped, around an optimizer that has its state and is given it once"
            " more, it continues as if never stopped.",
            lambda p, id: p.by_last_epoch(derived.tries[id]),
        )
        yield derived.each(
            "construction",
            "The constructor records `initial_lr` and performs the step to epoch 0.",
            lambda p, id: p.construction(derived.tries[id]),
        )
        if spec.jumps != "unsupported":
            yield derived.once(
                "step-to-epoch",
                "A step that is told its epoch takes the rate of that epoch, and the next one goes on from there.",
                lambda p, id: p.step_to_epoch(derived.tries[id]),
            )
    if spec.outside in OUTSIDE:
        yield derived.once(
            "outside-change", OUTSIDE[spec.outside], lambda p, id: p.outside_change(derived.tries[id])
        )
    yield derived.once(
        "tensor-rate",
        "A learning rate that is a tensor stays that tensor, and what is reported is a copy.",
        lambda p, id: p.tensor_rate(derived.tries[id]),
    )
    yield derived.once(
        "caller-state",
        "Loading leaves the dictionary as it was.",
        lambda p, id: p.caller_state(derived.tries[id]),
        judge="round trip",
    )
    yield derived.once(
        "kept-in-a-file",
        "What is saved can be kept in a file.",
        lambda p, id: p.kept_in_a_file(derived.tries[id]),
        judge="round trip",
        needs=frozenset({"serialization"}),
    )


def _warnings(derived: _Derived) -> Iterator[Case]:
    spec, first = derived.spec, next(iter(derived.tries.values()), "")
    needs = frozenset({"warnings"})
    if spec.lr is not None:
        yield derived.case(
            "wrong-order",
            "Calling it before the first `optimizer.step` gives a warning, and skips the rate of epoch 0.",
            [derived.sample(derived.plain.wrong_order(first), "scheduler first")],
            needs,
            judge="literals",
        )
    if spec.lr is not None and spec.jumps == "deprecated":
        yield derived.case(
            "epoch-deprecated",
            "A step that is told its epoch gives a warning.",
            [derived.sample(derived.plain.told_epoch(first), "told an epoch")],
            needs,
            judge="literals",
        )


class _Derived:
    def __init__(self, spec: SchedulerSpec) -> None:
        self.spec = spec
        self.programs = {form: Programs(spec, form) for form in forms(spec)}
        self.plain = next(iter(self.programs.values()))
        self.tries = {str(id): " ".join(call.text.split()) for id, call in spec.tries.items()}

    def case(
        self, id: str, says: str, samples: list[Sample], needs: frozenset[str] = frozenset(), **options
    ) -> Case:
        # Learning rates are Python floats: one dtype of the parameters shows all there is to see.
        options = {"dtypes": ("float64",), "shared": False, **options}
        needs = needs | {"optimizers"}
        return case(self.spec, id, says, lambda mode: samples, line=self.spec.line, needs=needs, **options)

    def sample(self, text: str, name: str) -> Sample:
        makers = Makers(f"{self.spec.scheduler}:{name}")
        return Sample(name, generated(text, self.spec), {"p": makers.leaf(2), "q": makers.leaf(3)})

    def forms(self, name: str, write: Callable[..., str], *arguments: str) -> list[Sample]:
        """A sample for each form of a program."""
        several = len(self.programs) > 1
        return [
            self.sample(
                write(programs, *arguments),
                ", ".join(filter(None, (name, form if several or not name else ""))),
            )
            for form, programs in self.programs.items()
        ]

    def each(self, id: str, says: str, write: Callable[[Programs, str], str], **options) -> Case:
        """A case with samples for each of `try` in each form, which ``write`` makes of its id."""
        samples = [sample for name in self.tries for sample in self.forms(name, write, name)]
        return self.case(id, says, samples, **options)

    def once(self, id: str, says: str, write: Callable[[Programs, str], str], **options) -> Case:
        """The same in one form: what it is about does not depend on that."""
        samples = [self.sample(write(self.plain, name), name) for name in self.tries]
        return self.case(id, says, samples, **options)
