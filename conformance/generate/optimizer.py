"""Cases of an optimizer: its trajectories, and what every optimizer owes its user."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import indent
from typing import TYPE_CHECKING

from ..case import Case, Sample
from .common import case, generated, prelude, program_cases
from .makers import Makers

if TYPE_CHECKING:
    from ..spec import OptimizerSpec

STEPS = 8
IMPLEMENTATIONS = {
    "foreach": "",
    "fused": "",
    "capturable": "",
    "differentiable": "p, q, r = p.clone(), q.clone(), r.clone()\n",  # it refuses to write to leaves
}
"""Arguments that choose another implementation of the same algorithm, and what their parameters need."""


def optimizer_cases(spec: OptimizerSpec) -> Iterator[Case]:
    """For each of `try` a trajectory and a resumed one; then the implementations and the rules of the interface."""
    derived = _Derived(spec)
    tries = {str(id): " ".join(call.text.split()) for id, call in spec.tries.items()}
    if derived.has_defaults:
        tries = {"defaults": "", **tries}
    for id, arguments in tries.items():
        yield derived.case(
            id,
            f"With {arguments or 'its defaults'} every parameter and state entry follows the algorithm, step by step.",
            derived.trajectory(arguments),
        )
    longest = max(tries.values(), key=len)
    others = dict(zip(tries, [*list(tries.values())[1:], *tries.values()], strict=False))
    yield derived.case(
        "resume",
        "Saved after any step and loaded into a fresh optimizer, it continues as if never interrupted.",
        [
            sample
            for id, arguments in tries.items()
            for sample in derived.resume(
                id, arguments, others[id], (0, 1, 5) if arguments == longest else (5,)
            )
        ],
    )
    yield derived.case(
        "param-groups",
        "The options of a parameter group override the defaults.",
        [
            *derived.groups(longest),
            *(derived.mixed_groups(id, arguments, others[id]) for id, arguments in tries.items()),
        ],
    )
    yield derived.case(
        "none-gradient",
        "A parameter without a gradient is left alone, and so is its state.",
        derived.none_gradient(longest),
    )
    yield derived.case(
        "closure",
        "`step` calls the closure once, with gradients enabled, and returns its loss.",
        derived.closure(longest),
    )
    yield derived.case(
        "zero-grad",
        "`zero_grad` drops the gradients, or zeroes them with `set_to_none=False`.",
        derived.zero_grad(longest),
    )
    yield derived.case(
        "caller-state", "`step` leaves the gradients as they were.", derived.gradients_kept(longest)
    )
    for option, preparation in IMPLEMENTATIONS.items():
        if option in spec.signature.names:
            yield derived.case(
                option,
                f"The `{option}` implementation follows the same trajectory.",
                [
                    s
                    for id, a in tries.items()
                    for s in derived.trajectory(_with(a, f"{option}=True"), id, preparation)
                ],
                accelerator=option == "capturable",
            )
    for id, entry in spec.errors.items():
        says = entry.says or f"`{' '.join(entry.call.text.split())}` is refused with {entry.raises}."
        text = f"with raises({entry.raises}):\n    {spec.optimizer}([p], {entry.call.text})\n"
        yield derived.case(
            id,
            says,
            [derived.sample(text)],
            judge="literals",
            dtypes=("float32",),
            needs=frozenset({"error-checks", "optimizer-checks"}),
            claim=entry,
        )
    yield from program_cases(spec)


def _with(arguments: str, more: str) -> str:
    return f"{arguments}, {more}" if arguments else more


class _Derived:
    def __init__(self, spec: OptimizerSpec) -> None:
        self.spec = spec
        self.states = [str(name) for name in spec.state]
        parameters = list(spec.signature.parameters.values())
        self.has_defaults = all(not p.required for p in parameters[1:])

    def case(
        self, id: str, says: str, samples: list[Sample], needs: frozenset[str] = frozenset(), **options
    ) -> Case:
        needs = needs | {"optimizers"}
        options = {
            "shared": False,
            **options,
        }  # what is kept between steps is kept in the dtype of the parameter
        return case(self.spec, id, says, lambda mode: samples, line=self.spec.line, needs=needs, **options)

    def sample(self, text: str, name: str = "trajectory") -> Sample:
        makers = Makers(f"{self.spec.optimizer}:{name}")
        inputs = {"p": makers.leaf(3), "q": makers.leaf(2, 2), "r": makers.leaf()}
        return Sample(name, generated(text, self.spec), inputs, (prelude(),))

    def new(self, parameters: str, arguments: str) -> str:
        return f"{self.spec.optimizer}({_with(parameters, arguments)})"

    def yields(self, *parameters: str) -> str:
        names = ", ".join(parameters)
        lines = [f"yield [{names}]"]
        if self.states:
            lines.append(f"yield [state_of(optimizer, x, {self.states}) for x in ({names},)]")
        return "\n".join(lines) + "\n"

    def loop(
        self, optimizer: str, yields: str, steps: str = f"range({STEPS})", parameters: str = "(p, q, r)"
    ) -> str:
        body = f"for x in {parameters}:\n    x.grad = gradient(x, step)\n{optimizer}.step()\n{yields}"
        return f"for step in {steps}:\n" + indent(body, "    ")

    def trajectory(self, arguments: str, name: str = "trajectory", preparation: str = "") -> list[Sample]:
        text = f"{preparation}optimizer = {self.new('[p, q, r]', arguments)}\n" + self.loop(
            "optimizer", self.yields("p", "q", "r")
        )
        return [self.sample(text, name)]

    def resume(self, name: str, arguments: str, other: str, stops: tuple[int, ...]) -> list[Sample]:
        """The fresh optimizer is built with ``other`` arguments: the loaded options replace them too."""
        samples = []
        for stop in stops:
            text = (
                f"optimizer = {self.new('[p, q, r]', arguments)}\n"
                + self.loop("optimizer", "", f"range({stop})")
                + f"saved = optimizer.state_dict()\noptimizer = {self.new('[p, q, r]', other)}\n"
                + "optimizer.load_state_dict(saved)\n"
                + self.loop("optimizer", self.yields("p", "q", "r"), f"range({stop}, {STEPS})")
            )
            samples.append(self.sample(text, name if stop == 5 else f"{name}, after step {stop}"))
        return samples

    def groups(self, arguments: str) -> list[Sample]:
        groups = "[{'params': [p], 'lr': 0.5}, {'params': [q, r]}]"
        text = f"optimizer = {self.new(groups, arguments)}\n" + self.loop(
            "optimizer", self.yields("p", "q", "r"), "range(4)"
        )
        added = (
            f"optimizer = {self.new('[p]', arguments)}\noptimizer.add_param_group({{'params': [q, r], 'lr': 0.25}})\n"
            + self.loop("optimizer", self.yields("p", "q", "r"), "range(4)")
            + "assert len(optimizer.param_groups) == 2\n"
        )
        return [self.sample(text, "given at once"), self.sample(added, "added later")]

    def mixed_groups(self, name: str, arguments: str, other: str) -> Sample:
        """One group has the options of one argument list, the rest those of another as defaults."""
        options = self.spec.signature.bind(arguments, without=self.spec.signature.names[:1])
        own = ", ".join(["params=[p]", *(f"{option}={value.text}" for option, value in options.items())])
        groups = f"[dict({own}), dict(params=[q, r])]"
        text = f"optimizer = {self.new(groups, other)}\n" + self.loop(
            "optimizer", self.yields("p", "q", "r"), "range(4)"
        )
        return self.sample(text, f"{name} beside others")

    def none_gradient(self, arguments: str) -> list[Sample]:
        text = (
            f"optimizer = {self.new('[p, q, r]', arguments)}\n"
            + self.loop("optimizer", "", "range(2)")
            + "q.grad = None\n"
            + self.loop("optimizer", self.yields("p", "q", "r"), "range(2, 5)", "(p, r)")
        )
        return [self.sample(text)]

    def closure(self, arguments: str) -> list[Sample]:
        text = (
            f"optimizer = {self.new('[p]', arguments)}\ncalls = []\n"
            "def closure():\n    optimizer.zero_grad()\n    loss = (p ** 2).sum()\n    loss.backward()\n"
            "    calls.append(torch.is_grad_enabled())\n    return loss\n"
            "with torch.no_grad():\n    loss = optimizer.step(closure)\n"
            "assert calls == [True]\nyield loss\nyield p\n"
        )
        return [self.sample(text)]

    def zero_grad(self, arguments: str) -> list[Sample]:
        text = (
            f"optimizer = {self.new('[p, q]', arguments)}\np.grad = gradient(p, 0)\nkept = p.grad\n"
            "optimizer.zero_grad(set_to_none=False)\nassert p.grad is kept\nassert kept == np.zeros((3,))\n"
            "assert q.grad is None\noptimizer.zero_grad()\nassert p.grad is None\n"
        )
        return [self.sample(text)]

    def gradients_kept(self, arguments: str) -> list[Sample]:
        text = f"optimizer = {self.new('[p, q, r]', arguments)}\n" + self.loop(
            "optimizer", "yield [p.grad, q.grad, r.grad]\n", "range(3)"
        )
        return [self.sample(text)]
