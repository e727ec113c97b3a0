"""Cases of an optimizer that evaluates the objective itself: where it goes, and what it owes its user.

Only what every implementation of the algorithm has in common is compared: the objective is convex and away from all
of the algorithm's decisions, and its gradient so small at first that no implementation needs to shorten a step.
"""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import indent
from typing import TYPE_CHECKING, Any

from ..case import Case, Sample
from .common import case, generated, prelude, program_cases
from .makers import Makers
from .trajectory import Programs, joined

if TYPE_CHECKING:
    from ..spec import OptimizerSpec

STEPS = 3
DTYPES = ("float64", "float32")
"""Where a trajectory means something: a quasi-Newton method divides differences of gradients by each other."""

OBJECTIVE = """\
visited = []
def objective(*params):
    total, spread = 0.0, 0.0
    for number, x in enumerate(params):
        weights = torch.tensor(pattern(tuple(x.shape), number, 0.5, 2.0), dtype=x.dtype, device=device)
        z = x - 0.5
        total = total + (weights * z * z).sum() / 2 + 64 * (z ** 4).sum()
        spread = spread + z.sum()
    return total + spread * spread / 16
def closure_of(optimizer, *params):
    def closure():
        optimizer.zero_grad()
        loss = objective(*params)
        loss.backward()
        visited.append([x.detach().clone() for x in params])
        return loss
    return closure
def same(some, others):
    return all(torch.equal(x, y) for x, y in zip(some, others, strict=True))
"""
"""A strictly convex function whose minimum is where all parameters are a half, and what calls it."""


def closure_optimizer_cases(spec: OptimizerSpec) -> Iterator[Case]:
    """For each of `try` a trajectory; then the rules of the interface, and the clauses written by hand."""
    derived = _Derived(spec)
    tries = {str(id): " ".join(call.text.split()) for id, call in spec.tries.items()}
    for id, arguments in tries.items():
        says = f"With {arguments} it visits the points that the algorithm gives, and ends at the last."
        yield derived.case(id, says, [derived.trajectory(arguments)])
    longest = max(tries.values(), key=len)
    others = dict(zip(tries, [*list(tries.values())[1:], *tries.values()], strict=False))
    yield derived.case(
        "resume",
        "Saved after any step and loaded into a fresh optimizer, it continues as if never interrupted, bit for bit.",
        [derived.resume(id, arguments, others[id]) for id, arguments in tries.items()],
    )
    copies = {
        "deepcopy": "copied, (p, q, r) = copy.deepcopy((optimizer, [p, q, r]))\n",
        "pickle": "copied, (p, q, r) = pickle.loads(pickle.dumps((optimizer, [p, q, r])))\n",
    }
    for id, copying in copies.items():
        yield derived.case(
            id,
            "A copy, made together with the parameters, continues as the original does, and moves nothing of it.",
            [derived.copied(longest, copying)],
            judge="law",
            needs=frozenset({"serialization"} if id == "pickle" else ()),
        )
    yield derived.case(
        "param-groups",
        "The options of the one group override the defaults; a second group is refused, at the latest when it is used.",
        derived.groups(tries, others),
    )
    yield derived.case(
        "none-gradient",
        "A parameter without a gradient is left alone, and the others move as they would without it.",
        [derived.none_gradient(longest)],
    )
    yield derived.case(
        "closure",
        "`step` calls the closure with gradients enabled, returns the loss that it began with, and needs a closure.",
        [derived.closure(longest)],
    )
    yield derived.case(
        "zero-grad",
        "`zero_grad` drops the gradients, or zeroes them with `set_to_none=False`.",
        [derived.programs.zero_grad(longest)],
    )
    yield derived.case(
        "caller-state", "`step` leaves the gradients as the closure left them.", [derived.gradients(longest)]
    )
    for id, entry in spec.errors.items():
        text = f"{entry.attempt}    {derived.programs.new('[p]', entry.call.text)}\n"
        yield derived.case(
            id,
            entry.sentence,
            [derived.sample(text)],
            judge="literals",
            dtypes=("float32",),
            needs=frozenset({"error-checks", "optimizer-checks"}),
            claim=entry,
        )
    yield from program_cases(spec)


