"""Optimizers of the reference: the algorithm of a spec inside the interface that all of them share."""

from __future__ import annotations

from contextlib import nullcontext
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from reference_impls import Reference

from .operators import vocabulary_of
from .param_groups import Optimizer

if TYPE_CHECKING:
    from ..spec import OptimizerSpec


def optimizer_class(spec: OptimizerSpec, reference: Reference) -> type:
    """The optimizer whose update is the spec's ``step``, with its declared state."""
    names = tuple(str(n) for n in spec.signature.names if n != "params")
    vocabulary = vocabulary_of(reference)
    states = tuple(map(str, spec.state))
    assert spec.step is not None, "what names an algorithm is assembled by `algorithm_class`"
    numbers = {name for name, state in spec.state.items() if state.init and "param" not in state.init.free}
    masked = "specified" in spec.step.free
    step = spec.step.function(
        (*names, *states, "param", "grad", *["specified"] * masked), vocabulary, ("param", *states)
    )
    torch = reference.torch

    class Assembled(Optimizer):
        defaults = {n: d.evaluate(vocabulary) for n, d in spec.signature.defaults.items()}
        positional = names

        def update(self, param: Any, group: dict[str, Any]) -> None:
            state = self.state.setdefault(param, {})
            grad, more = param.grad, {}
            if masked:
                given = np.ones(grad.shape, bool) if grad.specified is None else grad.specified
                more = {"specified": reference.as_tensor(given)}
            real = param
            if param.dtype.is_complex:  # the same step for real and imaginary parts
                real, grad = torch.view_as_real(param), torch.view_as_real(grad)
                more = {name: mask[..., None].expand(grad.shape) for name, mask in more.items()}
            recorded = bool(group.get("differentiable"))
            with torch.enable_grad() if recorded else nullcontext():
                options = {n: number(group[n]) for n in names}
                advance(real, grad, options, state, recorded, **more)
            if not state:
                self.state.pop(param)

    def advance(
        param: Any, grad: Any, options: dict[str, Any], state: dict[str, Any], recorded: bool, **more: Any
    ) -> None:
        before = {}
        for name, declaration in spec.state.items():
            value = state.get(name)
            if value is None and declaration.init is not None:
                value = declaration.init.evaluate(vocabulary, **options, param=param, grad=grad)
            before[name] = value
        # What is recorded must not change when the parameter is written to.
        value_of = attrgetter("clone" if recorded else "detach")
        after = step(**options, **before, param=value_of(param)(), grad=grad, **more)
        keep = as_it_is if recorded else stored
        param.copy_(keep(after.pop("param"), param))
        for name, declaration in spec.state.items():
            wanted = declaration.when is None or declaration.when.evaluate(vocabulary, **options)
            if wanted and after[name] is not None:
                value = after[name]
                if name in numbers and not recorded and isinstance(value, reference.Tensor):
                    value = value.item()
                state[name] = keep(value, param)

    def as_it_is(value: Any, param: Any) -> Any:
        return value

    def number(value: Any) -> Any:
        """A hyperparameter as its algorithm has it: a tensor of one element is a number."""
        return value.reshape(()) if isinstance(value, reference.Tensor) else value

    def rounded(value: Any) -> Any:
        """A number, which an implementation may keep in a tensor."""
        if not isinstance(value, float):
            return value
        return (vocabulary["scalar_tensor"](value, dtype=torch.float64) * 1.0).item()

    def stored(value: Any, param: Any) -> Any:
        """What is kept between steps: a copy in the dtype of the parameter, so that overflow there is seen here."""
        if not isinstance(value, reference.Tensor):
            return rounded(value)
        array = value.array.copy() if value.array.dtype == object else param.dtype.round(value.array)
        kept = reference.tensor_from(np.array(array), param.dtype)
        kept.exact = value.exact
        return kept

    Assembled.reference = reference
    Assembled.__name__ = Assembled.__qualname__ = str(spec.optimizer).rpartition(".")[2]
    return Assembled
