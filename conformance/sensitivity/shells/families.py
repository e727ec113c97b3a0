"""Faults in how a function is applied to a list: tensors left out, in the wrong order, with the wrong function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ...spec import FamilySpec
from .fault import Fault, Override

Tensors = list[Any]


def family_faults(spec: FamilySpec) -> Iterator[Fault]:
    """Faults of each form of each function; the method is the form, in the namespace that the family is in."""
    for name, members in spec.members():
        other = next((other for other in members.names if other != name), "abs" if name == "neg" else "neg")
        faults = {}
        if not name.endswith("_"):
            faults = {mutator: _changing(change) for mutator, change in RESULTS.items()}
            faults[f"{other} for the second"] = _changing(_second_by(other))
            if members.result == "float":
                faults |= {mutator: _changing(_differentiated(by)) for mutator, by in DERIVATIVES.items()}
            yield from _of(spec.form(name, in_place=False), REFUSALS | faults)
        faults = {mutator: _writing(write) for mutator, write in WRITES.items()}
        if members.result == "float":
            faults["integers accepted"] = _writing(_truncated)
        yield from _of(spec.form(name, in_place=True), REFUSALS | faults)


def _of(function: str, faults: dict[str, Override]) -> Iterator[Fault]:
    form = function.rpartition(".")[2]
    for mutator, override in faults.items():
        yield mutator, form, form, override


def _changing(change: Callable[[Tensors, Tensors], Any]) -> Override:
    """Of a form that returns: what is made of its results, and of its argument."""
    return lambda right: lambda tensors: change(right(tensors), list(tensors))


def _writing(write: Callable[[Callable[..., Any], Tensors], Any]) -> Override:
    """Of a form that writes: what is done in its place, where the argument is a list of several tensors."""

    def override(right: Callable[..., Any]) -> Callable[..., Any]:
        def faulty(tensors: Any) -> Any:
            several = type(tensors) is list and len(tensors) > 1 and all(hasattr(t, "dtype") for t in tensors)
            return write(right, tensors) if several else right(tensors)

        return faulty

    return override


def _second_by(other: str) -> Callable[[Tensors, Tensors], Tensors]:
    return lambda results, tensors: [*results[:1], *(getattr(t, other)() for t in tensors[1:2]), *results[2:]]


def _differentiated(by: str) -> Callable[[Tensors, Tensors], Tensors]:
    """The last result passed through an identity with a derivative of its own (`EXTRA`), where it can have one."""

    def change(results: Tensors, tensors: Tensors) -> Tensors:
        last = results[-1]
        smooth = last.is_floating_point() or last.is_complex()
        return [*results[:-1], getattr(last._ref.ops, by)(last) if smooth else last]

    return change


DERIVATIVES = {
    "gradient of the last scaled": "identity_of_scaled_gradient",
    "second derivative of the last scaled": "identity_of_scaled_second",
}


def _overwritten(results: Tensors, tensors: Tensors) -> Tensors:
    for tensor, result in zip(tensors, results, strict=True):
        if result.dtype == tensor.dtype:
            tensor.detach().copy_(result)
    return results


RESULTS: dict[str, Callable[[Tensors, Tensors], Any]] = {
    "order reversed": lambda results, tensors: results[::-1],
    "last tensor skipped": lambda results, tensors: [*results[:-1], tensors[-1].clone()],
    "empty tensors dropped": lambda results, tensors: [result for result in results if result.numel()],
    "first result off": lambda results, tensors: [results[0] + 0.015625, *results[1:]],
    "dtype of the first for all": lambda results, tensors: [
        result.to(results[0].dtype) for result in results
    ],
    "inputs overwritten": _overwritten,
    "history of the first dropped": lambda results, tensors: [results[0].detach(), *results[1:]],
    "a tuple returned": lambda results, tensors: tuple(results),
}


REFUSALS: dict[str, Override] = {
    "empty list accepted": lambda right: lambda tensors: right(tensors) if len(tensors) else [],
    "numbers skipped": lambda right: lambda tensors: right([t for t in tensors if hasattr(t, "dtype")]),
    "tensor accepted": lambda right: (
        lambda tensors: right([tensors] if hasattr(tensors, "dtype") else tensors)
    ),
}


def _unrecorded(right: Callable[..., Any], tensors: Tensors) -> None:
    with tensors[0]._ref.no_grad():
        right(tensors)


def _off(right: Callable[..., Any], tensors: Tensors) -> None:
    right(tensors)
    if tensors[0].is_floating_point():
        tensors[0].detach().add_(0.015625)


def _uncounted(right: Callable[..., Any], tensors: Tensors) -> None:
    right(tensors)
    for tensor in tensors:
        tensor.cell[0] -= 1


def _truncated(right: Callable[..., Any], tensors: Tensors) -> None:
    computed = [t if t.is_floating_point() or t.is_complex() else t.double() for t in tensors]
    right(computed)
    for tensor, result in zip(tensors, computed, strict=True):
        if tensor is not result:
            tensor.copy_(result)


def _returning(right: Callable[..., Any], tensors: Tensors) -> Tensors:
    right(tensors)
    return tensors


WRITES: dict[str, Callable[[Callable[..., Any], Tensors], Any]] = {
    "nothing written": lambda right, tensors: None,
    "last tensor skipped": lambda right, tensors: right(tensors[:-1]),
    "gaps not written": lambda right, tensors: right(
        [t if t.is_contiguous() else t.clone() for t in tensors]
    ),
    "first result off": _off,
    "works under no_grad": _unrecorded,
    "version not counted": _uncounted,
    "the list returned": _returning,
}
