"""Optimizers and schedulers of the reference: the algorithm of a spec inside the interface that all of them share."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from reference_impls import Reference

from .operators import vocabulary_of

if TYPE_CHECKING:
    from ..spec import OptimizerSpec


class Optimizer:
    """Parameter groups, state and their dictionaries; a subclass provides ``update``."""

    reference: Reference
    defaults: dict[str, Any]
    positional: tuple[str, ...]

    def __init__(self, params: Iterable[Any], *args: Any, **kwargs: Any) -> None:
        self.options = {**self.defaults, **dict(zip(self.positional, args, strict=False)), **kwargs}
        self.state: dict[Any, dict[str, Any]] = {}
        self.param_groups: list[dict[str, Any]] = []
        listed = list(params)
        for group in listed if listed and isinstance(listed[0], dict) else [{"params": listed}]:
            self.add_param_group(group)

    def add_param_group(self, group: dict[str, Any]) -> None:
        params = group["params"]
        params = [params] if isinstance(params, self.reference.Tensor) else list(params)
        self.param_groups.append({**self.options, **group, "params": params})

    def zero_grad(self, set_to_none: bool = True) -> None:
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is not None:
                    if set_to_none:
                        param.grad = None
                    else:
                        param.grad = param.grad.detach_().zero_()

    def step(self, closure: Any = None) -> Any:
        loss = None
        if closure is not None:
            with self.reference.torch.enable_grad():
                loss = closure()
        with self.reference.torch.no_grad():
            for group in self.param_groups:
                for param in group["params"]:
                    if param.grad is not None:
                        self.update(param, group)
        return loss

    def update(self, param: Any, group: dict[str, Any]) -> None:
        """One step of one parameter: writes the parameter and its state."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        numbers = {id(p): i for i, p in enumerate(p for g in self.param_groups for p in g["params"])}
        groups = [{**g, "params": [numbers[id(p)] for p in g["params"]]} for g in self.param_groups]
        return {"state": {numbers[id(p)]: s for p, s in self.state.items()}, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        saved = copy.deepcopy(state_dict)
        params = [p for g in self.param_groups for p in g["params"]]
        for group, loaded in zip(self.param_groups, saved["param_groups"], strict=True):
            group.update({k: v for k, v in loaded.items() if k != "params"})
        self.state = {params[number]: state for number, state in saved["state"].items()}


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
