"""Programs that follow an optimizer step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from textwrap import indent
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from ..case import Given, Sample
from .common import generated, prelude
from .makers import Makers, number

if TYPE_CHECKING:
    from ..spec import OptimizerSpec

STEPS = 20
FEW = 5
"""Steps where a claim is about one moment and not about the whole way."""
NAMES = "pqrs"
SHAPES = ((3,), (2, 3, 2), (), (35,))
"""A vector, an array, a scalar, and one longer than a vector register, whose gradients are sparse in time."""


class Programs:
    """The texts and samples of one optimizer's programs; its parameters are called p, q, r, ..."""

    def __init__(self, spec: OptimizerSpec) -> None:
        self.spec = spec
        self.states = [str(name) for name, state in spec.state.items() if state.compared]
        self.shapes: Sequence[tuple[int, ...]] = number(spec.shapes) if spec.shapes else SHAPES
        self.names = tuple(NAMES[: len(self.shapes)])

    @cached_property
    def all(self) -> str:
        """Every parameter, as an argument."""
        return f"[{', '.join(self.names)}]"

    @property
    def gradient(self) -> str:
        """The helper that makes a gradient of the layout that is asked for."""
        return "sparse_gradient" if self.spec.gradients == "sparse" else "gradient"

    def sample(
        self,
        text: str,
        name: str = "trajectory",
        more: Mapping[str, Given] = MappingProxyType({}),
        make: str = "leaf",
    ) -> Sample:
        """A sample whose inputs are all parameters."""
        makers = Makers(f"{self.spec.optimizer}:{name}")
        inputs = {p: getattr(makers, make)(*shape) for p, shape in zip(self.names, self.shapes, strict=True)}
        return Sample(name, generated(text, self.spec), {**inputs, **more}, (prelude(),))

    def new(self, parameters: str, arguments: str) -> str:
        """The constructor's call."""
        return f"{self.spec.optimizer}({joined(parameters, arguments)})"

    def given(self, arguments: str, **options: str) -> str:
        """An argument list in which some options are others."""
        bound = self.spec.signature.bind(arguments, without=self.spec.signature.names[:1])
        texts = {name: str(value.text) for name, value in bound.items()} | options
        return ", ".join(f"{name}={text}" for name, text in texts.items())

    def yields(self, parameters: str = "") -> str:
        """Yields parameters, and what the documentation says is kept for them."""
        parameters = parameters or self.all
        lines = [f"yield {parameters}"]
        if self.states:
            lines.append(f"yield [state_of(optimizer, x, {self.states}) for x in {parameters}]")
        return "\n".join(lines) + "\n"

    def loop(
        self,
        yields: str,
        steps: str = f"range({STEPS})",
        parameters: str = "",
        gradient: str = "",
        path: str = "",
    ) -> str:
        """Steps, each with new gradients for some parameters, and what follows each."""
        step = "optimizer.step()\n"
        if path:
            step = f"with taking({path!r}, optimizer):\n    {step}"
        gradients = f"for x in {parameters or self.all}:\n    x.grad = {gradient or self.gradient}(x, step)\n"
        return f"for step in {steps}:\n" + indent(gradients + step + yields, "    ")

    def trajectory(
        self,
        arguments: str,
        name: str = "trajectory",
        before: str = "",
        steps: str = f"range({STEPS})",
        path: str = "",
    ) -> Sample:
        """All parameters and state entries after every step."""
        text = f"{before}optimizer = {self.new(self.all, arguments)}\n" + self.loop(
            self.yields(), steps, path=path
        )
        return self.sample(text, name)

    def sparse(self, arguments: str, name: str) -> Sample:
        """The first two parameters have gradients of a sparse layout."""
        pair = f"[{', '.join(self.names[:2])}]"
        text = f"optimizer = {self.new(pair, arguments)}\n" + self.loop(
            self.yields(pair), parameters=pair, gradient="sparse_gradient"
        )
        return self.sample(text, name)

    def complex(self, arguments: str, name: str, path: str = "") -> Sample:
        """The trajectory of complex parameters."""
        text = f"optimizer = {self.new(self.all, arguments)}\n" + self.loop(f"yield {self.all}\n", path=path)
        return self.sample(text, name, make="complex_leaf")

    def tensor_option(
        self, arguments: str, option: str, value: str, name: str, path: str = ""
    ) -> list[Sample]:
        """With a tensor for an option, which is then changed in place."""
        samples = []
        for what, made in {"": value, " of one element": f"[{value}]"}.items():
            text = (
                f"value = torch.tensor({made}, dtype=dtype, device=device)\n"
                f"optimizer = {self.new(self.all, self.given(arguments, **{option: 'value'}))}\n"
                + self.loop(self.yields(), f"range({FEW})", path=path)
                + "value.mul_(0.5)\n"
                + self.loop(self.yields(), f"range({FEW}, {2 * FEW})", path=path)
            )
            samples.append(self.sample(text, f"{name}, {option}{what}"))
        return samples

    def derivatives(self, arguments: str, name: str, rate: str = "") -> Sample:
        """The gradient of where three differentiable steps lead: by where they began and the gradients, or a rate."""
        makers = Makers(f"{self.spec.optimizer}:{name}:slopes")
        slopes = {
            f"d{p}": makers.leaf(*shape, low=0.5) for p, shape in zip(self.names, self.shapes, strict=True)
        }
        by = f"[{', '.join((*self.names, *slopes))}]"
        made = ""
        if rate:
            made = f"rate = torch.tensor({rate}, dtype=dtype, device=device, requires_grad=True)\n"
            arguments = self.given(arguments, lr="rate")
            by = "[rate]"
        text = (
            f"{made}parameters = [x.clone() for x in {self.all}]\n"
            f"optimizer = {self.new('parameters', joined(arguments, 'differentiable=True'))}\n"
            "for scale in (1.0, -0.5, 2.0):\n"
            f"    for x, slope in zip(parameters, [{', '.join(slopes)}]):\n        x.grad = scale * slope\n"
            "    with taking('differentiable', optimizer):\n        optimizer.step()\n"
            f"yield torch.autograd.grad(contracted(parameters), {by}, allow_unused=True)\n"
        )
        return self.sample(text, name, slopes)

    def resume(self, arguments: str, other: str, name: str) -> Sample:
        """Carried from one fresh optimizer to the next after every step, it keeps up with one that never stopped.

        The fresh ones are built with ``other`` arguments: the loaded options replace them too.
        """
        states = ""
        if self.states:
            left, right = (
                f"[state_of({optimizer}, x, {self.states}) for x in {parameters}]"
                for optimizer, parameters in (("optimizer", "copies"), ("straight", self.all))
            )
            states = f"    assert {left} == {right}\n"
        text = (
            f"copies = [x.detach().clone().requires_grad_() for x in {self.all}]\n"
            f"straight = {self.new(self.all, arguments)}\noptimizer = {self.new('copies', arguments)}\n"
            f"for step in range({STEPS}):\n"
            "    resumed = [x.detach().clone().requires_grad_() for x in copies]\n"
            f"    fresh = {self.new('resumed', other)}\n    fresh.load_state_dict(optimizer.state_dict())\n"
            "    optimizer, copies = fresh, resumed\n"
            f"    for x in [*{self.all}, *copies]:\n        x.grad = {self.gradient}(x, step)\n"
            f"    straight.step()\n    optimizer.step()\n    assert copies == {self.all}\n{states}"
        )
        return self.sample(text, name)

    def copied(self, arguments: str, copy: str, name: str) -> Sample:
        """A copy of a whole optimizer, with parameters of its own, goes on as the original does."""
        text = (
            f"optimizer = {self.new(self.all, arguments)}\n"
            + self.loop("", f"range({FEW})")
            + f"twin = {copy}(optimizer)\ncopies = twin.param_groups[0]['params']\n"
            f"assert [copied is x for copied, x in zip(copies, {self.all})] == {[False] * len(self.names)}\n"
            f"for step in range({FEW}, {2 * FEW}):\n    for x in [*{self.all}, *copies]:\n"
            f"        x.grad = {self.gradient}(x, step)\n"
            "    before = [x.detach().clone() for x in copies]\n    optimizer.step()\n    assert copies == before\n"
            f"    twin.step()\n    assert copies == {self.all}\n"
        )
        return self.sample(text, name)

    def groups(self, arguments: str) -> list[Sample]:
        """The first parameter in a group of its own, from the beginning or added last."""
        first, *rest = self.names
        groups = f"[{{'params': [{first}], 'lr': 0.5}}, {{'params': [{', '.join(rest)}]}}]"
        at_once = f"optimizer = {self.new(groups, arguments)}\n" + self.loop(self.yields(), f"range({FEW})")
        added = (
            f"optimizer = {self.new(f'[{first}]', arguments)}\n"
            f"optimizer.add_param_group({{'params': [{', '.join(rest)}], 'lr': 0.25}})\n"
            + self.loop(self.yields(), f"range({FEW})")
            + "assert len(optimizer.param_groups) == 2\n"
        )
        return [self.sample(at_once, "given at once"), self.sample(added, "added later")]

    def mixed_groups(self, arguments: str, other: str, name: str, path: str = "") -> Sample:
        """One group has the options of one argument list, the rest those of another as defaults."""
        first, *rest = self.names
        own = joined(f"params=[{first}]", self.given(arguments))
        groups = f"[dict({own}), dict(params=[{', '.join(rest)}])]"
        text = f"optimizer = {self.new(groups, other)}\n" + self.loop(
            self.yields(), f"range({FEW})", path=path
        )
        return self.sample(text, f"{name} beside others")

    def zero_size(self, arguments: str, name: str, path: str = "") -> Sample:
        """A parameter without elements, between two that have some."""
        first, second, *_ = self.names
        text = f"optimizer = {self.new(f'[{first}, empty, {second}]', arguments)}\n" + self.loop(
            self.yields(f"[{first}, {second}]"), f"range({FEW})", f"[{first}, empty, {second}]", path=path
        )
        return self.sample(text, name, {"empty": Given(np.zeros((0, 2)), requires_grad=True)})

    def none_gradient(self, arguments: str, name: str = "trajectory", path: str = "") -> Sample:
        """The second parameter has no gradient at first, then one for two steps, and then none again."""
        others = f"[{', '.join(name for name in self.names if name != self.names[1])}]"
        text = (
            f"optimizer = {self.new(self.all, arguments)}\n"
            + self.loop(f"yield {self.all}\n", "range(2)", others, path=path)
            + self.loop(self.yields(), "range(2, 4)", path=path)
            + f"{self.names[1]}.grad = None\n"
            + self.loop(self.yields(), "range(4, 7)", others, path=path)
        )
        return self.sample(text, name)

    def closure(self, arguments: str) -> Sample:
        """A closure is called where gradients are recorded, although the step is made where they are not."""
        text = (
            f"optimizer = {self.new('[p]', arguments)}\ncalls = []\n"
            "def closure():\n    optimizer.zero_grad()\n    loss = (p ** 2).sum()\n    loss.backward()\n"
            + ("    p.grad = sparse_gradient(p, 0)\n" if self.spec.gradients == "sparse" else "")
            + "    calls.append(torch.is_grad_enabled())\n    return loss\n"
            "with torch.no_grad():\n    loss = optimizer.step(closure)\n"
            "assert calls == [True]\nyield loss\nyield p\n"
        )
        return self.sample(text)

    def zero_grad(self, arguments: str) -> Sample:
        text = (
            f"optimizer = {self.new('[p, q]', arguments)}\np.grad = gradient(p, 0)\nkept = p.grad\n"
            "optimizer.zero_grad(set_to_none=False)\nassert p.grad is kept\n"
            "assert kept == np.zeros(tuple(p.shape))\n"
            "assert q.grad is None\noptimizer.zero_grad()\nassert p.grad is None\n"
        )
        return self.sample(text)

    def gradients_kept(self, arguments: str, name: str = "trajectory", path: str = "") -> Sample:
        after = f"yield [x.grad for x in {self.all}]\n"
        if self.spec.gradients == "sparse":
            after = f"yield [x.grad.to_dense() for x in {self.all}]\n"
        text = f"optimizer = {self.new(self.all, arguments)}\n" + self.loop(after, f"range({FEW})", path=path)
        return self.sample(text, name)


def joined(*arguments: str) -> str:
    """Argument lists as one."""
    return ", ".join(filter(None, arguments))
