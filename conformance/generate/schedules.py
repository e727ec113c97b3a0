"""The programs that a scheduler is asked by, around an optimizer with two groups that begin at different rates."""

from __future__ import annotations

from textwrap import indent
from typing import TYPE_CHECKING

from .makers import CONSTANTS, FUNCTIONS, number
from .trajectory import joined

if TYPE_CHECKING:
    from ..spec import Expression, Refusal, SchedulerSpec, Timetable

EPOCHS = 200
FURTHER = 4
"""Epochs that a resumed scheduler is followed for, from every epoch on."""
FEW = 24
"""Epochs of the programs that are about something else than the schedule."""
JUMPS = (3, 11, 2, 0, 7)
GROUPS = "[{'params': [p], 'lr': 8.0}, {'params': [q], 'lr': 0.5}]"
OTHERS = "[{'params': [p], 'lr': 3.0}, {'params': [q], 'lr': 1.5}]"
TENSORS = "[{'params': [p], 'lr': rates[0]}, {'params': [q], 'lr': rates[1]}]"
SHOWN = {
    "plain": "group['initial_lr'], group['lr']",
    "momentum": "group['initial_lr'], group['lr'], group['momentum']",
    "betas": "group['initial_lr'], group['lr'], *group['betas']",
    "falling metric": "group['lr'],",
    "rising metric": "group['lr'],",
}
"""By the form of a program, the numbers of a group that it looks at."""
METRIC = "4.0 * 0.5 ** (epoch // 20) + (epoch * 7 % 5) / 64"
"""Falls every twenty epochs, with bumps between."""


def forms(spec: SchedulerSpec) -> tuple[str, ...]:
    """The forms that programs for a scheduler have."""
    if spec.step is not None:
        return ("falling metric", "rising metric")
    return ("momentum", "betas") if spec.momentum is not None else ("plain",)


