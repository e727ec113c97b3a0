"""Operators of the reference: a spec's definition as a function with the documented signature."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from reference_impls import Reference, inplace

if TYPE_CHECKING:
    from ..spec import Body, OperatorSpec

HOW = ("out", "inplace")
"""Parameters that say where the result goes, not what it is: no definition mentions them."""


def operator_function(spec: OperatorSpec, reference: Reference) -> Callable[..., Any]:
    """The operator as torch's users call it: overloads chosen by their arguments, `out=` and `inplace=` honoured."""
    overloads = [_Overload(body, reference, str(spec.operator)) for body in spec.bodies.values()]

    def operator(*args: Any, **kwargs: Any) -> Any:
        for overload in overloads:
            bound = overload.bind(args, kwargs)
            if bound is not None:
                return overload(bound)
        raise TypeError(f"{spec.operator}: the arguments fit no documented signature")

    operator.__name__ = operator.__qualname__ = str(spec.operator).rpartition(".")[2]
    return operator


class _Overload:
    def __init__(self, body: Body, reference: Reference, name: str) -> None:
        self.reference = reference
        signature = body.signature
        parameters = signature.parameters
        vocabulary = vars(reference.ops)
        self.positional = [p.name for p in parameters.values() if not p.keyword_only]
        self.names = frozenset(parameters)
        self.defaults = {n: d.evaluate(vocabulary) for n, d in signature.defaults.items()}
        self.required = tuple(p.name for p in parameters.values() if p.required)
        self.tensors = {n for n in body.inputs if n in parameters}
        definition = body.definition.function(tuple(n for n in parameters if n not in HOW), vocabulary)
        self.function = reference.operator(definition, body.result, name)

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any] | None:
        """The arguments by name, or None where they do not fit this overload."""
        if len(args) > len(self.positional) or not self.names.issuperset(kwargs):
            return None
        given = dict(zip(self.positional, args, strict=False))
        if given.keys() & kwargs.keys():
            return None
        bound = {**self.defaults, **given, **kwargs}
        if any(name not in bound for name in self.required):
            return None
        is_tensor = self.reference.Tensor
        for name, value in bound.items():
            # A number may stand where a tensor is documented, but never a tensor where a number is.
            if (isinstance(value, is_tensor) and name not in self.tensors and name not in HOW) or (
                name in self.required and name in self.tensors and not isinstance(value, (is_tensor, int, float, complex))
            ):
                return None
            if isinstance(value, int) and name in self.tensors and name in self.required and len(self.required) == 2:
                return None  # `max(x, 0)` has a dimension, not a second tensor
        return bound

    def __call__(self, bound: dict[str, Any]) -> Any:
        out, inplace = bound.pop("out", None), bound.pop("inplace", False)
        if out is None and not inplace:
            return self.function(**bound)
        if out is not None:
            return self.write(out, bound)
        first = self.positional[0]
        target = bound.pop(first)
        form = inplace.derive(self.reference, lambda value: self.function(**{first: value}, **bound), first)
        return form(target)

    def write(self, out: Any, bound: dict[str, Any]) -> Any:
        """The result written to ``out``, which is no part of any graph."""
        tensors = [out, *(value for value in bound.values() if isinstance(value, self.reference.Tensor))]
        if self.reference.modes.grad and any(tensor.requires_grad for tensor in tensors):
            raise RuntimeError("`out=` does not support automatic differentiation, but an argument requires grad")
        return inplace.copy_(self.reference, out, self.function(**bound))
