"""The interface that all optimizers of the reference share: parameter groups, state, their dictionaries, and hooks.

From https://docs.pytorch.org/docs/stable/optim.html#base-class and the pages of its methods.
"""

from __future__ import annotations

import copy
import functools
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

from reference_impls import Reference
from reference_impls.hooks import Hooks, RemovableHandle


class Around:
    """The hooks before and after one thing."""

    def __init__(self) -> None:
        self.before, self.after = Hooks(), Hooks()


class Interface:
    """Parameter groups and state; a subclass provides ``step``, which runs between hooks."""

    reference: Reference
    defaults: dict[str, Any]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "step" in vars(cls):
            cls.step = hooked(vars(cls)["step"])  # type: ignore[method-assign]

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        self._around = {kind: Around() for kind in ("step", "state_dict", "load_state_dict")}
        if isinstance(params, (self.reference.Tensor, set, frozenset)):
            raise TypeError(
                f"params is an ordered collection of tensors or groups, not a {type(params).__name__}"
            )
        listed = list(params)
        if not listed:
            raise ValueError("an optimizer needs at least one parameter")
        for group in listed if isinstance(listed[0], dict) else [{"params": listed}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """A group of parameters more; the defaults stand for the options that it does not mention."""
        if not isinstance(param_group, dict):
            raise TypeError(f"a parameter group is a dictionary, not a {type(param_group).__name__}")
        params = param_group["params"]
        if isinstance(params, (set, frozenset)):
            raise TypeError("the parameters of a group need an order, which a set does not have")
        names, params = named([params] if isinstance(params, self.reference.Tensor) else list(params))
        if self.param_groups and bool(names) != ("param_names" in self.param_groups[0]):
            raise ValueError("either all groups have names for their parameters, or none has")
        known = {id(param) for group in self.param_groups for param in group["params"]}
        for param in params:
            if not isinstance(param, self.reference.Tensor):
                raise TypeError(f"an optimizer optimizes tensors, not a {type(param).__name__}")
            if not (param.is_leaf or self.defaults.get("differentiable")):
                raise ValueError("only a leaf can be optimized")
            if id(param) in known:
                raise ValueError("a parameter is in more than one group")
        group = {**self.defaults, **param_group, "params": params}
        self.param_groups.append({**group, "param_names": names} if names else group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        for param in self._params():
            if param.grad is not None:
                param.grad = None if set_to_none else param.grad.detach_().zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        raise NotImplementedError

    def _params(self) -> list[Any]:
        return [param for group in self.param_groups for param in group["params"]]

    # State

    def state_dict(self) -> dict[str, Any]:
        for hook in self._around["state_dict"].before.snapshot():
            hook(self)
        numbers = {id(param): number for number, param in enumerate(self._params())}
        groups = [{**g, "params": [numbers[id(p)] for p in g["params"]]} for g in self.param_groups]
        state_dict = {"state": {numbers[id(p)]: s for p, s in self.state.items()}, "param_groups": groups}
        return self._passed(self._around["state_dict"].after, state_dict)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        state_dict = self._passed(self._around["load_state_dict"].before, dict(state_dict))
        groups = copy.deepcopy(state_dict["param_groups"])
        if [len(g["params"]) for g in groups] != [len(g["params"]) for g in self.param_groups]:
            raise ValueError("the groups of the loaded state have other sizes than those of the optimizer")
        params = dict(zip(chain.from_iterable(g["params"] for g in groups), self._params(), strict=True))
        for group, loaded in zip(self.param_groups, groups, strict=True):
            group.update({**loaded, "params": group["params"]})
        self.state = defaultdict(dict)
        for number, state in state_dict["state"].items():
            param = params[number]
            self.state[param] = {name: self._fitted(name, value, param) for name, value in state.items()}
        for hook in self._around["load_state_dict"].after.snapshot():
            hook(self)

    def _fitted(self, name: str, value: Any, param: Any) -> Any:
        """A copy of what was saved, in the dtype of the parameter, but for counts."""
        value = copy.deepcopy(value)
        casts = isinstance(value, self.reference.Tensor) and name != "step" and param.is_floating_point()
        return value.to(param.dtype) if casts else value

    def _passed(self, hooks: Hooks, state_dict: dict[str, Any]) -> dict[str, Any]:
        """The dictionary as hooks leave it: they write to it, or return another."""
        for hook in hooks.snapshot():
            replaced = hook(self, state_dict)
            state_dict = state_dict if replaced is None else replaced
        return state_dict

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._around = {kind: Around() for kind in ("step", "state_dict", "load_state_dict")}

    # Hooks

    def _before_step(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Runs the hooks of all optimizers and then its own; the arguments as they leave them."""
        everywhere = step_hooks(self.reference)
        for hook in (*everywhere.before.snapshot(), *self._around["step"].before.snapshot()):
            replaced = hook(self, args, kwargs)
            args, kwargs = (args, kwargs) if replaced is None else replaced
        return args, kwargs

    def _after_step(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        everywhere = step_hooks(self.reference)
        for hook in (*self._around["step"].after.snapshot(), *everywhere.after.snapshot()):
            hook(self, args, kwargs)

    def register_step_pre_hook(self, hook: Callable) -> RemovableHandle:
        """``hook(optimizer, args, kwargs)`` runs before a step, and may return other arguments."""
        return self._around["step"].before.add(hook)

    def register_step_post_hook(self, hook: Callable) -> RemovableHandle:
        """``hook(optimizer, args, kwargs)`` runs after a step."""
        return self._around["step"].after.add(hook)

    def register_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """``hook(optimizer)`` runs before the dictionary is made."""
        return self._around["state_dict"].before.add(hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """``hook(optimizer, state_dict)`` runs after it is made; it may change it or return another."""
        return self._around["state_dict"].after.add(hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """``hook(optimizer, state_dict)`` runs before loading, on a shallow copy; it may return another one."""
        return self._around["load_state_dict"].before.add(hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """``hook(optimizer)`` runs after loading."""
        return self._around["load_state_dict"].after.add(hook, prepend)


def named(params: list[Any]) -> tuple[list[str], list[Any]]:
    """The names of parameters that are given as pairs, and the parameters."""
    pairs = [param for param in params if isinstance(param, tuple)]
    if pairs and len(pairs) < len(params):
        raise ValueError("either all parameters have names, or none has")
    return [name for name, _ in pairs], [param for _, param in pairs] or params


def hooked(step: Callable[..., Any]) -> Callable[..., Any]:
    """A method ``step`` between its hooks."""

    @functools.wraps(step)
    def between(self: Interface, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = self._before_step(args, kwargs)
        result = step(self, *args, **kwargs)
        self._after_step(args, kwargs)
        return result

    return between


def step_hooks(reference: Any) -> Around:
    """The hooks around every step of every optimizer of a reference."""
    return vars(reference).setdefault("optimizer_step_hooks", Around())


def shared_names(reference: Any) -> dict[str, Any]:
    """The names below ``torch.optim`` that belong to no single optimizer."""
    around = step_hooks(reference)
    base = type("Optimizer", (Interface,), {"reference": reference, "__doc__": Interface.__doc__})
    return {
        "torch.optim.Optimizer": base,
        "torch.optim.optimizer.register_optimizer_step_pre_hook": around.before.add,
        "torch.optim.optimizer.register_optimizer_step_post_hook": around.after.add,
    }


class Optimizer(Interface):
    """The constructor and the step of an optimizer that is assembled; a subclass provides ``update``."""

    defaults: dict[str, Any]
    """Of the class those of its constructor, of an instance what its groups start from."""
    positional: tuple[str, ...]

    def __init__(self, params: Iterable[Any], *args: Any, **kwargs: Any) -> None:
        super().__init__(
            params, {**self.defaults, **dict(zip(self.positional, args, strict=False)), **kwargs}
        )

    @property
    def options(self) -> dict[str, Any]:
        """The arguments of the constructor, and its defaults for the rest."""
        return self.defaults

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
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