class Programs:
    """Programs of one form: with one kind of optimizer, or with one sequence of metrics."""

    def __init__(self, spec: SchedulerSpec, form: str) -> None:
        self.spec = spec
        self.kind = "Adam" if form == "betas" else "SGD"
        self.options = ", momentum=0.5" if form == "momentum" else ""
        self.told = "metrics[epoch - 1]" if form.endswith("metric") else ""
        self.helper = _under(
            "def numbers(optimizer):\n",
            f"return [n for group in optimizer.param_groups for n in ({SHOWN[form]})]\n",
        )
        sign = "-" if form == "rising metric" else ""
        self.metrics = f"metrics = [{sign}({METRIC}) for epoch in range({EPOCHS})]\n" if self.told else ""

    # Parts

    def optimizer(self, groups: str = GROUPS) -> str:
        return f"torch.optim.{self.kind}({groups}, lr=1.0{self.options})"

    def new(self, arguments: str, optimizer: str = "optimizer") -> str:
        return f"{self.spec.scheduler}({joined(optimizer, arguments)})"

    def begin(self, arguments: str, groups: str = GROUPS) -> str:
        return f"{self.metrics}optimizer = {self.optimizer(groups)}\nscheduler = {self.new(arguments)}\n"

    def step(self, optimizer: str = "optimizer", scheduler: str = "scheduler") -> str:
        """From the epoch before the one that is called ``epoch`` to that one."""
        return f"{optimizer}.step()\n{scheduler}.step({self.told})\n"

    def each(self, arguments: str, body: str, most: int = EPOCHS) -> str:
        """A loop over the epochs of the schedule, with a body for each."""
        loop = f"for epoch in range({min(most, self.length(arguments))}):\n"
        return _under(loop, _under("if epoch > 0:\n", self.step()) + body)

    def length(self, arguments: str) -> int:
        """How many epochs the schedule has, at most all that are looked at."""
        if self.spec.ends is None:
            return EPOCHS
        names = {**CONSTANTS, **FUNCTIONS}
        given = {**self.spec.signature.defaults, **self.bound(arguments)}
        return min(EPOCHS, self.spec.ends.evaluate(names, **{n: e.evaluate(names) for n, e in given.items()}))

    def bound(self, arguments: str) -> dict[str, Expression]:
        return self.spec.signature.bind(arguments, without=self.spec.signature.names[:1])

    def others(self, arguments: str, other: str) -> str:
        """The other arguments, for a scheduler that is to load a state: functions are no part of that."""
        functions = self.spec.functions
        kept = {n: v for n, v in self.bound(other).items() if n not in functions}
        kept |= {n: v for n, v in self.bound(arguments).items() if n in functions}
        return ", ".join(f"{name}={value.text}" for name, value in kept.items())

    # Programs

    def timetable(self, entry: Timetable) -> str:
        columns = {"lr": entry.lr, "momentum": entry.momentum}
        wanted = {key: [float(number(n)) for n in column.parts] for key, column in columns.items() if column}
        base = float(number(entry.base_lr)) if entry.base_lr else 1.0
        metrics = [float(number(n)) for n in entry.metric.parts] if entry.metric else None
        text = f"metrics = {metrics}\n" if metrics else ""
        text += f"optimizer = torch.optim.{self.kind}([p], lr={base}{self.options})\n"
        text += f"scheduler = {self.new(entry.call.text)}\nseen = []\n"
        text += _under(
            f"for epoch in range({len(wanted['lr'])}):\n",
            _under("if epoch > 0:\n", self.step()) + "seen.append(dict(optimizer.param_groups[0]))\n",
        )
        return text + "".join(
            f"assert [group[{key!r}] for group in seen] == {rates}\n" for key, rates in wanted.items()
        )

    def curve(self, arguments: str) -> str:
        body = "yield [*numbers(optimizer), *scheduler.get_last_lr()]\nassert scheduler.last_epoch == epoch\n"
        return self.helper + self.begin(arguments) + self.each(arguments, body)

    def resume(self, arguments: str, other: str) -> str:
        """Both fresh objects are built with other numbers: what is loaded replaces them."""
        fresh = (
            "saved = [optimizer.state_dict(), scheduler.state_dict()]\n"
            f"fresh = {self.optimizer(OTHERS)}\nresumed = {self.new(self.others(arguments, other), 'fresh')}\n"
            "fresh.load_state_dict(saved[0])\nresumed.load_state_dict(saved[1])\n"
            "assert resumed.last_epoch == stop\nyield [*numbers(fresh), *resumed.get_last_lr()]\n"
        )
        return self.followed(arguments, fresh)

    def by_last_epoch(self, arguments: str) -> str:
        """The constructor sets rates, so that the optimizer's state is loaded once more after it."""
        resumed = self.new(joined(arguments, "last_epoch=stop - 1"), "fresh")
        fresh = (
            f"saved = optimizer.state_dict()\nfresh = {self.optimizer(OTHERS)}\nfresh.load_state_dict(saved)\n"
            f"resumed = {resumed}\nfresh.load_state_dict(saved)\nassert resumed.last_epoch == stop\n"
        )
        return self.followed(arguments, fresh)

    def followed(self, arguments: str, fresh: str) -> str:
        """At every epoch something fresh that takes over, is followed for a few epochs, and goes back to the start."""
        length = self.length(arguments)
        on = self.step("fresh", "resumed") + "yield numbers(fresh)\n"
        on = _under(f"for epoch in range(stop + 1, min(stop + {1 + FURTHER}, {length})):\n", on)
        if self.spec.lr is not None and self.spec.jumps != "unsupported":
            on += "resumed.step(0)\nyield numbers(fresh)\n"
        body = fresh + on + f"if stop == {length - 1}:\n    break\nepoch = stop + 1\n" + self.step()
        return self.helper + self.begin(arguments) + _under(f"for stop in range({length}):\n", body)

    def construction(self, arguments: str) -> str:
        body = "assert scheduler.last_epoch == 0\nyield [*numbers(optimizer), *scheduler.get_last_lr()]\n"
        return self.helper + self.begin(arguments) + body

    def step_to_epoch(self, arguments: str) -> str:
        jumps = [epoch for epoch in JUMPS if epoch + 1 < self.length(arguments)]
        body = (
            "optimizer.step()\nscheduler.step(epoch)\nassert scheduler.last_epoch == epoch\n"
            "yield [*numbers(optimizer), *scheduler.get_last_lr()]\n"
            "optimizer.step()\nscheduler.step()\nassert scheduler.last_epoch == epoch + 1\nyield numbers(optimizer)\n"
        )
        return self.helper + self.begin(arguments) + _under(f"for epoch in {jumps}:\n", body)

    def outside_change(self, arguments: str) -> str:
        change = "for group in optimizer.param_groups:\n    group['lr'] = 4.0 * group['lr']\n"
        body = "yield numbers(optimizer)\n" + _under("if epoch == 1:\n", change)
        return self.helper + self.begin(arguments) + self.each(arguments, body, FEW)

    def tensor_rate(self, arguments: str) -> str:
        rates = "rates = [torch.tensor(rate, dtype=torch.float64, device=device) for rate in (8.0, 0.5)]\n"
        body = (
            "assert all(group['lr'] is rate for group, rate in zip(optimizer.param_groups, rates))\n"
            "reported = scheduler.get_last_lr()\nseen = [float(rate) for rate in reported]\n"
            "for rate in reported:\n    rate.fill_(100.0)\nyield [*seen, *map(float, numbers(optimizer))]\n"
        )
        return self.helper + rates + self.begin(arguments, TENSORS) + self.each(arguments, body, FEW)

    def caller_state(self, arguments: str) -> str:
        twice = (
            "optimizer.step()\nsaved = scheduler.state_dict()\nbefore = copy.deepcopy(saved)\n"
            f"for number in range(2):\n    scheduler = {self.new(arguments)}\n    scheduler.load_state_dict(saved)\n"
            "    optimizer.step()\n    scheduler.step({told})\n    assert saved == before\n"
        ).format(told=self.told.replace("epoch - 1", "number"))
        return self.metrics + self.begin(arguments) + twice

    def kept_in_a_file(self, arguments: str) -> str:
        kept = (
            "saved = scheduler.state_dict()\nfile = io.BytesIO()\ntorch.save(saved, file)\nfile.seek(0)\n"
            "assert torch.load(file) == saved\n"
        )
        return self.begin(arguments) + self.each(arguments, "", 3) + kept

    def wrong_order(self, arguments: str) -> str:
        """The rates of later epochs are those of the right order, with the first one left out."""
        steps = "for epoch in range(3):\n    scheduler.step()\nskipped = numbers(optimizer)\n"
        warned = f"with warns(UserWarning):\n    scheduler.step()\nassert scheduler.last_epoch == 1\n{steps}"
        right = "for epoch in range(4):\n    optimizer.step()\n    scheduler.step()\n"
        right += "assert skipped == numbers(optimizer)\n"
        return f"{self.helper}{self.begin(arguments)}{warned}{self.begin(arguments)}{right}"

    def told_epoch(self, arguments: str) -> str:
        return f"{self.begin(arguments)}optimizer.step()\nwith warns(UserWarning):\n    scheduler.step(3)\n"

    def refused(self, entry: Refusal) -> str:
        return f"optimizer = {self.optimizer()}\n{entry.attempt}    {self.new(entry.call.text)}\n"


def _under(head: str, body: str) -> str:
    return head + indent(body, "    ")
