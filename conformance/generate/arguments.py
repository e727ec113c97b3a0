"""The argument lists that an operator is called with: from a spec's `inputs` and `try` to tensors and text.

Elementwise operators declare no shapes and share the ones here; the rest declare theirs.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..case import Given
from ..spec.words import COMPLEX, FLOATING, INTEGER, REDUCTIONS
from .makers import Makers, evaluate, number, values

if TYPE_CHECKING:
    from ..spec import Body, Expression, Input, Signature

VECTOR = 35
"""Length of the vectors of elementwise samples: four vectors of eight lanes and a tail of three."""
BROADCAST = ((3, 1, 5), (2, 1), (5,))
"""Shapes that broadcast together, for operators with one to three inputs."""
LAYOUTS = {"transposed": (2,), "channels-last": (4,), "strided": (2, 1), "offset": (2, 1), "expanded": (2,)}
"""Ways to lie in memory, and how many dimensions the tensors need to lie so; vectors only where nothing has more."""


@dataclass(frozen=True)
class Arguments:
    """One call: the tensors by parameter name, and the text of the other arguments."""

    name: str
    tensors: Mapping[str, Given]
    others: Mapping[str, str]
    dtypes: tuple[str, ...]
    """The dtypes that this call makes sense in."""
    signature: Signature
    plain: bool = True
    """Whether its tensors have their first shape and floating dtypes."""
    second: bool = True
    """Whether derivatives beyond the gradient are asked of it. The first argument list is differentiated so in every
    reduction, the others in the default one: a reduction is linear, and beside the gradient it has no more to do."""

    @property
    def required(self) -> tuple[str, ...]:
        """Parameters without a default: they are passed by position."""
        return tuple(p.name for p in self.signature.parameters.values() if p.required)

    def text(
        self, function: str, rename: Mapping[str, str] | None = None, without: Sequence[str] = ()
    ) -> str:
        """The call as Python text; ``without`` drops arguments, ``rename`` replaces the text of some."""
        rename = rename or {}
        listed = []
        for name, parameter in self.signature.parameters.items():
            if name in without or (name not in self.tensors and name not in self.others):
                continue
            value = rename.get(name, name if name in self.tensors else self.others[name])
            listed.append(value if parameter.required else f"{name}={value}")
        return f"{function}({', '.join(listed)})"

    def differentiable(self, body: Body) -> tuple[str, ...]:
        """The tensors that can carry a gradient."""
        wanted = {str(name) for name, declared in body.inputs.items() if declared.differentiable}
        return tuple(
            name
            for name, given in self.tensors.items()
            if name in wanted and given.values.dtype.kind in "fc" and given.dtype is None
        )

    def with_gradients(self, names: Sequence[str]) -> dict[str, Given]:
        """The tensors, those named requiring grad."""
        return {name: replace(given, requires_grad=name in names) for name, given in self.tensors.items()}


def arguments(body: Body, key: str) -> Iterator[Arguments]:
    """Every call that is judged by value: the defaults first, then each of `try`."""
    signature = body.signature
    required = [p.name for p in signature.parameters.values() if p.required]
    trials = {str(id): signature.bind(call, supplied=body.inputs) for id, call in body.tries.items()}
    refused = any(not entry.call for entry in body.errors.values())  # the call with nothing but defaults
    if not refused and all(name in body.inputs for name in required):
        trials = {"defaults": {}, **trials}
    for position, (name, bound) in enumerate(trials.items()):
        others = {
            n: str(bound[n].text)
            for n in signature.names
            if n in bound and (n not in body.inputs or (n in required and bound[n].text == "None"))
        }
        # Whoever calls by position says None for what is not there.
        others |= {
            str(n): "None" for n, i in body.inputs.items() if n in required and not (i.present or n in bound)
        }
        variants = list(_variants(body, f"{key}:{name}", bound, first=position == 0))
        for reduction in _reductions(signature, bound):
            spoken = f", {reduction}" if reduction else ""
            chosen = {**others, "reduction": repr(reduction)} if reduction else others
            for tensors, suffix, dtypes in variants:
                ordered = {n: tensors[n] for n in signature.names if n in tensors}
                yield Arguments(
                    f"{name}{spoken}{suffix}",
                    ordered,
                    chosen,
                    dtypes,
                    signature,
                    plain=not suffix,
                    second=not reduction or position == 0,
                )


def _reductions(signature: Signature, bound: Mapping[str, Expression]) -> Iterator[str]:
    """The default reduction, as nothing; then the others, where the call leaves them open."""
    yield ""
    default = signature.defaults.get("reduction")
    if default is not None and "reduction" not in bound:
        yield from (name for name in REDUCTIONS if repr(name) != str(default.text).replace('"', "'"))


Variant = tuple[dict[str, Given], str, tuple[str, ...]]


def _variants(body: Body, key: str, bound: Mapping[str, Expression], first: bool) -> Iterator[Variant]:
    """The tensors of one call: in the shapes, and then in the kinds of dtypes, that apply to it."""
    inputs = {
        str(n): i for n, i in body.inputs.items() if (bound[n].text != "None" if n in bound else i.present)
    }
    free = [n for n in inputs if n not in bound and inputs[n].shape is None and inputs[n].values is None]
    shaped = any(i.shape is not None for i in inputs.values()) or not free
    shapes = [("", None)] if shaped or not first else list(_shapes(len(free)))
    kinds = _kinds(inputs)
    for (suffix, shape), (label, dtypes) in itertools.product(shapes, kinds):
        if label != FLOATING[0] and suffix:
            continue  # complex and integer values need no second shape
        made = {
            n: _make(
                inputs[n],
                f"{key}:{n}{suffix}",
                bound.get(n),
                label,
                shape[free.index(n)] if shape and n in free else None,
            )
            for n in inputs
        }
        if not shape:
            _with_points(made, {n: inputs[n] for n in free}, label)
        spoken = {"float64": "", "complex128": " complex", "int64": " integers", "bool": " booleans"}[label]
        yield made, f"{suffix}{spoken}", dtypes


def _kinds(inputs: Mapping[str, Input]) -> list[tuple[str, tuple[str, ...]]]:
    """The kinds of dtype that the inputs can share, each with its dtypes."""
    offered: set[str] | None = None
    for declared in inputs.values():
        dtypes = declared.dtype
        if not set(dtypes) & set(FLOATING + COMPLEX):
            continue  # an index or a mask keeps its own dtype
        offered = set(dtypes) if offered is None else offered & set(dtypes)
    if offered is None:
        first = next(iter(inputs.values()), None)
        offered = set(first.dtype) if first is not None else set(FLOATING)
    families = (FLOATING, COMPLEX, INTEGER, ("bool",))
    return [(f[0], tuple(d for d in f if d in offered)) for f in families if offered & set(f)]


def _shapes(count: int) -> Iterator[tuple[str, tuple[tuple[int, ...], ...] | None]]:
    yield "", None
    yield " scalar", ((),) * count
    yield " empty", ((0, 3),) * count
    yield " broadcast" if count > 1 else " matrix", tuple(BROADCAST[i % 3] for i in range(count))


def span(declared: Input) -> tuple[float, float]:
    """The ends of the range that an input declares."""
    if declared.range is None:
        return -2.0, 2.0
    low, high = declared.range
    return float(number(low)), float(number(high))


def _make(
    declared: Input, key: str, expression: Expression | None, label: str, shape: tuple[int, ...] | None
) -> Given:
    low, high = span(declared)
    own = declared.dtype
    if label not in own:  # an index, a mask, or a real companion of complex inputs
        label = next((f[0] for f in (FLOATING, INTEGER, ("bool",)) if f[0] in own), own[0])
    expression = expression or declared.values
    makers = Makers(key, low, high)
    if expression is not None:
        given = evaluate(expression, makers)
        if not isinstance(given, Given):
            raise TypeError(f"`{expression.text}` makes a {type(given).__name__}, not a tensor")
        if given.values.dtype.kind != "f" or label in FLOATING:
            return given
        shape = given.values.shape
    if shape is None:
        shape = number(declared.shape) if declared.shape is not None else (VECTOR,)
    if label in FLOATING:
        return Given(values(shape, low, high, key))
    if label in COMPLEX:
        return Given(values(shape, low, high, key) + 1j * values(shape, low, high, key + "i"))
    if label == "bool":
        return Given(values(shape, 0, 1, key) > 0.5)
    unsigned = max(int(low), 0)
    return Given(
        np.rint(values(shape, unsigned, max(min(int(high), 11), unsigned + 1), key)).astype(np.int64)
    )


def _with_points(made: dict[str, Given], inputs: Mapping[str, Input], label: str) -> None:
    """Prepend to elementwise vectors every combination of the points that the spec names."""
    if label != "float64" or not any(i.points for i in inputs.values()):
        return
    columns = [[float(number(p)) for p in i.points] or [0.5] for i in inputs.values()]
    grid = np.array(list(itertools.product(*columns)))
    for column, name in zip(grid.T, inputs, strict=True):
        made[name] = replace(made[name], values=np.concatenate([column, made[name].values]))


def laid_out(call: Arguments, layout: str, dimensions: int) -> Arguments | None:
    """The same call with its tensors of so many dimensions in another memory layout; None where it has none."""
    tensors = {}
    for name, given in call.tensors.items():
        if given.values.ndim < dimensions or given.values.size == 0 or given.values.dtype.kind not in "fc":
            tensors[name] = given
            continue
        array = (
            np.broadcast_to(given.values[:1], given.values.shape) if layout == "expanded" else given.values
        )
        tensors[name] = replace(given, values=np.array(array), layout=layout)
    if all(given.layout == "contiguous" for given in tensors.values()):
        return None
    return replace(call, name=layout, tensors=tensors, dtypes=tuple(d for d in call.dtypes if d in FLOATING))
