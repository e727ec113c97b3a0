"""Custom functions in forward mode and under vmap: their own ``jvp`` and ``vmap``."""

from __future__ import annotations

from collections import namedtuple
from typing import TYPE_CHECKING, Any

from . import batching, dual, mapping
from .trees import leaves, rebuild, spread

if TYPE_CHECKING:
    from .function import Context, Function

VmapInfo = namedtuple("VmapInfo", "batch_size randomness")


def apply(cls: type[Function], args: tuple[Any, ...]) -> Any:
    """An application while a transform or a dual level is under way."""
    ref = cls._ref
    if any(frame.kind != "dual" for frame in ref.modes.frames) and not cls._is_separate():
        raise RuntimeError(
            f"{cls.__name__} has a forward that takes ctx; a function transform needs one without, and setup_context"
        )
    if batching.present(ref, args):
        return _mapped(cls, args)
    results, ctx = _pushed(cls, args, None)
    ctx._for_forward = None
    return results


# Forward mode


def _pushed(cls: type[Function], args: tuple[Any, ...], output: Any) -> tuple[Any, Context]:
    """The results, with tangents where an argument has one; ``output`` is that of forward, where it is known."""
    ref = cls._ref
    tensors = [a for a in args if isinstance(a, ref.Tensor)]
    for level in dual.levels(ref):
        tangents = {id(a): dual.tangent(ref, a, level) for a in tensors}
        if any(tangent is not None for tangent in tangents.values()):
            break
    else:
        return cls._recorded(args, output)
    with dual.hidden(tensors, level):
        results, ctx = _pushed(cls, args, output)
        made = results if isinstance(results, tuple) else (results,)
        changes = _changes(cls, ctx, args, tangents, made)
    for result, change in zip(made, changes, strict=True):
        if change is not None:
            dual.attach(result, level, change)
    return results, ctx


def _changes(
    cls: type[Function], ctx: Context, args: tuple[Any, ...], tangents: dict[int, Any], made: tuple[Any, ...]
) -> list[Any]:
    ref = cls._ref
    given = []
    for arg in args:
        tangent = tangents.get(id(arg))
        if tangent is None and isinstance(arg, ref.Tensor) and ctx._materialize:
            tangent = ref.zeros(arg.array.shape, arg.dtype)
        given.append(tangent)
    found = cls.jvp(ctx, *given)
    changes = list(found) if isinstance(found, tuple) else [found]
    if len(changes) != len(made):
        raise RuntimeError(
            f"{cls.__name__}.jvp returned {len(changes)} tangents where there are {len(made)} results"
        )
    for result, change in zip(made, changes, strict=True):
        if change is None:
            continue
        if not isinstance(change, ref.Tensor):
            raise RuntimeError(f"{cls.__name__}.jvp returned {type(change).__name__}, not a tensor or None")
        if not isinstance(result, ref.Tensor) or change.array.shape != result.array.shape:
            raise RuntimeError(f"{cls.__name__}.jvp returned a tangent that does not fit its result")
    return changes


# vmap


def _mapped(cls: type[Function], args: tuple[Any, ...]) -> Any:
    ref = cls._ref
    own = cls._has_rule()
    if own == bool(cls.generate_vmap_rule):
        raise RuntimeError(
            f"{cls.__name__} needs a vmap staticmethod or generate_vmap_rule=True under vmap, and not both"
        )
    if not own:
        return batching.over_slices(ref, cls.apply, args, {})
    level = batching.innermost(ref, args)
    if not _differentiated_within(cls, args, level):
        return _by_rule(cls, args, level)
    # The rule stands for forward; derivatives are those of the function, one slice at a time.
    plain = tuple(_plain(cls, arg) for arg in args)
    with ref.no_grad():
        output = _by_rule(cls, plain, level)
    results = []
    for i, _ in batching.slices(ref, level, args):
        own_args, own_output = batching.of_slice(ref, (args, output), level, i)
        made, ctx = _pushed(cls, own_args, own_output)
        ctx._for_forward = None
        results.append(made)
    return batching.joined(ref, results, level)


def _differentiated_within(cls: type[Function], args: tuple[Any, ...], level: int) -> bool:
    """Whether a derivative is under way that began within the vmap."""
    ref = cls._ref
    if not any(frame.level > level and frame.kind != "vmap" for frame in ref.modes.frames):
        return False
    return any(isinstance(arg, ref.Tensor) and _is_watched(ref, arg) for arg in args)


def _is_watched(ref: Any, tensor: Any) -> bool:
    if type(tensor) is ref.Batched:
        return any(_is_watched(ref, part) for part in tensor.parts)
    return tensor.requires_grad or any(dual.tangent(ref, tensor, n) is not None for n in dual.levels(ref))


def _plain(cls: type[Function], arg: Any) -> Any:
    """An argument that no derivative knows of."""
    return arg.detach() if isinstance(arg, cls._ref.Tensor) else arg


def _by_rule(cls: type[Function], args: tuple[Any, ...], level: int) -> Any:
    """What the ``vmap`` of a function says, called with the whole arguments."""
    ref = cls._ref
    before = ref.modes.frames
    frame = next(frame for frame in before if frame.level == level)
    wholes = [mapping.whole(ref, arg, level) for arg in args]
    ref.modes.frames = tuple(other for other in before if other is not frame)
    try:
        answer = cls.vmap(
            VmapInfo(frame.size, frame.randomness),
            tuple(dim for _, dim in wholes),
            *(arg for arg, _ in wholes),
        )
        if not isinstance(answer, tuple) or len(answer) != 2:
            raise RuntimeError(f"{cls.__name__}.vmap has to return a pair (output, out_dims)")
        output, dims = answer
        try:
            places = spread(dims, output)
        except ValueError:
            raise RuntimeError(f"{cls.__name__}.vmap returned out_dims that do not fit its output") from None
        numbers = range(frame.size)
        parts = [
            mapping.cut(ref, leaf, dim, numbers, level)
            for leaf, dim in zip(leaves(output), places, strict=True)
        ]
        return rebuild(output, iter(parts))
    finally:
        ref.modes.frames = before
