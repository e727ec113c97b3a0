"""The interface that all optimizers of the reference share: parameter groups, state and their dictionaries."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from reference_impls import Reference


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
