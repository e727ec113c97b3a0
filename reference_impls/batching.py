"""Within ``vmap`` a function runs once, on tensors that stand for all slices; operators run on one after the other."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from . import dual
from .grad_mode import Frame
from .tensor import Tensor
from .trees import leaves, rebuild

if TYPE_CHECKING:
    from .reference import Reference


class Batched(Tensor):
    """The slices of a tensor within one vmap. It looks like one of them, and its values cannot be looked at."""

    parts: list[Any]
    level: int
    whole: tuple[Any, int] | None = None
    """The tensor that they are slices of, and the dimension, where there is one."""

    # Reads and writes of these are of the first slice, to which the others are alike.

    @property
    def array(self) -> Any:  # type: ignore[override]
        return self.parts[0].array

    @property
    def dtype(self) -> Any:  # type: ignore[override]
        return self.parts[0].dtype

    @property
    def exact(self) -> bool:  # type: ignore[override]
        return all(part.exact for part in self.parts)

    @property
    def cell(self) -> list[int]:  # type: ignore[override]
        return self.parts[0].cell

    @property  # type: ignore[misc]
    def requires_grad(self) -> bool:
        return any(part.requires_grad for part in self.parts)

    @property
    def is_leaf(self) -> bool:
        return all(part.is_leaf for part in self.parts)

    def current_node(self) -> Any:
        return self.parts[0].current_node()

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        for part in self.parts:
            part.requires_grad_(requires_grad)
        return self

    def detach(self) -> Tensor:
        whole = self.whole and (self.whole[0].detach(), self.whole[1])
        return of_slices(self._ref, [part.detach() for part in self.parts], self.level, whole)

    def backward(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError("backward cannot be called inside of vmap; use torch.func.grad or vjp")

    def __repr__(self) -> str:
        return f"<{len(self.parts)} slices of shape {self.array.shape}>"


def _refused(name: str) -> Callable[..., Any]:
    def refuse(self: Any, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(f"vmap: {name} asks for the value of a tensor that has another one in each slice")

    return refuse


for _name in ("item", "tolist", "numpy", "data_ptr"):
    setattr(Batched, _name, _refused(_name))
for _name in ("array", "bool", "float", "int", "complex", "index"):
    setattr(Batched, f"__{_name}__", _refused(_name))


def class_for(ref: Reference) -> type[Batched]:
    """The class of one reference, whose methods of the vocabulary are on slices already."""
    return type("Batched", (Batched, ref.Tensor), {"__doc__": Batched.__doc__})


def complete(ref: Reference) -> None:
    """The methods that no primitive stands behind."""
    for name in ("zeros", "ones", "empty", "full", "tensor"):
        setattr(ref.Batched, f"new_{name}", lifted(ref, getattr(ref.Tensor, f"new_{name}")))
    for name in ("equal", "allclose"):
        setattr(ref.Batched, name, lifted(ref, getattr(ref.Tensor, name)))
    for name in ("uniform_", "normal_"):
        setattr(ref.Batched, name, written(ref, getattr(ref.Tensor, name)))


DYNAMIC = ("nonzero", "nonzero_table", "argwhere", "masked_select", "unique", "unique_consecutive")
DRAWS = (
    "rand",
    "randn",
    "randint",
    "randperm",
    "rand_like",
    "randn_like",
    "randint_like",
    "bernoulli",
    "normal",
)


def factories(ref: Reference, names: dict[str, Any]) -> dict[str, Any]:
    """The factories of a reference and what else knows nothing of slices."""
    complete(ref)
    return {
        name: lifted(ref, value, name in DRAWS) if callable(value) and not isinstance(value, type) else value
        for name, value in names.items()
    }


def of_slices(ref: Reference, parts: list[Any], level: int, whole: Any = None) -> Any:
    made = object.__new__(ref.Batched)
    made.parts, made.level, made.whole = parts, level, whole
    return made


def present(ref: Reference, tree: Any) -> bool:
    return any(type(leaf) is ref.Batched for leaf in leaves(tree))


# What is under way


@contextmanager
def frame(ref: Reference, kind: str, size: int = 0, randomness: str = "") -> Iterator[int]:
    """A transform is under way; yields its level."""
    before, level = ref.modes.frames, ref.next_level()
    ref.modes.frames = (*before, Frame(kind, level, size, randomness))
    try:
        yield level
    finally:
        ref.modes.frames = before
        if kind == "forward":
            dual.forget(ref, level)


# Operators


def over_slices(ref: Reference, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """A function on each slice of its batched arguments (of the innermost vmap among them), joined."""
    name = getattr(args[0] if args else None, "name", getattr(function, "__name__", ""))
    if name in DYNAMIC or (name == "getitem" and _chooses(ref, args)):
        raise RuntimeError(f"vmap: {name} has a result whose shape depends on the values of a slice")
    level = innermost(ref, (args, kwargs))
    results = []
    for i, _ in slices(ref, level, (args, kwargs)):
        own_args, own_kwargs = of_slice(ref, (args, kwargs), level, i)
        results.append(function(*own_args, **own_kwargs))
    return joined(ref, results, level)


def _chooses(ref: Reference, args: Any) -> bool:
    """Whether an index holds a mask of each slice."""
    return any(type(leaf) is ref.Batched and leaf.dtype.category == 0 for leaf in leaves(args[1:]))


def innermost(ref: Reference, tree: Any) -> int:
    """The level of the innermost vmap that something in a tree is batched by."""
    return max(leaf.level for leaf in leaves(tree) if type(leaf) is ref.Batched)


def slices(ref: Reference, level: int, tree: Any) -> Iterator[tuple[int, bool]]:
    """The numbers of the slices, and whether it is the last.

    Meanwhile their vmap is out of the way, and draws are as it says.
    """
    count = next(len(b.parts) for b in leaves(tree) if type(b) is ref.Batched and b.level == level)
    before, generator = ref.modes.frames, ref.arithmetic.generator
    randomness = next((f.randomness for f in before if f.level == level), "different")
    start = generator.bit_generator.state if randomness == "same" else None
    ref.modes.frames = tuple(frame for frame in before if frame.level != level)
    try:
        if randomness == "error":
            ref.arithmetic.generator = Refusing()
        for i in range(count):
            if start is not None:
                generator.bit_generator.state = start
            yield i, i == count - 1
    finally:
        ref.modes.frames, ref.arithmetic.generator = before, generator


def of_slice(ref: Reference, tree: Any, level: int, i: int) -> Any:
    return rebuild(
        tree,
        (
            leaf.parts[i] if type(leaf) is ref.Batched and leaf.level == level else leaf
            for leaf in leaves(tree)
        ),
    )


def joined(ref: Reference, results: list[Any], level: int) -> Any:
    """The results of the slices as one."""

    def join(parts: tuple[Any, ...]) -> Any:
        if all(isinstance(part, Tensor) for part in parts):
            if len({part.array.shape for part in parts}) > 1:
                raise RuntimeError("vmap: the slices have results of different shapes")
            return of_slices(ref, list(parts), level)
        if isinstance(parts[0], bool):
            raise RuntimeError("vmap: a result depends on the values of a slice")
        return parts[0]

    columns = zip(*(leaves(result) for result in results), strict=True)
    return rebuild(results[0], (join(column) for column in columns))


def written(ref: Reference, function: Callable[..., Any]) -> Callable[..., Any]:
    """An operator that writes to its first argument, which has to be batched as often as the others are."""

    @functools.wraps(function)
    def call(target: Any, *args: Any, **kwargs: Any) -> Any:
        if not ref.modes.frames or not present(ref, (target, args, kwargs)):
            return function(target, *args, **kwargs)
        level = innermost(ref, (target, args, kwargs))
        if type(target) is not ref.Batched or target.level < level:
            raise RuntimeError("vmap: values of every slice cannot be written to a tensor that has no slices")
        for i, _ in slices(ref, level, target):
            own, own_args, own_kwargs = of_slice(ref, (target, args, kwargs), level, i)
            call(own, *own_args, **own_kwargs)
        return target

    return call


def lifted(ref: Reference, function: Callable[..., Any], draws: bool = False) -> Callable[..., Any]:
    """A function that knows nothing of slices, made to run on each; or to draw for each."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if ref.modes.frames:
            if present(ref, (args, kwargs)):
                return over_slices(ref, call, args, kwargs)
            if draws:
                return draw(ref, lambda: function(*args, **kwargs))
        return function(*args, **kwargs)

    return call


