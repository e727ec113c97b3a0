"""How each of torch's deviations recognises itself: in a statement, in what differs after it, and in how it does.

Where that could still be something else, the program without the statements that are to blame has to agree.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from .lockstep import Side, State, Step, same

# What differs ----------------------------------------------------------------------------------------------


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


# How the program came there --------------------------------------------------------------------------------


def registrations(step: Step, pattern: str) -> list[re.Match]:
    """The statements that register hooks in this way; the groups are the hook and its tensors."""
    found = (re.match(r"(h\d+) = " + pattern, line) for line in step.lines)
    return [match for match in found if match and match[2] in step.theirs.scope]


def ancestors(step: Step, name: str) -> list[str]:
    """A tensor, what it was made from, what that was made from, …"""
    made = re.search(rf"^(?:with .*: )?{name} = (v\d+)[.[]", "\n".join(step.lines), re.MULTILINE)
    return [name, *ancestors(step, made[1])] if made else [name]


# The predicates --------------------------------------------------------------------------------------------


def flag_of_base(step: Step) -> bool:
    """Views without history on the reference; on torch they require grad like their base, or refuse to say."""
    return agreed(step) and all_tensors(
        step,
        lambda tensor, ours, theirs, fields: (
            (ours.requires_grad, ours.is_leaf) == (False, True)
            and theirs.requires_grad is not False
            and fields <= {"requires_grad", "is_leaf", "retains_grad"}
            and tensor._is_view()
            and tensor._base.requires_grad
        ),
    )


def history_of_view(step: Step) -> bool:
    """Views that have a node on torch only, which leads nowhere: their base does not require grad any more."""
    return agreed(step) and all_tensors(
        step,
        lambda tensor, ours, theirs, fields: (
            fields == {"requires_grad", "is_leaf"}
            and (theirs.requires_grad, theirs.is_leaf) == (True, False)
            and tensor._is_view()
            and not tensor._base.requires_grad
        ),
    )


def expanded_memory(step: Step) -> bool:
    """A write to an expanded tensor, or to a part of one."""
    written = re.match(r"(?:with .*: )?(v\d+)", step.line)
    return (
        step.errors == ("RuntimeError", None)
        and written is not None
        and any(
            stride == 0 and size > 1
            for tensor in (step.theirs.scope.get(name) for name in ancestors(step, written[1]))
            if tensor is not None
            for stride, size in zip(tensor.stride(), tensor.shape, strict=True)
        )
        and all_tensors(step, lambda tensor, ours, theirs, fields: bool(fields & {"values", "version"}))
    )


WRITE_TO_VIEW = r"(?:with .*: )?(v\d+)(?:\.(?:t|diagonal)\(\))?(?:\[.*\])?(?:\.\w+_\(| [+*]?= )"
MULTI = r"torch\.autograd\.graph\.register_multi_grad_hook\(\[fresh\(t\) for t in \((v\d+), (v\d+)\)"


def multi_hook_at_root(step: Step) -> bool:
    """Backward starts at one of the hook's tensors."""
    found = re.search(r"(?:^|: )(v\d+)\.backward\(|gradient\((v\d+), v", step.line)
    if found is None:
        return False
    scope = step.theirs.scope
    root = scope[found[1] or found[2]]
    hooks = [m for m in registrations(step, MULTI) if any(scope.get(name) is root for name in m.groups()[1:])]
    return only_hooks(step, (match[1] for match in hooks))


def multi_hook_in_grad(step: Step) -> bool:
    return refused_by_torch(step, "_will_engine_execute_node", "running autograd.grad()")


def grad_with_history(step: Step) -> bool:
    """What was asked for without create_graph has a history through ``grad_outputs`` that require grad.

    Hooks may see it too: other flags with the same numbers.
    """
    made = re.match(r"(v\d+) = gradient\(v\d+, v\d+, grad_outputs=(v\d+), retain_graph=True\)", step.line)
    if made is None or not agreed(step) or not step.theirs.scope[made[2]].requires_grad:
        return False
    hooks = {name for name in step.seen if name[0] == "h"}
    tensors = replace(step, seen={name: pair for name, pair in step.seen.items() if name not in hooks})
    return (
        set(tensors.seen) <= {made[1]}
        and all(same(*map(without_flags, step.seen[name])) for name in hooks)
        and (not tensors.seen or all_tensors(tensors, has_new_history))
    )


def has_new_history(tensor: Any, ours: State, theirs: State, fields: set[str]) -> bool:
    return fields == {"requires_grad", "is_leaf"} and (theirs.requires_grad, theirs.is_leaf) == (True, False)


