"""Forward mode: tangents that travel with tensors, one for each level that is active.

No primitive has a rule for it. The formula of a cotangent is linear in the cotangent, so its own vector-Jacobian
product with respect to the cotangent is the directional derivative; it is taken for one primitive at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

from .backward import fit
from .saved import Saved
from .structural import CLONE
from .tape import PrimitiveNode, Record

if TYPE_CHECKING:
    from .reference import Reference
    from .tensor import Tensor

# Levels


def levels(ref: Reference) -> list[int]:
    """The levels that are active, innermost first; none where forward mode is switched off."""
    if ref.modes.inference:
        return []
    return [frame.level for frame in reversed(ref.modes.frames) if frame.kind in ("forward", "dual")]


def tangent(ref: Reference, tensor: Any, level: int) -> Tensor | None:
    """The tangent of a tensor; of a view also where only its base was given one. (None stands for a hidden one.)"""
    if tensor.tangents is not None and level in tensor.tangents:
        return tensor.tangents[level]
    view = tensor.origin
    of_base = view and view.base.tangents and view.base.tangents.get(level)
    if of_base is None:
        return None
    found = _along(ref, of_base, view.path)
    attach(tensor, level, found)
    return found


def _along(ref: Reference, tensor: Any, path: Iterable[Any]) -> Any:
    for record, attributes, index in path:
        tensor = ref.apply(record, (tensor,), attributes)
        tensor = tensor if index is None else tensor[index]
    return tensor


def attach(tensor: Tensor, level: int, value: Tensor | None) -> None:
    tensor.tangents = {**(tensor.tangents or {}), level: value}
    tensor._ref.tangents.setdefault(level, []).append(tensor)


def forget(ref: Reference, level: int) -> None:
    """Deletes all tangents of a level that has been left."""
    for holder in ref.tangents.pop(level, ()):
        holder.tangents = {k: v for k, v in (holder.tangents or {}).items() if k != level} or None


def relabel(tensor: Tensor) -> None:
    """Tangents have the dtype of their tensor."""
    for value in (tensor.tangents or {}).values():
        if value is not None:
            value.dtype = tensor.dtype


@contextmanager
def hidden(tensors: Iterable[Any], level: int) -> Iterator[None]:
    """Meanwhile the tensors have no tangent of a level."""
    before = {id(tensor): (tensor, tensor.tangents) for tensor in tensors}
    try:
        for tensor, tangents in before.values():
            tensor.tangents = {**(tangents or {}), level: None}
        yield
    finally:
        for tensor, tangents in before.values():
            tensor.tangents = tangents


def make(ref: Reference, tensor: Any, direction: Any, level: int) -> Tensor:
    """A dual tensor: another one of the same memory, with a tangent."""
    for value in (tensor, direction):
        if value.dtype.category < 2:
            raise ValueError(f"dual tensors are floating or complex, not {value.dtype}")
    if tensor.array.shape != direction.array.shape:
        raise RuntimeError(f"a tangent of shape {direction.array.shape} for a primal of {tensor.array.shape}")
    if tangent(ref, tensor, level) is not None:
        raise RuntimeError("the tensor already has a tangent of this level")
    dual = ref.ops.alias(tensor)
    attach(dual, level, direction)
    return dual


def primal(ref: Reference, tensor: Any, level: int) -> Tensor:
    """The tensor without its tangent, in the same memory."""
    with hidden([tensor], level):
        return ref.ops.alias(tensor)


# Primitives


def apply(ref: Reference, record: Record, tensors: Sequence[Any], attributes: dict, level: int) -> Any:
    """A primitive of which some input has a tangent of ``level``, and maybe of levels below."""
    directions = {}
    for i, tensor in enumerate(tensors):
        if isinstance(tensor, ref.Tensor):
            direction = tangent(ref, tensor, level)
            if direction is not None:
                directions[i] = direction
    with hidden([tensors[i] for i in directions], level):
        result = ref.apply(record, tensors, attributes)
        made = result if type(result) is tuple else (result,)
        if record.view:
            pushed = ref.apply(record, (directions[0],), attributes)
            changes: Sequence[Any] = pushed if type(pushed) is tuple else (pushed,)
        else:
            changes = _push(ref, record, tensors, attributes, made, directions, type(result) is tuple)
    for tensor, change in zip(made, changes, strict=True):
        if change is not None and tensor.dtype.category >= 2:
            attach(tensor, level, change)
    remember(ref, made[0].node, record, tensors, result)
    return result


def remember(ref: Reference, node: Any, record: Record, tensors: Sequence[Any], result: Any) -> None:
    """What a node saved while tangents were hidden has them from now on."""
    if not isinstance(node, PrimitiveNode) or node.record is not record:
        return
    sources = {
        "result": result,
        **dict(zip(record.inputs, (tensors,) if record.variadic else tensors, strict=False)),
    }
    for name, saved in (node.saved or {}).items():
        source = sources.get(name)
        pairs = zip(saved, source or (), strict=False) if type(saved) is list else [(saved, source)]
        for one, tensor in pairs:
            if isinstance(one, Saved):
                one.tangents = getattr(tensor, "tangents", None)
                for level in one.tangents or ():
                    ref.tangents[level].append(one)


@contextmanager
def _recording(ref: Reference) -> Iterator[None]:
    modes = ref.modes
    before, modes.grad = modes.grad, True
    try:
        with _unhooked(ref):
            yield
    finally:
        modes.grad = before


@contextmanager
def _unhooked(ref: Reference) -> Iterator[None]:
    before, ref.modes.saved_hooks = ref.modes.saved_hooks, ()
    try:
        yield
    finally:
        ref.modes.saved_hooks = before


def _push(
    ref: Reference,
    record: Record,
    tensors: Sequence[Any],
    attributes: dict[str, Any],
    made: Sequence[Tensor],
    directions: dict[int, Tensor],
    many: bool,
) -> Sequence[Tensor | None]:
    """Tangents of the results: the pullback of the pullback."""
    formulas = record.formulas * len(tensors) if record.variadic else record.formulas
    chosen = [i for i in directions if formulas[i] is not None]
    if chosen and not many:
        with _unhooked(ref):
            change = _directly(ref, record, tensors, attributes, made[0], directions, chosen)
            if change is not None:
                return [_apart(ref, change, directions)]
    dummies = [ref.zeros(tensor.array.shape, tensor.dtype) for tensor in made]
    smooth = [dummy for dummy in dummies if dummy.dtype.category >= 2]
    if not chosen or not smooth:
        return [None] * len(made)
    recorded = ref.modes.grad
    with _recording(ref):
        for dummy in smooth:
            dummy.requires_grad_().transient = True
        pulled = _pulled(ref, record, tensors, attributes, made, dummies, chosen, many)
        found = pushforward(ref, pulled, smooth, [directions[i] for i in chosen])
    watched = recorded and any(t.requires_grad for t in (*tensors, *directions.values()) if _is(ref, t))
    found = [_apart(ref, change, directions) for change in found]
    changes = iter(found if watched else [without_history(ref, change) for change in found])
    return [next(changes) if dummy.requires_flag else None for dummy in dummies]


def _apart(ref: Reference, change: Tensor, directions: dict[int, Tensor]) -> Tensor:
    """A tangent in memory of its own: those of the inputs belong to others."""
    mine = all(change.cell is not direction.cell for direction in directions.values())
    return change if mine else ref.apply(CLONE, (change,), {})


def _directly(
    ref: Reference,
    record: Record,
    tensors: Sequence[Any],
    attributes: dict[str, Any],
    made: Tensor,
    directions: dict[int, Tensor],
    chosen: Sequence[int],
) -> Tensor | None:
    """The tangent of a real result, where the primitive needs no pullback for it; else None."""
    if made.dtype.category != 2 or any(direction.dtype.category != 2 for direction in directions.values()):
        return None
    parts: list[Tensor] = []
    for i in chosen:
        direction = directions[i]
        if record.elementwise:  # the formula of a cotangent scales a tangent just so
            shape = made.array.shape
            if direction.array.shape != shape:
                direction = ref.ops.expand_to(direction, shape)
            parts += _pulled(ref, record, tensors, attributes, [made], [direction], [i], False, shape)
        elif record.linear:
            parts.append(ref.apply(record, [*tensors[:i], direction, *tensors[i + 1 :]], attributes))
        else:
            return None
    return reduce(add, parts)


def _is(ref: Reference, value: Any) -> bool:
    return isinstance(value, ref.Tensor)


def pushforward(
    ref: Reference, pulled: Sequence[Any], dummies: Sequence[Any], directions: Sequence[Any]
) -> list[Tensor]:
    """What ``pulled``, linear in the dummies, was pulled back from, for these directions of its inputs."""
    pairs = [(p, d) for p, d in zip(pulled, directions, strict=True) if p is not None and p.requires_grad]
    if not pairs:
        return [ref.zeros(dummy.array.shape, dummy.dtype) for dummy in dummies]
    sources, given = zip(*pairs, strict=True)
    gradient = ref.torch.autograd.grad
    return list(gradient(sources, dummies, given, create_graph=True, materialize_grads=True))


def _pulled(
    ref: Reference,
    record: Record,
    tensors: Sequence[Any],
    attributes: dict[str, Any],
    made: Sequence[Tensor],
    dummies: Sequence[Tensor],
    chosen: Sequence[int],
    many: bool,
    shape: tuple[int, ...] | None = None,
) -> list[Any]:
    """The cotangents of the chosen inputs, by the formulas of the primitive, in the shapes of these or in ``shape``."""
    inputs = [ref.as_tensor(tensor) for tensor in tensors]
    known = {"F": ref.ops, "g": tuple(dummies) if many else dummies[0]} | attributes
    known["result"] = tuple(made) if many else made[0]
    if record.variadic:
        name = record.inputs[0]
        known |= {name: tuple(inputs), f"{name}_shape": tuple(i.array.shape for i in inputs)}
        every = record.formulas[0](*(known[name] for name in record.uses[0]))  # type: ignore[misc]
    else:
        for name, tensor in zip(record.inputs, inputs, strict=False):
            known |= {name: tensor, f"{name}_shape": tensor.array.shape}
        every = {i: record.formulas[i](*(known[name] for name in record.uses[i])) for i in chosen}  # type: ignore[misc]
    return [
        None
        if every[i] is None
        else fit(ref, every[i], inputs[i].array.shape if shape is None else shape, inputs[i].dtype)
        for i in chosen
    ]


def without_history(ref: Reference, tensor: Tensor) -> Tensor:
    """The same memory and tangents, but nothing that autograd knows of."""
    bare = tensor.detach()
    _hand_over(tensor, bare)
    return bare


def _hand_over(tensor: Any, bare: Any) -> None:
    """A detached copy gets the tangents of its original, and so do the slices of a batched one."""
    bare.tangents = tensor.tangents
    for part, own in zip(getattr(tensor, "parts", ()), getattr(bare, "parts", ()), strict=True):
        _hand_over(part, own)


# Writes


def snapshot(ref: Reference, tensor: Tensor, old: Tensor) -> None:
    """The copy of a value that is about to change has copies of its tangents."""
    for level in levels(ref):
        direction = tangent(ref, tensor, level)
        if direction is not None:
            attach(old, level, ref.apply(CLONE, (direction,), {}))


def write(ref: Reference, tensor: Tensor, new: Tensor) -> None:
    """A tensor that was written to takes the tangents of what it holds now, in the memory of its own."""
    for level in levels(ref):
        own, change = tangent(ref, tensor, level), tangent(ref, new, level)
        if own is None and change is None:
            continue
        if own is None:
            own = _begin(ref, tensor, level, change)
        own.copy_(ref.zeros(own.array.shape, own.dtype) if change is None else change)


def _begin(ref: Reference, tensor: Tensor, level: int, change: Any) -> Tensor:
    """A tangent of zeros (batched, if what follows is), which a view shares with its base."""
    view = tensor.origin
    base = tensor if view is None else view.base
    attach(base, level, change.new_zeros(base.array.shape, dtype=base.dtype))
    found = tangent(ref, tensor, level)
    assert found is not None
    return found