def paired(ref: Reference, make: Callable[..., Any]) -> Callable[..., Any]:
    """``make(tensor, tangent, level)`` on slices of the tensor; a tangent alone may be batched as it is."""
    each = lifted(ref, make)
    return lambda tensor, *others: (each if type(tensor) is ref.Batched else make)(tensor, *others)


def gradient(ref: Reference, grad: Callable[..., Any]) -> Callable[..., Any]:
    """``torch.autograd.grad`` within vmap: the graph of each slice. Batched cotangents alone go through one graph."""

    @functools.wraps(grad)
    def call(
        outputs: Any,
        inputs: Any,
        grad_outputs: Any = None,
        retain_graph: Any = None,
        *args: Any,
        **options: Any,
    ) -> Any:
        if not ref.modes.frames or not present(ref, (outputs, inputs)):
            return grad(outputs, inputs, grad_outputs, retain_graph, *args, **options)
        given = (outputs, inputs, grad_outputs)
        level = innermost(ref, given)
        results: list[Any] = []
        for i, last in slices(ref, level, given):  # what they share is freed by the last one
            results.append(
                call(*of_slice(ref, given, level, i), retain_graph if last else True, *args, **options)
            )
        return joined(ref, results, level)

    return call


# Random numbers


class Refusing:
    """The generator within ``randomness="error"``."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(
            "vmap: a random operator was called; say with randomness= whether slices draw the same numbers"
        )


def draw(ref: Reference, function: Callable[[], Any]) -> Any:
    """Random numbers that depend on no slice: the same for all, or others for each."""
    frames = ref.modes.frames
    for number in reversed(range(len(frames))):
        frame = frames[number]
        if frame.kind == "vmap":
            ref.modes.frames = (*frames[:number], *frames[number + 1 :])
            try:
                if frame.randomness == "error":
                    Refusing().draw  # noqa: B018 - it raises
                if frame.randomness == "same":
                    return draw(ref, function)
                return joined(ref, [draw(ref, function) for _ in range(frame.size)], frame.level)
            finally:
                ref.modes.frames = frames
    return function()
