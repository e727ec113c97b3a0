"""The `gradient:` lines of operators: stated gradients, held against the derivatives of the definitions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from reference_impls import Reference
from reference_impls.dtypes import float64

from ..spec import Expression, Text
from ..spec.words import FLOATING
from .arguments import Arguments
from .derivation import Derivation

if TYPE_CHECKING:
    from ..spec import Body, OperatorSpec

CLOSE = 1e-12
"""Relative to the largest element: the stated and the derived gradient are two formulas for one number."""


def wrong_gradients(spec: OperatorSpec, reference: Reference, vocabulary: dict[str, Any]) -> Iterator[str]:
    """A sentence for each stated gradient that is not the derivative of the definition at some sample."""
    for overload, body in spec.bodies.items():
        for name in body.gradient:
            for call in Derivation(spec, body, overload).calls():
                if set(call.dtypes) & set(FLOATING):
                    derived, stated = _both(body, str(name), call, reference, vocabulary)
                    if not _agree(derived, stated):
                        yield f"the stated gradient of {name} is not that of the definition ({call.name})"
                        break


def _both(
    body: Body, name: str, call: Arguments, reference: Reference, vocabulary: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    signature = body.signature
    names = {n: default.evaluate(vocabulary) for n, default in signature.defaults.items()}
    names |= {n: Expression(Text(text)).evaluate(vocabulary) for n, text in call.others.items()}
    names |= {n: reference.tensor_from(g.values, float64, n == name) for n, g in call.tensors.items()}
    assert body.definition is not None
    own = {n: value for n, value in names.items() if n in signature.names}
    result = body.definition.evaluate(vocabulary, **own)
    cotangent = reference.tensor_from(
        np.cos(np.arange(result.array.size)).reshape(result.array.shape), float64
    )
    (derived,) = reference.torch.autograd.grad(result, (names[name],), cotangent)
    stated = body.gradient[Text(name)].evaluate(vocabulary, **own, grad=cotangent, result=result)
    return derived.array, np.broadcast_to(stated.array, derived.array.shape)


def _agree(derived: np.ndarray, stated: np.ndarray) -> bool:
    scale = np.max(np.abs(derived[np.isfinite(derived)]), initial=0.0)
    with np.errstate(invalid="ignore"):
        return np.allclose(derived, stated, rtol=CLOSE, atol=CLOSE * scale, equal_nan=True)
