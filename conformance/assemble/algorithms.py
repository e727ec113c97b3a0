"""Optimizers of the reference whose update is an algorithm of ``reference_impls``, around a closure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from reference_impls import Reference
from reference_impls.algorithms import lbfgs

from .operators import vocabulary_of
from .param_groups import Optimizer

if TYPE_CHECKING:
    from ..spec import OptimizerSpec

ALGORITHMS: dict[str, Callable[..., Any]] = {
    "lbfgs": lambda *args, **options: lbfgs.minimize(*args, **options)
}
"""What specs call them: from a vector, what evaluates the objective there, and options, to another vector."""


def algorithm_class(spec: OptimizerSpec, reference: Reference) -> type:
    """The optimizer that hands all of its parameters, as one vector, to the spec's ``algorithm``."""
    minimize, F, torch = ALGORITHMS[str(spec.algorithm)], reference.ops, reference.torch
    vocabulary = vocabulary_of(reference)

    class Assembled(Optimizer):
        defaults = {n: d.evaluate(vocabulary) for n, d in spec.signature.defaults.items()}
        positional = tuple(str(n) for n in spec.signature.names[1:])

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            if len(self.param_groups) > 1:
                raise ValueError("one parameter group for all parameters")
            for group in self.param_groups:
                if group["max_eval"] is None:
                    group["max_eval"] = group["max_iter"] * 5 // 4

        def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
            (group,) = self.param_groups
            params = group["params"]
            losses = []

            def evaluate(x: Any) -> lbfgs.Point:
                write(x, params)
                with torch.enable_grad():
                    losses.append(closure())
                gradients = [F.zeros_like(p) if p.grad is None else p.grad for p in params]
                return lbfgs.Point(flat(params), losses[-1].detach().clone(), flat(gradients))

            options = {name: value for name, value in group.items() if name != "params"}
            options["lr"] = float(options["lr"])
            with torch.no_grad():
                state = self.state.setdefault(params[0], {})
                write(minimize(F, evaluate, flat(params), state, **options), params)
            return losses[0]

    def flat(tensors: list[Any]) -> Any:
        return F.cat([F.reshape(t.detach(), (-1,)) for t in tensors]).clone()

    def write(x: Any, params: list[Any]) -> None:
        """The elements of a vector into the parameters, rounded as these store them."""
        start = 0
        for param in params:
            part = x[start : start + param.numel()]
            values = reference.tensor_from(param.dtype.round(np.array(part.array)), param.dtype)
            values.exact = x.exact
            param.copy_(F.reshape(values, param.shape))
            start += param.numel()

    Assembled.reference = reference
    Assembled.__name__ = Assembled.__qualname__ = str(spec.optimizer).rpartition(".")[2]
    return Assembled
