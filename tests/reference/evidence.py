"""What the predicates of torch's deviations ask a difference for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import torch

from .lockstep import Side, State, Step, same


def agreed(step: Step) -> bool:
    """Whether both accepted the statement."""
    return step.errors == (None, None)


def refused_by_torch(step: Step, *words: str) -> bool:
    return step.errors == (None, "RuntimeError") and all(word in str(step.theirs.error) for word in words)


def all_tensors(step: Step, test: Callable[[Any, State, State, set[str]], bool]) -> bool:
    """Whether only tensors differ, and all pass a test: torch's tensor, both states, the differing fields."""
    if not step.seen or not all(isinstance(state, State) for pair in step.seen.values() for state in pair):
        return False
    return all(
        test(step.theirs.scope[name], ours, theirs, {f for f in State._fields if differ(ours, theirs, f)})
        for name, (ours, theirs) in step.seen.items()
    )


def differ(ours: State, theirs: State, field: str) -> bool:
    return not same(getattr(ours, field), getattr(theirs, field))


def only_hooks(step: Step, names: Iterable[str]) -> bool:
    """Whether nothing but the calls of these hooks differ."""
    return agreed(step) and bool(step.seen) and set(step.seen) <= set(names)


def registrations(step: Step, pattern: str) -> list[re.Match]:
    """The statements that register hooks in this way; the groups are the hook and its tensors."""
    found = (re.match(r"(h\d+) = " + pattern, line) for line in step.lines)
    return [match for match in found if match and match[2] in step.theirs.scope]


def ancestors(step: Step, name: str) -> list[str]:
    """A tensor, what it was made from, what that was made from, …"""
    made = re.search(rf"^(?:with .*: )?{name} = (v\d+)[.[]", "\n".join(step.lines), re.MULTILINE)
    return [name, *ancestors(step, made[1])] if made else [name]


def running(step: Step) -> set[Any]:
    """Torch's functions that the statement runs, as they were before it."""
    scope = step.before(torch).scope
    roots = (scope[name] for name in re.findall(r"v\d+", step.line) if name in scope)
    nodes = reachable({tensor.grad_fn for tensor in roots} - {None})
    if not step.inputs():
        return nodes
    inputs = [scope[name] for name in step.inputs()]
    targets = {
        node
        for node in nodes
        if any(node is t.grad_fn or getattr(node, "variable", None) is t for t in inputs)
    }
    return {node for node in nodes if targets & reachable({node})}


def reachable(nodes: set[Any]) -> set[Any]:
    """Functions of a graph with those that they lead to."""
    nodes, pending = set(nodes), list(nodes)
    while pending:
        found = {node for node, _ in pending.pop().next_functions if node is not None} - nodes
        nodes |= found
        pending += found
    return nodes


def has_lost_something(node: Any) -> bool:
    for name in dir(node):
        if name.startswith("_saved_"):
            try:
                getattr(node, name)
            except RuntimeError as error:
                if "second time" in str(error) or "already been freed" in str(error):
                    return True
    return False


def strides(side: Side, name: str) -> Any:
    tensor = side.scope.get(name)
    return None if tensor is None else tuple(tensor.stride())


def is_empty(step: Step, name: str) -> bool:
    tensor = step.theirs.scope.get(name)
    return tensor is not None and tensor.numel() == 0


def without_flags(calls: Any) -> Any:
    """What hooks noted, without whether it required grad."""
    if isinstance(calls, tuple):
        return calls[0]
    return [without_flags(call) for call in calls] if isinstance(calls, list) else calls


def unshown(theirs: State, fields: set[str]) -> set[str]:
    """The differing fields, without the gradient that only a leaf shows."""
    return fields - {"grad"} if theirs.is_leaf is not True and theirs.grad is None else fields


def is_written_view(tensor: Any) -> bool:
    return tensor is not None and tensor._is_view() and tensor._version > 0


def has_new_history(tensor: Any, ours: State, theirs: State, fields: set[str]) -> bool:
    return fields == {"requires_grad", "is_leaf"} and (theirs.requires_grad, theirs.is_leaf) == (True, False)
