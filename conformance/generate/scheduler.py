"""Cases of a learning-rate scheduler: its timetable and closed form, and what every scheduler owes its user."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..case import Case, Sample
from .common import case, generated, program_cases
from .makers import Makers, number

if TYPE_CHECKING:
    from ..spec import SchedulerSpec, Timetable

EPOCHS = 30
GROUPS = "[{'params': [p], 'lr': 8.0}, {'params': [q], 'lr': 0.5}]"
RATES = "[group['lr'] for group in optimizer.param_groups]"


def scheduler_cases(spec: SchedulerSpec) -> Iterator[Case]:
    """The timetables; for each of `try` the closed form, resumed at every epoch too; the rules of the interface."""
    derived = _Derived(spec)
    timetables = [derived.timetable(number, entry) for number, entry in enumerate(spec.timetables)]
    if timetables:
        yield derived.case("timetable", "It gives the learning rates of the timetable.", timetables)
    trials = {str(id): " ".join(call.text.split()) for id, call in spec.tries.items()}
    for id, arguments in trials.items():
        says = f"With {arguments} every group follows the closed form at each of {EPOCHS} epochs."
        yield derived.case(id, says, [derived.curve(arguments)])
    samples = [
        derived.resume(id, arguments, other)
        for (id, arguments), other in zip(
            trials.items(), [*list(trials.values())[1:], *trials.values()], strict=False
        )
    ]
    yield derived.case(
        "resume", "Loaded into a fresh scheduler at any epoch, it continues as if never stopped.", samples
    )
    arguments = next(iter(trials.values()), "")
    yield derived.case(
        "construction",
        "The constructor records `initial_lr` and performs the step to epoch 0.",
        [derived.construction(arguments)],
    )
    yield derived.case(
        "wrong-order",
        "Calling it before the first `optimizer.step` gives a warning.",
        [derived.wrong_order(arguments)],
        judge="literals",
        needs=frozenset({"warnings"}),
    )
    for id, entry in spec.errors.items():
        says = entry.says or f"`{' '.join(entry.call.text.split())}` is refused with {entry.raises}."
        text = f"optimizer = {SGD}\nwith raises({entry.raises}):\n    {spec.scheduler}(optimizer, {entry.call.text})\n"
        yield derived.case(
            id,
            says,
            [derived.sample(text, id)],
            judge="literals",
            needs=frozenset({"error-checks", "optimizer-checks"}),
            claim=entry,
        )
    yield from program_cases(spec)


SGD = f"torch.optim.SGD({GROUPS}, lr=1.0)"
FRESH = "torch.optim.SGD([{'params': [p], 'lr': 3.0}, {'params': [q], 'lr': 1.5}], lr=2.0)"


class _Derived:
    def __init__(self, spec: SchedulerSpec) -> None:
        self.spec = spec

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

    def new(self, arguments: str) -> str:
        return f"{self.spec.scheduler}(optimizer, {arguments})"

    def timetable(self, position: int, entry: Timetable) -> Sample:
        rates = [float(number(rate)) for rate in entry.lr.parts]
        text = (
            f"optimizer = torch.optim.SGD([p], lr={float(number(entry.base_lr))})\n"
            f"scheduler = {self.new(entry.call.text)}\nrates = []\n"
            f"for epoch in range({len(rates)}):\n"
            "    rates.append(optimizer.param_groups[0]['lr'])\n    optimizer.step()\n    scheduler.step()\n"
            f"assert rates == {rates}\n"
        )
        return self.sample(text, f"timetable {position + 1}")

    def curve(self, arguments: str) -> Sample:
        text = (
            f"optimizer = {SGD}\nscheduler = {self.new(arguments)}\nrates = []\nreported = []\n"
            f"for epoch in range({EPOCHS}):\n    rates.append({RATES})\n    reported.append(scheduler.get_last_lr())\n"
            "    assert scheduler.last_epoch == epoch\n    optimizer.step()\n    scheduler.step()\n"
            "yield rates\nyield reported\n"
        )
        return self.sample(text, "curve")

    def resume(self, name: str, arguments: str, other: str) -> Sample:
        """Both fresh objects are built with other numbers: what is loaded replaces them."""
        text = (
            f"for stop in range({EPOCHS // 3}):\n"
            f"    optimizer = {SGD}\n    scheduler = {self.new(arguments)}\n"
            "    for epoch in range(stop):\n        optimizer.step()\n        scheduler.step()\n"
            "    saved = [optimizer.state_dict(), scheduler.state_dict()]\n"
            f"    optimizer = {FRESH}\n    scheduler = {self.new(other)}\n"
            "    optimizer.load_state_dict(saved[0])\n    scheduler.load_state_dict(saved[1])\n"
            "    yield scheduler.get_last_lr()\n    rates = []\n"
            f"    for epoch in range(stop, {EPOCHS}):\n        rates.append({RATES})\n"
            "        optimizer.step()\n        scheduler.step()\n    yield rates\n"
        )
        return self.sample(text, name)

    def construction(self, arguments: str) -> Sample:
        text = (
            f"optimizer = {SGD}\nscheduler = {self.new(arguments)}\n"
            "assert [group['initial_lr'] for group in optimizer.param_groups] == [8.0, 0.5]\n"
            f"assert scheduler.last_epoch == 0\nyield {RATES}\nyield scheduler.get_last_lr()\n"
        )
        return self.sample(text, "construction")

    def wrong_order(self, arguments: str) -> Sample:
        text = f"optimizer = {SGD}\nscheduler = {self.new(arguments)}\nwith warns(UserWarning):\n    scheduler.step()\n"
        return self.sample(text, "scheduler first")