class _Derived:
    def __init__(self, spec: OptimizerSpec) -> None:
        self.spec = spec
        self.programs = Programs(spec)

    def case(
        self, id: str, says: str, samples: list[Sample], needs: frozenset[str] = frozenset(), **options: Any
    ) -> Case:
        needs = needs | {"optimizers"}
        options = {"shared": False, "dtypes": DTYPES, **options}
        return case(self.spec, id, says, lambda mode: samples, line=self.spec.line, needs=needs, **options)

    def sample(self, text: str, name: str = "trajectory") -> Sample:
        makers = Makers(f"{self.spec.optimizer}:{name}", 0.46875, 0.53125)
        inputs = {"p": makers.leaf(3), "q": makers.leaf(2, 2), "r": makers.leaf(), "empty": makers.leaf(0)}
        return Sample(name, generated(OBJECTIVE + text, self.spec), inputs, (prelude(),))

    def build(self, arguments: str, parameters: str = "p, q, r") -> str:
        return (
            f"optimizer = {self.programs.new(f'[{parameters}]', arguments)}\n"
            f"closure = closure_of(optimizer, {parameters})\n"
        )

    def loop(self, body: str, steps: str = f"range({STEPS})") -> str:
        return f"for step in {steps}:\n" + indent(body, "    ")

    def trajectory(self, arguments: str) -> Sample:
        """Whether the objective is evaluated at the last point too is left to the implementation."""
        body = (
            "visited.clear()\noptimizer.step(closure)\n"
            "yield visited[:optimizer.param_groups[0]['max_iter']]\nyield [p, q, empty, r]\n"
        )
        return self.sample(self.build(arguments, "p, q, empty, r") + self.loop(body))

    def resume(self, name: str, arguments: str, other: str) -> Sample:
        """The fresh optimizers are built with ``other`` arguments: the loaded options replace them too."""
        text = (
            self.build(arguments)
            + "copies = []\n"
            + self.loop(
                "copies.append([[x.detach().clone().requires_grad_() for x in (p, q, r)],\n"
                "    copy.deepcopy(optimizer.state_dict())])\noptimizer.step(closure)\n"
            )
            + "yield [p, q, r]\n"
            + "for step, (params, saved) in enumerate(copies):\n"
            + f"    optimizer = {self.programs.new('params', other)}\n    optimizer.load_state_dict(saved)\n"
            + "    closure = closure_of(optimizer, *params)\n"
            + indent(self.loop("optimizer.step(closure)\n", f"range(step, {STEPS})"), "    ")
            + "    assert same(params, [p, q, r])\n"
        )
        return self.sample(text, name)

    def copied(self, arguments: str, copying: str) -> Sample:
        text = (
            self.build(arguments)
            + "optimizer.step(closure)\nbefore = [p, q, r]\nvalues = [x.detach().clone() for x in before]\n"
            + copying
            + "copied.step(closure_of(copied, p, q, r))\ncopied.step(closure_of(copied, p, q, r))\n"
            + "assert same(before, values)\n"
            + "optimizer.step(closure)\noptimizer.step(closure)\nassert same(before, [p, q, r])\n"
        )
        return self.sample(text)

    def groups(self, tries: dict[str, str], others: dict[str, str]) -> list[Sample]:
        """An option of the group, or of the call where the group says nothing."""
        samples = []
        for id, arguments in tries.items():
            group = joined("params=[p, q, r]", self.programs.given(arguments))
            text = (
                f"optimizer = {self.programs.new(f'[dict({group})]', others[id])}\n"
                + "closure = closure_of(optimizer, p, q, r)\n"
                + self.loop("optimizer.step(closure)\nyield [p, q, r]\n", "range(2)")
            )
            samples.append(self.sample(text, f"{id} instead of another"))
        arguments = next(iter(tries.values()))
        text = (
            f"with raises(ValueError):\n    {self.programs.new('[dict(params=[p]), dict(params=[q])]', arguments)}\n"
            + self.build(arguments, "p")
            + "with raises(ValueError, AssertionError):\n"
            + "    optimizer.add_param_group({'params': [q]})\n    optimizer.step(closure)\n"
        )
        return [*samples, self.sample(text, "two groups")]

    def none_gradient(self, arguments: str) -> Sample:
        text = (
            f"optimizer = {self.programs.new('[p, q, r]', arguments)}\nclosure = closure_of(optimizer, p, r)\n"
            + "before = q.detach().clone()\n"
            + self.loop("optimizer.step(closure)\nyield [p, r]\nassert same([q], [before])\n", "range(2)")
        )
        return self.sample(text)

    def closure(self, arguments: str) -> Sample:
        text = (
            self.build(arguments)
            + "enabled, losses = [], []\n"
            + "def watched():\n    enabled.append(torch.is_grad_enabled())\n"
            + "    losses.append(closure())\n    return losses[-1]\n"
            + "with torch.no_grad():\n    loss = optimizer.step(watched)\n"
            + "assert torch.equal(loss, losses[0])\nassert all(enabled)\nyield loss\n"
            + "with raises(TypeError):\n    optimizer.step()\n"
        )
        return self.sample(text)

    def gradients(self, arguments: str) -> Sample:
        text = (
            self.build(arguments)
            + "left = []\ndef watched():\n    loss = closure()\n"
            + "    left.append([x.grad.clone() for x in (p, q, r)])\n    return loss\n"
            + self.loop(
                "optimizer.step(watched)\nassert same([x.grad for x in (p, q, r)], left[-1])\n", "range(2)"
            )
        )
        return self.sample(text)
