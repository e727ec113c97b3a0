"""How much there is to do: operations and bytes, from the definition.

The definition runs once on a reference that counts. An *operation* is one element of an arithmetic result as
the definition writes it, whatever function that is: `exp` of n elements is n operations, `beta * x + 1` is 2n. A
contraction of k terms is 2k operations an element, a sum as many as it has additions. Data movement and decisions
(comparisons, selections, `max`) count nothing. Derivatives are counted as the tape computes them.

*Bytes* are those of one ideal pass: every input read once and every result written once. With backward: the inputs
and the cotangent read, the result and the gradients written. For a step: parameter and state read and written,
the gradient read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reference_impls import Reference
from reference_impls.dtypes import FLOATING, NAMES
from reference_impls.primitive import Kind, Primitive
from reference_impls.tape import Record

from ..assemble import assemble
from ..backends.reference import ReferenceBackend
from ..spec import OptimizerSpec, Text
from .work import BACKWARD, FORWARD, PARAMETERS, SHAPE, Work, step_program, works

REDUCTIONS = frozenset({"sum", "sum_to", "prod_along", "accumulate", "fold_windows"})
SAMPLE = (64, 64)
"""The parameter on which a step is counted; it does the same to every element."""


@dataclass(frozen=True)
class Count:
    """Operations, elements moved in the tested dtype, and bytes moved in dtypes of their own (indices, masks)."""

    operations: float
    elements: float
    fixed: float = 0.0

    def bytes(self, dtype: str) -> float:
        """Bytes moved where floating tensors are of this dtype."""
        return self.elements * NAMES[dtype].itemsize + self.fixed


class Counting(Reference):
    """A reference that counts its operations."""

    operations = 0

    def apply(self, record: Record | Primitive, tensors: Sequence[Any], attributes: dict[str, Any]) -> Any:
        result = super().apply(record, tensors, attributes)
        primitive = record.primitive if isinstance(record, Record) else record
        if primitive.kind in (Kind.ARITHMETIC, Kind.ACCUMULATING):
            self.operations += _operations(primitive.name, tensors, result)
        return result


def _operations(name: str, tensors: Sequence[Any], result: Any) -> int:
    size = sum(part.array.size for part in result) if isinstance(result, tuple) else result.array.size
    if name in ("matrix_product", "dot"):
        return 2 * size * tensors[0].shape[-1]
    if name in REDUCTIONS:
        return max(tensors[0].array.size - size, 0)
    if name in ("det", "cholesky_factor", "solve_system"):
        return _factored(name, tensors)
    return size


def _factored(name: str, tensors: Sequence[Any]) -> int:
    """Leading terms of elimination (twice that of Cholesky's), and of the two substitutions."""
    *batch, n, _ = tensors[0].shape
    cubic = n**3 // 3 if name == "cholesky_factor" else 2 * n**3 // 3
    substitutions = 2 * n * n * tensors[1].shape[-1] if name == "solve_system" else 0
    return math.prod(batch) * (cubic + substitutions)


def count(work: Work) -> Count:
    """What a piece of work amounts to."""
    counting = Counting()
    assemble([work.spec], counting)
    backend = ReferenceBackend(counting)
    if isinstance(work.spec, OptimizerSpec):
        return _of_step(work, work.spec, backend, counting)
    # With backward too the inputs and the result are those of forward.
    forward = next(other for other in works(work.spec) if (other.id, other.variant) == (work.id, FORWARD))
    names = forward.prepare(backend, "cpu", "float64")
    result, operations = _counted(names["work"], counting)
    moved = [*(names[name] for name in work.inputs), *_tensors(result)]
    stated = operations if work.operations is None else work.operations
    if work.variant == BACKWARD:
        names = work.prepare(backend, "cpu", "float64")
        gradients, more = _counted(names["work"], counting)
        stated += more - operations
        moved += [*names["cotangents"], *gradients]
    return _count(stated, moved)


def _of_step(work: Work, spec: OptimizerSpec, backend: ReferenceBackend, counting: Counting) -> Count:
    """A step of one small parameter, as often as the work has such."""
    options = spec.bench[Text(work.id)].call.text
    small = replace(work, program=step_program(spec, options, 1, SAMPLE))
    names = small.prepare(backend, "cpu", "float64")
    _, operations = _counted(names["work"], counting)
    (parameter,) = names["parameters"]
    state = [
        value for value in _tensors(list(names["optimizer"].state.get(parameter, {}).values())) if value.ndim
    ]
    once = _count(operations, [parameter, parameter, parameter.grad, *state, *state])
    times = PARAMETERS * math.prod(SHAPE) / math.prod(SAMPLE)
    return Count(once.operations * times, once.elements * times, once.fixed * times)


def _counted(work: Callable[[], Any], counting: Counting) -> tuple[Any, float]:
    before = counting.operations
    result = work()
    return result, float(counting.operations - before)


def _count(operations: float, moved: Iterable[Any]) -> Count:
    """The count for tensors of the reference that are moved once each."""
    elements = fixed = 0.0
    for tensor in moved:
        if tensor.dtype.category >= FLOATING:
            elements += tensor.array.size * (2 if tensor.dtype.is_complex else 1)
        else:
            fixed += tensor.array.size * tensor.dtype.itemsize
    return Count(operations, elements, fixed)


def _tensors(result: Any) -> list[Any]:
    """The tensors of a result, however nested."""
    if isinstance(result, (tuple, list)):
        return [tensor for part in result for tensor in _tensors(part)]
    return [result] if hasattr(result, "array") else []
