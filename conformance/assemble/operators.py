"""Operators of the reference: a spec's definition as a function with the documented signature."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from reference_impls import Reference, inplace
from reference_impls.dtypes import NAMES

from ..spec.words import DEPRECATED_FLAGS

if TYPE_CHECKING:
    from ..spec import Body, OperatorSpec

CONSTANTS = {"inf": math.inf, "nan": math.nan, "pi": math.pi}
HOW = ("out", "inplace")
"""Parameters that say where the result goes, not what it is: no definition mentions them."""


def vocabulary_of(reference: Reference) -> dict[str, Any]:
    """What the names of formulas mean."""
    return {**CONSTANTS, **vars(reference.ops)}


def operator_function(spec: OperatorSpec, reference: Reference) -> Callable[..., Any]:
    """The operator as torch's users call it: overloads chosen by their arguments, `out=` and `inplace=` honoured."""
    overloads = [_Overload(body, reference, str(spec.operator)) for body in spec.bodies.values()]
    only = overloads[0] if len(overloads) == 1 else None

    def operator(*args: Any, **kwargs: Any) -> Any:
        for overload in overloads:
            bound = overload.bind(args, kwargs)
            if bound is not None and (overload is only or overload.fits(bound)):
                return overload(bound)
        raise TypeError(f"{spec.operator}: the arguments fit no documented signature")

    operator.__name__ = operator.__qualname__ = str(spec.operator).rpartition(".")[2]
    return operator


def reduced(bound: dict[str, Any]) -> dict[str, Any]:
    """Arguments in which `reduction` says what the deprecated ones said.

    Either of them, where given, overrides it: https://docs.pytorch.org/docs/stable/generated/torch.nn.MSELoss.html
    """
    bound = dict(bound)
    average, reduce = (bound.pop(name) for name in DEPRECATED_FLAGS)
    if average is not None or reduce is not None:
        bound["reduction"] = "none" if reduce is False else "sum" if average is False else "mean"
    return bound


class _Overload:
    def __init__(self, body: Body, reference: Reference, name: str) -> None:
        self.reference = reference
        signature = body.signature
        parameters = signature.parameters
        vocabulary = vocabulary_of(reference)
        self.positional = [p.name for p in parameters.values() if not p.keyword_only]
        self.names = frozenset(parameters)
        self.defaults = {n: d.evaluate(vocabulary) for n, d in signature.defaults.items()}
        self.required = tuple(p.name for p in parameters.values() if p.required)
        self.categories: dict[str, set[int]] = {
            str(n): {NAMES[d].category for d in i.dtype if d in NAMES} for n, i in body.inputs.items()
        }
        assert body.definition is not None, "an operator without a definition is not assembled"
        self.has_deprecated_flags = body.has_deprecated_flags
        unknown = HOW + (DEPRECATED_FLAGS if self.has_deprecated_flags else ())
        known = tuple(n for n in parameters if n not in unknown)
        definition = body.definition.function(known, vocabulary)
        rule = body.result[0] if len(body.result) == 1 else body.result
        self.function = reference.operator(definition, rule, name)

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any] | None:
        """The arguments by name, or None where this signature does not take them."""
        if len(args) > len(self.positional) or not self.names.issuperset(kwargs):
            return None
        given = dict(zip(self.positional, args, strict=False))
        if given.keys() & kwargs.keys():
            return None
        bound = {**self.defaults, **given, **kwargs}
        return bound if all(name in bound for name in self.required) else None

    def fits(self, bound: dict[str, Any]) -> bool:
        """Whether tensors, of the right kind of dtype, stand just where this overload documents tensors."""
        for name, value in bound.items():
            if isinstance(value, self.reference.Tensor):
                if name not in HOW and value.dtype.category not in self.categories.get(name, ()):
                    return False
            elif name in self.categories and name in self.required:
                return False
        return True

    def __call__(self, bound: dict[str, Any]) -> Any:
        out, in_place = bound.pop("out", None), bound.pop("inplace", False)
        if self.has_deprecated_flags:
            bound = reduced(bound)
        if out is not None:
            return self.write(out, bound)
        if in_place:
            first = self.positional[0]
            target = bound.pop(first)
            form = inplace.derive(
                self.reference, lambda value: self.function(**{first: value}, **bound), first
            )
            return form(target)
        return self.function(**bound)

    def write(self, out: Any, bound: dict[str, Any]) -> Any:
        """The result written to ``out``, which is no part of any graph."""
        tensors = [out, *(value for value in bound.values() if isinstance(value, self.reference.Tensor))]
        if self.reference.modes.grad and any(tensor.requires_grad for tensor in tensors):
            raise RuntimeError(
                "`out=` does not support automatic differentiation, but an argument requires grad"
            )
        if any(frame.kind == "vmap" for frame in self.reference.modes.frames):
            raise RuntimeError("`out=` is not supported under vmap")
        return inplace.copy_(self.reference, out, self.function(**bound))