def without_flags(calls: Any) -> Any:
    """What hooks noted, without whether it required grad."""
    if isinstance(calls, tuple):
        return calls[0]
    return [without_flags(call) for call in calls] if isinstance(calls, list) else calls


def kept_before_prehook(step: Step) -> bool:
    """Kept gradients lack what a hook before the node made of them."""
    hooks = registrations(step, r"(v\d+)\.grad_fn\.register_prehook\(seen\('h\d+', lambda")
    hooked = [step.theirs.scope[match[2]] for match in hooks]
    return (
        agreed(step)
        and all_tensors(
            step, lambda tensor, ours, theirs, fields: fields == {"grad"} and any(tensor is t for t in hooked)
        )
        and step.vanishes_without(match.string for match in hooks)
    )


def is_written_view(tensor: Any) -> bool:
    return tensor is not None and tensor._is_view() and tensor._version > 0


def hook_of_written_view(step: Step) -> bool:
    """Hooks of views that were written to since, or of their nodes, are called less often, or with less."""
    hooks = [
        match
        for match in registrations(step, r"(?:fresh\()?(v\d+)\)?\.(?:grad_fn\.)?register_(?:pre)?hook")
        if is_written_view(step.theirs.scope[match[2]])
    ] + [
        match
        for match in registrations(step, MULTI)
        if any(is_written_view(step.theirs.scope.get(name)) for name in match.groups()[1:])
    ]
    return (
        agreed(step)
        and any(match[1] in step.seen for match in hooks)
        and step.vanishes_without(match.string for match in hooks)
    )


def accumulated_nothing(step: Step) -> bool:
    """A post-accumulate hook of a leaf that does not require grad any more is called."""
    hooks = [
        match
        for match in registrations(step, r"(v\d+)\.register_post_accumulate_grad_hook")
        if not step.theirs.scope[match[2]].requires_grad
    ]
    return (
        step.errors in ((None, None), (None, "AttributeError"))
        and bool(hooks)
        and set(step.seen) <= {name for match in hooks for name in (match[1], match[2])}
        and step.vanishes_without(match.string for match in hooks)
    )


def saved_and_detached(step: Step) -> bool:
    return refused_by_torch(step, "saved tensor that has been detached in-place")


def kept_after_detach(step: Step) -> bool:
    """A tensor that had its gradient kept gets one although it was detached."""
    return agreed(step) and all_tensors(
        step,
        lambda tensor, ours, theirs, fields: (
            fields == {"grad"}
            and not tensor.requires_grad
            and any(step.theirs.scope.get(line.removesuffix(".detach_()")) is tensor for line in step.lines)
        ),
    )


def written_after_detach(step: Step) -> bool:
    return refused_by_torch(step, "old_fn INTERNAL ASSERT FAILED")


def stale_view(step: Step) -> bool:
    """The view, asked now, is no leaf."""
    written = re.match(r"(v\d+)", step.line)
    return (
        refused_by_torch(step, "a leaf Variable that requires grad is being used in an in-place operation")
        and written is not None
        and (view := step.theirs.scope.get(written[1])) is not None
        and view._is_view()
        and not view.is_leaf
    )


def freed_write_to_view(step: Step) -> bool:
    """A second backward passes a write to a view. Without such writes there is no difference."""
    writes = [line for line in step.lines if re.match(WRITE_TO_VIEW, line)]
    return refused_by_torch(step, "backward through the graph a second time") and step.vanishes_without(
        writes
    )


def refused_but_done(step: Step) -> bool:
    """Inference tensors have new values after a write to one of them that both refused."""
    return (
        step.errors == ("RuntimeError", "RuntimeError")
        and "Inplace update to inference tensor outside InferenceMode" in str(step.theirs.error)
        and all_tensors(
            step, lambda tensor, ours, theirs, fields: fields == {"values"} and tensor.is_inference()
        )
    )


def other_reason(step: Step) -> bool:
    """An index is out of range, and a view cannot be used: both refuse, for one of the two reasons."""
    refusal = r"Output \d of \w+ is a view and its base or another view|a view of a leaf Variable that requires grad"
    return (
        step.errors == ("IndexError", "RuntimeError")
        and re.match(refusal, str(step.theirs.error)) is not None
        and not step.seen
    )


