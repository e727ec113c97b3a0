"""Derivatives against central differences: of primitives at 200 bits, where a difference is exact to 30 digits."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from reference_impls import dtypes
from reference_impls.arithmetic import Arithmetic, Multiprecision
from reference_impls.primitive import Primitive
from reference_impls.reference import Reference

from .samples import CONSTANT, Sample

STEP = 2.0**-80
RELATIVE = 2.0**-90


@cache
def multiprecise() -> Reference:
    """A reference at 200 bits; making one is the expensive part."""
    return Reference(arithmetic=Multiprecision(bits=200))


def numbers(seed: int, like: np.ndarray) -> np.ndarray:
    """Random multiples of 1/64, complex where ``like`` is."""
    random = np.random.default_rng(seed)
    values = random.integers(-128, 129, like.shape) / 64 + 1 / 128
    if like.dtype.kind == "c":
        values = values + 1j * (random.integers(-128, 129, like.shape) / 64)
    return values


def central(function: Callable[[np.ndarray], Any], at: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """The gradient of a function of an array of doubles by central differences."""
    slopes = np.zeros_like(at)
    for place in np.ndindex(at.shape):
        aside = np.zeros_like(at)
        aside[place] = step
        slopes[place] = (function(at + aside) - function(at - aside)) / (2 * step)
    return slopes


def leaf(ref: Reference, array: np.ndarray, label: dtypes.DType | None = None) -> Any:
    return ref.tensor_from(array, label or dtypes.of_array(array), requires_grad=True)


def tensors(ref: Reference, sample: Sample) -> list[Any]:
    """The sample's inputs as leaves, or as constants where they are integers."""
    return [
        leaf(ref, x) if x.dtype.kind in "fc" else ref.tensor_from(x, dtypes.of_array(x))
        for x in sample.inputs
    ]


def run(ref: Reference, primitive: Primitive, inputs: Sequence[Any], sample: Sample) -> tuple[Any, ...]:
    out = ref.apply(primitive, inputs, dict(defaults(primitive), **sample.attributes))
    return out if isinstance(out, tuple) else (out,)


def defaults(primitive: Primitive) -> dict[str, Any]:
    parameters = inspect.signature(primitive.forward).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is not p.empty}


def differentiable(primitive: Primitive, sample: Sample) -> list[int]:
    """Positions of the inputs whose cotangent is checked."""
    names = primitive.inputs * len(sample.inputs) if primitive.variadic else primitive.inputs
    return [
        i
        for i, (name, x) in enumerate(zip(names, sample.inputs, strict=False))
        if x.dtype.kind in "fc" and name in primitive.vjp and (primitive.name, name) not in CONSTANT
    ]


def inner(xp: Arithmetic, a: np.ndarray, b: np.ndarray) -> Any:
    """The real inner product of two arrays, of complex numbers taken as pairs."""
    return xp.sum(xp.real(xp.multiply(xp.conjugate(a), b)))[()]


def moved(arrays: Sequence[np.ndarray], position: int, direction: np.ndarray, step: Any) -> list[np.ndarray]:
    arrays = list(arrays)
    arrays[position] = np.asarray(arrays[position] + direction * step)
    return arrays


