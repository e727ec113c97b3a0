"""Optimizers of the reference: the algorithm of a spec inside the interface that all of them share."""

from __future__ import annotations

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
    assert spec.step is not None, "an algorithm of reference_impls is not assembled yet"
    update = spec.step.function((*names, *states, "param", "grad"), vocabulary, ("param", *states))

    class Assembled(Optimizer):
        defaults = {n: d.evaluate(vocabulary) for n, d in spec.signature.defaults.items()}
        positional = names

        def update(self, param: Any, group: dict[str, Any]) -> None:
            options = {n: group[n] for n in names}
            state = self.state.setdefault(param, {})
            before = {}
            for name, declaration in spec.state.items():
                value = state.get(name)
                if value is None and declaration.init is not None:
                    value = declaration.init.evaluate(vocabulary, **options, param=param, grad=param.grad)
                before[name] = value
            after = update(**options, **before, param=param.detach(), grad=param.grad.detach())
            param.copy_(stored(after.pop("param"), param))
            for name, declaration in spec.state.items():
                wanted = declaration.when is None or declaration.when.evaluate(vocabulary, **options)
                if wanted and after[name] is not None:
                    state[name] = stored(after[name], param)
            if not state:
                self.state.pop(param)

    def stored(value: Any, param: Any) -> Any:
        """What is kept between steps: a copy in the dtype of the parameter, so that overflow there is seen here."""
        if not isinstance(value, reference.Tensor):
            return value
        array = value.array.copy() if value.array.dtype == object else param.dtype.round(value.array)
        kept = reference.tensor_from(np.array(array), param.dtype)
        kept.exact = value.exact
        return kept

    Assembled.reference = reference
    Assembled.__name__ = Assembled.__qualname__ = str(spec.optimizer).rpartition(".")[2]
    return Assembled
