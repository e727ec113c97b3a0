"""Faults of an optimizer in what it shares with the others: options, state, closures, `zero_grad`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ...spec import OptimizerSpec
from ..mutators import SCALE
from .fault import Fault, Override


def optimizer_faults(spec: OptimizerSpec) -> Iterator[Fault]:
    read = [str(name) for name in spec.hyperparameters if spec.step is not None and name in spec.step.free]
    for option in read:
        yield "group option ignored", option, "update", _ignoring(option)
        yield "state dict without an option", option, "state_dict", without_option(option)
    for name in spec.state:
        yield "state dict without a state", str(name), "state_dict", _without_state(str(name))
    yield "state not loaded", "", "load_state_dict", _options_only
    yield "later groups not stepped", "", "step", _first_group_only
    yield "missing gradient stepped as zero", "", "step", _zero_for_none
    yield "closure's loss not returned", "", "step", _returning_none
    yield "closure not called", "", "step", _without_closure
    yield "zero_grad does nothing", "", "zero_grad", lambda right: lambda self, set_to_none=True: None
    yield (
        "zero_grad keeps tensors",
        "",
        "zero_grad",
        lambda right: lambda self, set_to_none=True: right(self, False),
    )
    yield (
        "zero_grad drops tensors",
        "",
        "zero_grad",
        lambda right: lambda self, set_to_none=False: right(self, True),
    )
    yield "gradient negated in place", "", "step", _spoiling_gradients
    for option in ("foreach", "fused", "differentiable"):
        if option in spec.signature.names:
            yield "one implementation differs", option, "update", _differing(option)
    for option in ("foreach", "fused"):
        if option in spec.signature.names:
            yield (
                "one implementation takes the first group's options",
                option,
                "update",
                _only(option, _first),
            )
            yield "one implementation spoils gradients", option, "update", _only(option, _spoiling)
    if "foreach" in spec.signature.names and spec.pointwise:
        yield "one implementation drops imaginary parts", "foreach", "update", _only("foreach", _real_only)
    if "differentiable" in spec.signature.names:
        yield "gradient detached", "differentiable", "update", _detaching
    for option in spec.tensors:
        yield "tensor read once", str(option), "update", _remembering(str(option))
    if spec.pointwise and spec.gradients != "sparse":
        yield "imaginary parts left alone", "", "update", _real_only
    if spec.gradients != "dense":
        yield "sparse gradient negated", "", "update", _negating_sparse
    yield "deep copy of nothing", "", "__deepcopy__", _itself


def _differing(option: str) -> Override:
    def update(right: Callable[..., Any]) -> Callable[..., Any]:
        def faulty(self: Any, param: Any, group: dict[str, Any]) -> None:
            right(self, param, group)
            if group[option]:
                param.mul_(SCALE)

        return faulty

    return update


def _only(option: str, fault: Override) -> Override:
    """A fault of the implementation that an option asks for."""

    def update(right: Callable[..., Any]) -> Callable[..., Any]:
        faulty = fault(right)
        return lambda self, param, group: (faulty if group[option] else right)(self, param, group)

    return update


def _first(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, param, group: right(self, param, self.param_groups[0])


def _spoiling(right: Callable[..., Any]) -> Callable[..., Any]:
    def update(self: Any, param: Any, group: dict[str, Any]) -> None:
        right(self, param, group)
        param.grad.neg_()

    return update


def _detaching(right: Callable[..., Any]) -> Callable[..., Any]:
    def update(self: Any, param: Any, group: dict[str, Any]) -> None:
        param.grad = param.grad.detach()
        right(self, param, group)

    return update


def _remembering(option: str) -> Override:
    def update(right: Callable[..., Any]) -> Callable[..., Any]:
        def faulty(self: Any, param: Any, group: dict[str, Any]) -> None:
            value = group[option]
            if isinstance(value, self.reference.Tensor):
                value = self.__dict__.setdefault("remembered", value.clone())
            right(self, param, {**group, option: value})

        return faulty

    return update


def _real_only(right: Callable[..., Any]) -> Callable[..., Any]:
    def update(self: Any, param: Any, group: dict[str, Any]) -> None:
        before = param.detach().clone()
        right(self, param, group)
        if param.dtype.is_complex:
            param.copy_(self.reference.torch.complex(param.real, before.imag))

    return update


def _negating_sparse(right: Callable[..., Any]) -> Callable[..., Any]:
    def update(self: Any, param: Any, group: dict[str, Any]) -> None:
        if param.grad.specified is not None:
            param.grad.neg_()
        right(self, param, group)

    return update


def _itself(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, memo: self


def _ignoring(option: str) -> Override:
    return lambda right: (
        lambda self, param, group: right(self, param, {**group, option: self.options[option]})
    )


def without_option(option: str) -> Override:
    """Saved groups lack an option."""

    def state_dict(right: Callable[..., Any]) -> Callable[..., Any]:
        def faulty(self: Any) -> Any:
            saved = right(self)
            groups = [{k: v for k, v in group.items() if k != option} for group in saved["param_groups"]]
            return {**saved, "param_groups": groups}

        return faulty

    return state_dict


def _without_state(name: str) -> Override:
    def state_dict(right: Callable[..., Any]) -> Callable[..., Any]:
        def faulty(self: Any) -> Any:
            saved = right(self)
            state = {
                n: {k: v for k, v in entries.items() if k != name} for n, entries in saved["state"].items()
            }
            return {**saved, "state": state}

        return faulty

    return state_dict


def _options_only(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, state_dict: right(self, {**state_dict, "state": {}})


def _first_group_only(right: Callable[..., Any]) -> Callable[..., Any]:
    def step(self: Any, closure: Any = None) -> Any:
        groups, self.param_groups = self.param_groups, self.param_groups[:1]
        try:
            return right(self, closure)
        finally:
            self.param_groups = groups

    return step


def _zero_for_none(right: Callable[..., Any]) -> Callable[..., Any]:
    def step(self: Any, closure: Any = None) -> Any:
        missing = [param for group in self.param_groups for param in group["params"] if param.grad is None]
        if closure is None:
            for param in missing:
                param.grad = self.reference.torch.zeros_like(param)
        result = right(self, closure)
        for param in missing if closure is None else ():
            param.grad = None
        return result

    return step


def _returning_none(right: Callable[..., Any]) -> Callable[..., Any]:
    def step(self: Any, closure: Any = None) -> None:
        right(self, closure)

    return step


def _without_closure(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, closure=None: right(self)


def _spoiling_gradients(right: Callable[..., Any]) -> Callable[..., Any]:
    def step(self: Any, closure: Any = None) -> Any:
        result = right(self, closure)
        with self.reference.torch.no_grad():
            for param in (p for group in self.param_groups for p in group["params"] if p.grad is not None):
                param.grad.neg_()
        return result

    return step