class Check:
    """One primitive at one sample: first and second derivatives against differences."""

    def __init__(self, primitive: Primitive, sample: Sample) -> None:
        self.ref, self.primitive, self.sample = multiprecise(), primitive, sample
        self.xp = self.ref.arithmetic
        self.positions = differentiable(primitive, sample)
        self.labels = [dtypes.of_array(x) for x in sample.inputs]
        self.arrays = [self.xp.from_numpy(x) for x in sample.inputs]
        outputs = run(self.ref, primitive, tensors(self.ref, sample), sample)
        self.output_labels = [out.dtype for out in outputs]
        self.cotangents = [
            self.xp.from_numpy(numbers(7 + i, np.zeros(tuple(out.shape), out.dtype.storage)))
            for i, out in enumerate(outputs)
        ]
        self.directions = {i: self.xp.from_numpy(numbers(31 + i, sample.inputs[i])) for i in self.positions}

    def _outputs(self, arrays: Sequence[np.ndarray]) -> Any:
        out = self.primitive.forward(self.xp, *arrays, **self.sample.attributes)
        return out if isinstance(out, tuple) else (out,)

    def _loss(self, arrays: Sequence[np.ndarray]) -> Any:
        return sum(
            inner(self.xp, c, np.asarray(y))
            for c, y in zip(self.cotangents, self._outputs(arrays), strict=True)
        )

    def _gradients(
        self, arrays: Sequence[np.ndarray], cotangents: Sequence[np.ndarray]
    ) -> tuple[Any, Any, Any]:
        """Leaves, cotangent leaves, and the gradients of the positions, with their graph."""
        leaves = [
            self.ref.tensor_from(x, label, requires_grad=i in self.positions)
            for i, (x, label) in enumerate(zip(arrays, self.labels, strict=True))
        ]
        starts = [leaf(self.ref, c, label) for c, label in zip(cotangents, self.output_labels, strict=True)]
        outputs = run(self.ref, self.primitive, leaves, self.sample)
        grads = self.ref.torch.autograd.grad(
            outputs,
            [leaves[i] for i in self.positions],
            grad_outputs=starts,
            create_graph=True,
            allow_unused=True,
        )
        grads = [
            g if g is not None else self.ref.ops.zeros_like(leaves[i])
            for g, i in zip(grads, self.positions, strict=True)
        ]
        return leaves, starts, grads

    def _agree(self, analytic: Any, plus: Any, minus: Any, what: str) -> None:
        difference = (plus - minus) / (2 * STEP)
        scale = max(abs(analytic), abs(difference), 1e-3)
        if not abs(analytic - difference) <= RELATIVE * scale:
            raise AssertionError(f"{self.primitive.name}: {what} is {analytic}, by differences {difference}")

    def first_order(self) -> None:
        _, _, grads = self._gradients(self.arrays, self.cotangents)
        for grad, i in zip(grads, self.positions, strict=True):
            v = self.directions[i]
            self._agree(
                inner(self.xp, v, grad.array),
                self._loss(moved(self.arrays, i, v, STEP)),
                self._loss(moved(self.arrays, i, v, -STEP)),
                f"the derivative by input {i}",
            )

    def _pairing(self, grads: Any) -> Any:
        return sum(
            inner(self.xp, self.directions[i], g.array) for g, i in zip(grads, self.positions, strict=True)
        )

    def second_order(self) -> None:
        """Derivatives of the paired gradient by every input and by the cotangents."""
        leaves, starts, grads = self._gradients(self.arrays, self.cotangents)
        pairs = [
            (g, self.directions[i]) for g, i in zip(grads, self.positions, strict=True) if g.requires_grad
        ]
        wanted = [leaves[i] for i in self.positions] + starts
        second = self.ref.torch.autograd.grad(
            [g for g, _ in pairs],
            wanted,
            grad_outputs=[self.ref.tensor_from(v, g.dtype) for g, v in pairs],
            allow_unused=True,
        )
        for n, (grad, by) in enumerate(zip(second, wanted, strict=True)):
            v = self.xp.from_numpy(numbers(57 + n, np.zeros(by.array.shape, by.dtype.storage)))
            values = []
            for step in (STEP, -STEP):
                if n < len(self.positions):
                    arrays, cotangents = moved(self.arrays, self.positions[n], v, step), self.cotangents
                else:
                    arrays, cotangents = self.arrays, moved(self.cotangents, n - len(self.positions), v, step)
                values.append(self._pairing(self._gradients(arrays, cotangents)[2]))
            analytic = 0 if grad is None else inner(self.xp, v, grad.array)
            self._agree(analytic, *values, f"the second derivative by argument {n}")


def scaled(primitive: Primitive, name: str) -> Primitive:
    """A fault: the formula of one input is a thousandth too large, or where it is zero, a thousandth."""
    formula = primitive.vjp[name]

    def fault(cotangent: Any, g: Any) -> Any:
        total = abs(np.asarray(cotangent.array)).sum()
        return cotangent * 1.001 if total else cotangent + g * 0.001

    def faulty(*arguments: Any) -> Any:
        known = dict(zip(uses, arguments, strict=True))
        out = formula(*(known[use] for use in inspect.signature(formula).parameters))
        if isinstance(out, list):
            return [fault(part, part + 1) for part in out]
        return fault(out, known["g"] if not isinstance(known["g"], tuple) else out + 1)

    uses = list(dict.fromkeys([*inspect.signature(formula).parameters, "g"]))
    faulty.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(use, inspect.Parameter.POSITIONAL_OR_KEYWORD) for use in uses]
    )
    return dataclasses.replace(primitive, vjp={**primitive.vjp, name: faulty})
