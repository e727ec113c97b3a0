"""Modules as functions of their state: ``torch.func.functional_call`` and what goes with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from .reference import Reference


class Slot(NamedTuple):
    """A place of a module that holds a parameter or a buffer."""

    held: dict[str, Any]
    """``_parameters`` or ``_buffers`` of the module that it belongs to."""
    name: str


def slots(module: Any, prefix: str = "") -> Iterator[tuple[str, Slot]]:
    """Every place by its full name; what is shared has several."""
    for held in (module._parameters, module._buffers):
        for name, tensor in held.items():
            if tensor is not None:
                yield prefix + name, Slot(held, name)
    for name, child in module.named_children():
        yield from slots(child, f"{prefix}{name}.")


def _merged(dicts: Any) -> dict[str, Any]:
    """One dictionary of a sequence of them, which may not repeat a name."""
    if isinstance(dicts, Mapping):
        return dict(dicts)
    if not isinstance(dicts, Sequence) or not all(isinstance(each, Mapping) for each in dicts):
        raise ValueError(f"expected a dict of tensors or a sequence of dicts, got {type(dicts).__name__}")
    merged: dict[str, Any] = {}
    for each in dicts:
        repeated = merged.keys() & each.keys()
        if repeated:
            raise ValueError(f"several of the dicts have a value for {sorted(repeated)}")
        merged.update(each)
    return merged


def _tied(own: Mapping[str, Slot], given: Mapping[str, Any]) -> dict[str, Any]:
    """The given values, also for the places that share their tensor with one that has a value."""
    groups: dict[int, list[str]] = {}
    for name, slot in own.items():
        groups.setdefault(id(slot.held[slot.name]), []).append(name)
    values = dict(given)
    for names in groups.values():
        chosen = [given[name] for name in names if name in given]
        if any(value is not chosen[0] for value in chosen[1:]):
            raise ValueError(f"{names} are tied, and were given different values")
        if chosen:
            values.update(dict.fromkeys(names, chosen[0]))
    return values


def functional_call(
    module: Any,
    parameter_and_buffer_dicts: Any,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Calls a module with other parameters and buffers, which it has for the time of the call only."""
    given = _merged(parameter_and_buffer_dicts)
    own = dict(slots(module))
    if strict and own.keys() != given.keys():
        raise RuntimeError(
            f"missing: {sorted(own.keys() - given.keys())}; unexpected: {sorted(given.keys() - own.keys())}"
        )
    values = _tied(own, given) if tie_weights else given
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    before = [(slot, slot.held[slot.name]) for slot in own.values()]
    try:
        for name, slot in own.items():
            if name in values:
                slot.held[slot.name] = values[name]
        return module(*args, **(kwargs or {}))
    finally:
        dicts = (
            [parameter_and_buffer_dicts]
            if isinstance(parameter_and_buffer_dicts, dict)
            else parameter_and_buffer_dicts
        )
        for each in dicts:  # what the module assigned to its state during the call is the caller's now
            each.update({name: own[name].held[own[name].name] for name in each if name in own})
        for slot, tensor in before:
            slot.held[slot.name] = tensor


def for_reference(ref: Reference) -> dict[str, Any]:
    """The names of ``torch.func`` that speak of modules."""

    def stack_module_state(models: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Parameters and buffers of modules of one kind, stacked by name, as new leaves."""
        models = list(models)
        if not models:
            raise RuntimeError("stack_module_state needs at least one model")
        if len({(type(model), model.training) for model in models}) > 1:
            raise RuntimeError("all models have to be of one class, and all in training mode or none")

        def stacked(each: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
            made = {}
            for name in each[0]:
                tensors = [state[name] for state in each]
                if len({tensor.requires_grad for tensor in tensors}) > 1:
                    raise RuntimeError(f"{name} requires grad in some of the models only")
                with ref.no_grad():
                    made[name] = ref.ops.stack(tensors).detach()
                made[name].requires_grad_(tensors[0].requires_grad)
            return made

        return (
            stacked([dict(model.named_parameters()) for model in models]),
            stacked([dict(model.named_buffers()) for model in models]),
        )

    def replace_all_batch_norm_modules_(root: Any) -> Any:
        """Batch norms stop keeping statistics, which they could not update within a transform."""
        for module in root.modules():
            if "track_running_stats" in module.__dict__ and "running_mean" in module._buffers:
                for name in ("running_mean", "running_var", "num_batches_tracked"):
                    module._buffers[name] = None
                module.track_running_stats = False
        return root

    return {
        "functional_call": functional_call,
        "stack_module_state": stack_module_state,
        "replace_all_batch_norm_modules_": replace_all_batch_norm_modules_,
    }