def captured_before_hook(step: Step) -> bool:
    """Of several inputs one is a result that the other depends on, and its hook returns another gradient."""
    asked = re.search(r"^(v\d+) = gradients\(.*, \[(v\d+), (v\d+)\]", step.line)
    if asked is None or not agreed(step) or list(step.seen) != [asked[1]]:
        return False
    inputs = [step.theirs.scope[name] for name in asked.groups()[1:]]
    hooks = [
        match
        for match in registrations(step, r"fresh\((v\d+)\)\.register_hook\(seen\('h\d+', ")
        if any(step.theirs.scope[match[2]] is t and not t.is_leaf for t in inputs)
    ]
    return bool(hooks) and step.vanishes_without(match.string for match in hooks)


def stale_view_asked(step: Step) -> bool:
    """Only whether it requires grad was asked of a view that cannot follow its base."""
    names = set(re.findall(r"v\d+", step.line))
    made = re.match(r"(v\d+) = ", step.line)
    return (
        step.errors == ("RuntimeError", None)
        and re.search(r"\bable\(|gradients?\(|\.requires_grad_\(\)|\.retain_grad\(\)", step.line) is not None
        and "history of a view cannot follow" in str(step.ours.error)
        and set(step.seen) <= ({made[1]} if made else set())
        and any(getattr(step.theirs.look().get(name), "is_leaf", None) == "refused" for name in names)
    )


def detached_inference_tensor(step: Step) -> bool:
    """It says that it is an inference tensor, and has a version nevertheless."""
    return (
        agreed(step)
        and step.line.endswith(".detach()")
        and all_tensors(
            step,
            lambda tensor, ours, theirs, fields: (
                fields == {"version"} and ours.version == "refused" and tensor.is_inference()
            ),
        )
    )


def layout(step: Step) -> bool:
    """What makes a view or a copy, as the layout allows, is applied to results that lie differently in memory."""
    made = [match for line in step.lines if (match := re.match(VIEW_OR_COPY, line))]
    names = {match[1] for match in made} | {match[2] for match in made}
    laid = {name for name in names if strides(step.ours, name) != strides(step.theirs, name)}
    if step.errors[0] or step.errors[1]:
        return ".view(" in step.line and "RuntimeError" in step.errors and made[-1][2] in laid
    return bool(laid) and all_tensors(
        step, lambda tensor, ours, theirs, fields: fields <= {"values", "version"}
    )


VIEW_OR_COPY = r"(v\d+) = (v\d+)\.(?:view|reshape|contiguous|flatten)\("


def strides(side: Side, name: str) -> Any:
    tensor = side.scope.get(name)
    return None if tensor is None else tuple(tensor.stride())


def saved_before_requiring_grad(step: Step) -> bool:
    """Derivatives have a history through a leaf that did not require grad when it was saved, and add to its .grad."""
    lines = [line for line in step.lines if re.match(r"v\d+\.requires_grad_\(\)$", line)]
    leaves = [step.theirs.scope.get(line.split(".")[0]) for line in lines]

    def is_touched(tensor: Any, ours: State, theirs: State, fields: set[str]) -> bool:
        if fields == {"grad"}:
            return any(tensor is leaf for leaf in leaves)
        return has_new_history(tensor, ours, theirs, fields)

    return (
        agreed(step)
        and any("create_graph=True" in line for line in step.lines)
        and all_tensors(step, is_touched)
        and step.vanishes_without(lines)
    )


def kept_where_nobody_looked(step: Step) -> bool:
    """What views keep, in a program in which nothing differs if it is looked at after every statement."""
    return (
        agreed(step)
        and all_tensors(
            step,
            lambda tensor, ours, theirs, fields: fields <= {"grad", "retains_grad"} and tensor._is_view(),
        )
        and step.vanishes_without([])
    )


def nothing_written(step: Step) -> bool:
    """Derivatives have no history behind a write to no elements at all. Without such writes nothing differs."""
    writes = [
        line for line in step.lines if (match := re.match(WRITE_TO_VIEW, line)) and is_empty(step, match[1])
    ]
    return (
        agreed(step)
        and bool(writes)
        and any("create_graph=True" in line for line in step.lines)
        and step.vanishes_without(writes)
    )


def is_empty(step: Step, name: str) -> bool:
    tensor = step.theirs.scope.get(name)
    return tensor is not None and tensor.numel() == 0


def modified_but_not_needed(step: Step) -> bool:
    """Had all gradients been asked for, the reference would have refused too."""
    return (
        refused_by_torch(step, "has been modified by an inplace operation")
        and step.with_all_inputs() == "RuntimeError"
    )
